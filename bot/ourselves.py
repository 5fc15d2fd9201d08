"""Who we are in Slack: asked at the start, and again until Slack says it."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError

from bot.slack_errors import translated
from engine.errors import (
    NotConfigured,
    OpsError,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from logging import Logger

    from slack_sdk.web.async_client import AsyncWebClient
    from slack_sdk.web.async_slack_response import AsyncSlackResponse

    from bot.guard import Workspace
    from engine.clock import Clock

PATIENCE = timedelta(seconds=1.5)
"""While somebody waits for an acknowledgement, which has three seconds. Whoever was told by Slack
that we do not answer asks again, so what is not taken by then must not be taken later."""
FOR_APP = timedelta(seconds=1)
"""For the id of our app, within that patience."""
AGAIN = timedelta(seconds=10)
"""After this time it is asked once more, should nobody want it before."""


class Ourselves:
    """Nothing from Slack is understood before we know where we are at home: `workspace` learns it
    here. Everybody who waits for it waits for the same answer."""

    def __init__(
        self, client: AsyncWebClient, workspace: Workspace, clock: Clock, log: Logger
    ) -> None:
        self.name = "luthien"
        """As people see the bot."""
        self._client = client
        self._workspace = workspace
        self._clock = clock
        self._log = log
        self._known: AuthorizeResult | None = None
        self._asking: asyncio.Task[AuthorizeResult] | None = None
        self._persevering: asyncio.Task[None] | None = None
        self._learning_app: asyncio.Task[None] | None = None

    @property
    def user(self) -> str:
        """Our own id among the people; empty while it is not known."""
        return (self._known.bot_user_id if self._known else None) or ""

    async def learn(self) -> AuthorizeResult:
        """Raises NotConfigured where Slack refuses the token, ProviderError without an answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)

    async def start(self) -> None:
        """Ask; without an answer, go on asking. Raises NotConfigured."""
        try:
            await self.learn()
        except ProviderError:
            self._persevering = asyncio.create_task(self._persevere())
            raise

    async def _persevere(self) -> None:
        while self._known is None:
            await self._clock.sleep(AGAIN)
            try:
                await self.learn()
            except OpsError as missed:
                self._log.warning("Slack does not say who we are: %s", missed)

    async def authorize(self) -> AuthorizeResult:
        """For a delivery. Raises as `learn` does, and Unreachable when it would take too long; it
        goes on being asked for the next one."""
        if self._known is not None:
            return self._known
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return await self.learn()
        except TimeoutError:
            raise Unreachable(
                "Slack does not say yet who this bot is.",
                vendor="slack",
                call="auth.test",
                why="This process has just begun, and Slack is slow or wants it to ask more"
                " slowly. Until it has answered, nothing that comes from it is taken.",
                who="It is asked again by itself. You can do the same once more in a minute.",
            ) from None

    def stop(self) -> None:
        for task in (self._asking, self._persevering, self._learning_app):
            if task is not None:
                task.cancel()

    async def _ask(self) -> AuthorizeResult:
        said = await answered(self._client.auth_test(), "auth.test", "SLACK_BOT_TOKEN")
        self.name = str(said.get("user") or self.name)
        self._workspace.team = str(said.get("team_id") or "")
        self._workspace.organisation = str(said.get("enterprise_id") or "")
        self._workspace.everywhere = bool(said.get("is_enterprise_install"))
        self._known = AuthorizeResult.from_auth_test_response(
            auth_test_response=said, bot_token=self._client.token
        )
        # Payloads prove by themselves that they are of our app (they are signed, or come over our
        # socket), so nobody waits for long for its id.
        self._learning_app = asyncio.create_task(self._learn_app(self._known.bot_user_id or ""))
        await asyncio.wait({self._learning_app}, timeout=FOR_APP.total_seconds())
        return self._known

    async def _learn_app(self, bot_user: str) -> None:
        """The id of our app; it stays empty when Slack does not say. Source: Slack docs,
        users.info."""
        with contextlib.suppress(SlackApiError, aiohttp.ClientError, OSError, TimeoutError):
            person = (await self._client.users_info(user=bot_user)).get("user") or {}
            self._workspace.app = str((person.get("profile") or {}).get("api_app_id") or "")


async def answered(
    asked: Awaitable[AsyncSlackResponse], method: str, setting: str
) -> AsyncSlackResponse:
    """Slack's answer to what shows whether a token is good. Raises NotConfigured where it is
    refused, ProviderError without an answer."""
    try:
        return await asked
    except SlackApiError as error:
        refused = translated(method, error)
        if isinstance(refused, OutcomeUnknown | RateLimited):
            raise refused from None
        raise NotConfigured(
            f"Slack refuses {setting}: {refused.why}.",
            why="The token is wrong, or the app was removed from the workspace.",
            who="Whoever manages the Slack app can copy the token again.",
            next_step="/luthien doctor",
        ) from None
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise OutcomeUnknown("Slack gave no answer.", vendor="slack", call=method) from None


def _heard(asking: asyncio.Task[AuthorizeResult]) -> None:
    """Nobody may be waiting any more for what went wrong."""
    if not asking.cancelled():
        asking.exception()
