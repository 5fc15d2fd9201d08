"""What `doctor` looks at in Slack: tokens, scopes, the channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.slack_errors import translated
from engine.errors import OutcomeUnknown, ProviderError, Rejected, Unreachable
from engine.world import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.rooms import Rooms

MANIFEST = Path(__file__).resolve().parent.parent / "manifest.json"
_REINSTALL = (
    "Paste manifest.json into the app's page (App Manifest) and install the app to the workspace"
    " again."
)


def scopes_of_manifest(path: Path = MANIFEST) -> frozenset[str]:
    """The bot scopes that the app asks for; empty where the manifest is not at hand."""
    if not path.exists():
        return frozenset()
    return frozenset(json.loads(path.read_text("utf-8"))["oauth_config"]["scopes"]["bot"])


class SlackChecks:
    """Never raises: what fails is a finding. `approvals`: where the policy wants them asked for;
    empty: nowhere in particular."""

    def __init__(
        self,
        client: AsyncWebClient,
        rooms: Rooms,
        *,
        app_token: str | None,
        signing_secret: str | None,
        channel: str | None,
        approvals: str,
        wanted: frozenset[str],
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._app_token = app_token
        self._signing_secret = signing_secret
        self._channel = channel
        self._approvals = approvals
        self._wanted = wanted

    async def __call__(self) -> Sequence[Finding]:
        findings = [*await self._bot(), await self._delivery()]
        if findings[0].ok:
            rooms = [await self._default_room()]
            if self._approvals:
                where = "the policy's `approvals: channel`"
                rooms.append(await self._room("Approvals channel", self._approvals, where))
            return [*findings, *rooms]
        return [*findings, _unasked("Slack scopes"), _unasked("Slack channel")]

    async def _bot(self) -> list[Finding]:
        name = "Slack bot token"
        try:
            said = await self._client.auth_test()
        except SlackApiError as error:
            return [_refused(name, translated("auth.test", error), "SLACK_BOT_TOKEN")]
        except (aiohttp.ClientError, OSError, TimeoutError):
            return [_unreachable(name)]
        granted = frozenset(
            s.strip() for s in (said.headers.get("x-oauth-scopes") or "").split(",") if s.strip()
        )
        if not self._wanted:
            who = f"{said.get('user')} in {said.get('team')}; manifest.json is not at hand"
            return [Finding(name, True, who)]
        missing = sorted(self._wanted - granted)
        scopes = Finding(
            "Slack scopes",
            not missing,
            f"missing: {', '.join(missing)}" if missing else f"all {len(self._wanted)} granted",
            _REINSTALL if missing else "",
        )
        who = f"{said.get('user')} in {said.get('team')}"
        return [Finding(name, True, who), scopes]

    async def _delivery(self) -> Finding:
        """How Slack reaches us."""
        if self._app_token is None:
            ok = bool(self._signing_secret)
            detail = "HTTP: Slack posts to /slack/events, signed" if ok else "no way is set"
            return Finding(
                "Slack delivery",
                ok,
                detail,
                "" if ok else "Set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP).",
            )
        name = "Slack app token"
        try:
            await self._client.apps_connections_open(app_token=self._app_token)
        except SlackApiError as error:
            return _refused(name, translated("apps.connections.open", error), "SLACK_APP_TOKEN")
        except (aiohttp.ClientError, OSError, TimeoutError):
            return _unreachable(name)
        return Finding(name, True, "Socket Mode")

    async def _default_room(self) -> Finding:
        name = "Slack channel"
        if self._channel is None:
            return Finding(
                name, True, "none set: runs from elsewhere than Slack are not told there"
            )
        return await self._room(name, self._channel, "LUTHIEN_CHANNEL")

    async def _room(self, name: str, channel: str, setting: str) -> Finding:
        try:
            member = await self._rooms.look(channel)
        except Rejected as error:
            return Finding(
                name,
                False,
                f"{channel}: {error.why}: there is none, or the bot may not see it",
                f"Set {setting} to the id of a channel that exists (its name, About, at the"
                " bottom); in a private one type /invite @luthien first.",
            )
        except ProviderError as error:
            return Finding(name, False, f"{channel}: {error.summary}", "Try again later.")
        return Finding(
            name,
            member,
            f"{channel}: the bot is {'a' if member else 'no'} member",
            "" if member else f"Type /invite @luthien in that channel, or set {setting}.",
        )


def _unasked(name: str) -> Finding:
    return Finding(name, False, "can be asked only with a bot token", "Mend the bot token first.")


def _refused(name: str, error: ProviderError, setting: str) -> Finding:
    if isinstance(error, OutcomeUnknown):
        return _unreachable(name)
    return Finding(
        name,
        False,
        error.why or error.summary,
        f"Copy the token again from the app's page and set {setting}.",
        page=error.code,
    )


def _unreachable(name: str) -> Finding:
    fix = "Check the network and SLACK_API_URL."
    return Finding(name, False, "Slack gave no answer", fix, page=Unreachable.code)
