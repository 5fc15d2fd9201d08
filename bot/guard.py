"""Who may speak to us as Slack: signed for our app, from our workspace, about people in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from logging import Logger

    from starlette.requests import Request
    from starlette.responses import Response

    Handler = Callable[[Request], Awaitable[Response]]


def signed(secret: str, handle: Handler) -> Handler:
    """`handle` for requests whose signature fits and is younger than five minutes; others are
    refused before a byte of their body is understood. (Bolt parses first and verifies later.)

    Source: Slack docs, Verifying requests from Slack.
    """
    verifier = SignatureVerifier(secret)

    async def verified(request: Request) -> Response:
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        fits = timestamp.isdigit() and verifier.is_valid(
            await request.body(), timestamp, signature
        )
        if not fits:
            return PlainTextResponse("The signature does not fit.", 401)
        return await handle(request)

    return verified


class Workspace:
    """Where we are at home: learnt from Slack's answer to our token, compared with every payload.

    People of other workspaces see our messages in shared channels and could press their buttons.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self.app = ""
        self.team = ""

    async def admit(
        self, body: Mapping[str, Any], next_: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """A middleware of Bolt. Strangers are acknowledged, and nothing else happens."""
        stranger = self._stranger(body)
        if not stranger:
            return await next_()
        self._log.warning("a payload of %s was ignored", stranger)
        return BoltResponse(status=200, body="")

    def _stranger(self, body: Mapping[str, Any]) -> str:
        """Whose payload it is, if not ours."""
        app = body.get("api_app_id")
        if self.app and app and app != self.app:
            return "another app"
        if not self.team:
            return ""
        user = _dict(body.get("user"))
        event = _dict(body.get("event"))
        teams = (
            body.get("team_id"),
            _dict(body.get("team")).get("id"),
            user.get("team_id"),
            event.get("user_team"),
            event.get("source_team"),
        )
        foreign = [team for team in teams if team and team != self.team]
        return "another workspace" if foreign else ""


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
