"""The Slack door: everything between a workspace and the control plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)

from bot import scrub
from bot.answering import Answering
from bot.approvals import ApprovalPosts
from bot.checks import SlackChecks, scopes_of_manifest
from bot.client import WatchedClient, webhook
from bot.completion import Completion
from bot.desk import Desk
from bot.explaining import Explaining
from bot.guard import Workspace, signed, well_formed
from bot.hearing import Hearing
from bot.home import Home
from bot.identity import Identity, SlackDirectory
from bot.listeners import listen
from bot.live import Live
from bot.narrator import Narrator
from bot.notices import Announcer
from bot.ourselves import Ourselves, answered
from bot.rooms import Rooms
from bot.rush import Rush, patient
from bot.slack_errors import failed, translated
from bot.socket_mode import SlackSocket, bolt_line, delivery
from bot.telling import Stage
from bot.topics import Topics
from bot.voice import Voice
from engine.clock import SystemClock
from engine.errors import OutcomeUnknown, ProviderError
from engine.peers import NoPeers
from engine.precedence import Precedence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from slack_bolt.authorization import AuthorizeResult
    from slack_bolt.response import BoltResponse
    from slack_sdk.web.async_client import AsyncWebClient
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.blocks import Block
    from engine.clock import Clock
    from engine.control_plane import ControlPlane
    from engine.notices import Notices
    from engine.peers import Peers
    from engine.secrets import SealKeys
    from engine.told import Told
    from engine.world import Finding

SLACK_API_URL = "https://slack.com/api/"
GRACE = timedelta(seconds=5)
"""For answers that are on their way when the door closes."""
TIMEOUT_S = 15


@dataclass(frozen=True)
class SlackSettings:
    """`app_token` set: Socket Mode; else Slack posts to us, signed with `signing_secret`."""

    bot_token: str = field(repr=False)
    app_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    api_url: str | None = None
    channel: str | None = None
    """Where runs are told that began outside of Slack."""
    per_second: float = 0
    """How many commands, clicks and forms of one person; 0: no limit."""


class SlackDoor:
    """Made once by `app`. Its clock runs in real time whatever the pace: so does Slack."""

    def __init__(
        self,
        control: ControlPlane,
        told: Told,
        notices: Notices,
        settings: SlackSettings,
        keys: SealKeys,
        clock: Clock | None = None,
        peers: Peers | None = None,
        precedence: Precedence | None = None,
    ) -> None:
        clock, peers = clock or SystemClock(), peers or NoPeers()
        self._control = control
        self._settings = settings
        self._clock = clock
        self._scrubber = scrub.Scrubber(
            settings.bot_token, settings.app_token, settings.signing_secret
        )
        self._log = scrub.logger(self._scrubber)
        self._client = self._web_client(
            AsyncConnectionErrorRetryHandler(),
            AsyncRateLimitErrorRetryHandler(max_retry_count=3),
            AsyncServerErrorRetryHandler(),
        )
        # Posting must never be repeated blindly, so this one does not retry by itself.
        posting = self._web_client()
        hook = webhook(self._log, lambda: posting.session)
        self._voice = Voice(posting, clock, self._log, hook, peers)
        self._clients = (self._client, posting)
        self._session: aiohttp.ClientSession | None = None
        self._directory = SlackDirectory(self._voice, clock, self._log)
        control.people.directory = self._directory
        self._identity = Identity(control.people)
        self._workspace = Workspace(self._log)
        self._ourselves = Ourselves(self._client, self._workspace, clock, self._log)
        self._rooms = Rooms(self._voice, clock, lambda: self._ourselves.name)
        stage = Stage(
            control, told, self._voice, clock, self._log, settings.channel, notices, peers
        )
        self._narrator = Narrator(stage, self._scrubber)
        self._announcer = Announcer(stage, self._scrubber)
        self._live = Live(control, self._voice, clock, self._log, peers)
        self._approvals = ApprovalPosts(stage, self._scrubber, self._rooms)
        self._precedence = precedence or Precedence()
        answering = Answering(
            control,
            self._voice,
            self._narrator,
            live=self._live,
            send_file=self._send_file,
            clock=clock,
            log=self._log,
            scrubber=self._scrubber,
            bot_name=lambda: self._ourselves.name,
            precedence=self._precedence,
        )
        self._desk = Desk(
            control,
            self._identity,
            self._rooms,
            answering,
            open_form=self._open_form,
            update_form=self._update_form,
            log=self._log,
            default_channel=settings.channel,
            bot_name=lambda: self._ourselves.name,
            keys=keys,
        )
        self._app = AsyncApp(
            name="luthien",  # else Bolt looks through the source of every caller for one
            client=self._client,
            authorize=self._authorizer(),
            signing_secret=settings.signing_secret or "",
            request_verification_enabled=settings.app_token is None,
            process_before_response=True,
            logger=self._log,
        )
        topics = Topics(control, told, self._voice)

        @self._app.middleware
        async def admit(
            body: dict[str, Any], next_: Callable[[], Awaitable[BoltResponse]]
        ) -> BoltResponse:
            return await self._workspace.admit(body, next_)

        self._home = Home(control, self._identity, self._publish_home, clock, self._log)
        listen(
            self._app,
            self._desk,
            Hearing(self._desk, control.registry, topics, me=lambda: self._ourselves.user),
            Explaining(self._desk, topics),
            self._live,
            control.registry,
            Completion(control, self._identity, clock, self._log),
            self._home,
            self._directory,
            Rush(control.registry, patient(settings.per_second)),
        )
        self._socket: SlackSocket | None = None
        if token := settings.app_token:
            line = bolt_line(self._app, token, self._precedence, self._log)
            self._socket = SlackSocket(line, clock, self._log)

    async def start(self) -> None:
        """Be ready for people and take up what was left. Raises NotConfigured for a bad token;
        while Slack cannot be reached, it goes on trying."""
        try:
            await self._ourselves.start()
            if token := self._settings.app_token:
                # Asked here, because the socket's client would try a bad token for ever.
                asked = self._client.apps_connections_open(app_token=token)
                await answered(asked, "apps.connections.open", "SLACK_APP_TOKEN")
        except ProviderError as missed:
            self._log.warning("Slack does not answer yet: %s", missed)
        self._keep_connections()
        self._narrator.start()
        self._announcer.start()
        self._home.start()
        self._approvals.start()
        await self._desk.resume()
        if self._socket is not None:
            self._socket.start()

    async def resume(self) -> None:
        """Take up what another replica accepted and left."""
        await self._desk.resume()

    async def stop(self) -> None:
        """Take nothing new, let answers go out, leave the rest to the next start."""
        if self._socket is not None:
            await self._socket.stop()
        await self._home.stop()
        self._ourselves.stop()
        self._live.close()
        await self._desk.stop(GRACE)
        await self._announcer.stop()
        await self._approvals.stop()
        await self._narrator.stop()
        if self._session is not None:
            await self._session.close()

    @property
    def rooms(self) -> Rooms:
        """Where the bot can speak: SpeaksInChannels."""
        return self._rooms

    @property
    def connected(self) -> bool:
        """Whether Slack can reach us: an open socket, or HTTP mode."""
        return self._socket is None or self._socket.connected

    @property
    def http_handler(self) -> Callable[[Request], Awaitable[Response]] | None:
        """Answers what Slack posts, to be mounted at /slack/events; None in Socket Mode."""
        if self._settings.app_token:
            return None
        bolt = AsyncSlackRequestHandler(self._app).handle
        handle = signed(self._settings.signing_secret or "", well_formed(bolt, self._log))

        async def timed(request: Request) -> Response:
            with delivery("http"), self._precedence.delivery():
                return await handle(request)

        return timed

    async def checks(self) -> Sequence[Finding]:
        """What `doctor` shows of Slack; never raises."""
        policy = (await self._control.policy()).loaded.policy
        check = SlackChecks(
            self._client,
            self._rooms,
            approvals=policy.approvals.channel or "",
            app_token=self._settings.app_token,
            signing_secret=self._settings.signing_secret,
            channel=self._settings.channel,
            wanted=scopes_of_manifest(),
        )
        return await check()

    def _keep_connections(self) -> None:
        """By itself, Slack's client opens a connection for each call and closes it afterwards."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout)
        for client in self._clients:
            client.session = self._session

    def _web_client(self, *handlers: object) -> AsyncWebClient:
        return WatchedClient(
            token=self._settings.bot_token,
            base_url=self._settings.api_url or SLACK_API_URL,
            timeout=TIMEOUT_S,
            logger=self._log,
            retry_handlers=list(handlers),  # type: ignore[arg-type] # handlers have one base
        )

    def _authorizer(self) -> Callable[[], Awaitable[AuthorizeResult]]:
        """A function, since Bolt takes its arguments by their names, `self` included."""

        async def authorize() -> AuthorizeResult:
            return await self._ourselves.authorize()

        return authorize

    async def _open_form(self, trigger: str, view: Block) -> str:
        try:
            opened = await self._client.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            raise translated("views.open", error) from None
        return str((opened.get("view") or {}).get("id") or "")

    async def _update_form(self, view_id: str, view: Block) -> None:
        try:
            await self._client.views_update(view_id=view_id, view=view)
        except SlackApiError as error:
            raise translated("views.update", error) from None

    async def _send_file(self, user: str, name: str, text: str) -> None:
        """Into the person's direct conversation with the bot. Raises ProviderError."""
        channel = await self._voice.direct(user)
        method = "files.completeUploadExternal"
        try:
            await self._client.files_upload_v2(
                channel=channel, filename=name, title=name, content=text
            )
        except SlackApiError as error:
            raise translated(method, error) from None
        except (SlackRequestError, aiohttp.ClientError, OSError, TimeoutError):
            raise failed(OutcomeUnknown, method, "Slack did not take the file.") from None

    async def _publish_home(self, user: str, view: Block) -> None:
        await self._client.views_publish(user_id=user, view=view)
