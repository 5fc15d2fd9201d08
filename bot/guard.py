"""Who may speak to us as Slack: signed for our app, of a shape that Slack sends, from our
workspace, about people in it."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any

from slack_bolt.response import BoltResponse
from starlette.responses import PlainTextResponse

from bot import shapes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from logging import Logger

    from starlette.requests import Request
    from starlette.responses import Response

    Handler = Callable[[Request], Awaitable[Response]]

OLDEST_S = 5 * 60


def signed(secret: str, handle: Handler) -> Handler:
    """`handle` for requests whose signature fits and is younger than five minutes; others are
    refused before a byte of their body is understood. (Bolt parses first and verifies later.)
    """

    async def verified(request: Request) -> Response:
        if not _fits(secret, request.headers, await request.body()):
            return PlainTextResponse("The signature does not fit.", 401)
        return await handle(request)

    return verified


def _fits(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Compared as bytes: neither headers nor bodies of strangers need to be text.

    Source: Slack docs, Verifying requests from Slack.
    """
    stamp = headers.get("x-slack-request-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("1767225600") + 2):
        return False
    if abs(time.time() - int(stamp)) > OLDEST_S:
        return False
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    given = headers.get("x-slack-signature", "")
    return hmac.compare_digest(f"v0={mac.hexdigest()}".encode(), given.encode())


def well_formed(handle: Handler, log: Logger) -> Handler:
    """`handle` for bodies of a shape that Slack sends; others are a bad request."""

    async def checked(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        if wrong := shapes.fault_of_body(await request.body(), content_type):
            log.warning("a payload of Slack was refused: %s", wrong)
            return PlainTextResponse(f"This is no payload of Slack: {wrong}.", 400)
        return await handle(request)

    return checked


class Workspace:
    """Where we are at home: learnt from Slack's answer to our token, compared with every payload.

    People of other workspaces see our messages in shared channels and could press their buttons.
    """

    def __init__(self, log: Logger) -> None:
        self._log = log
        self.app = ""
        self.team = ""
        self.organisation = ""
        """On Enterprise Grid, the one that our workspace belongs to."""
        self.everywhere = False
        """The app is installed in the whole organisation."""

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
        """Whose payload it is, if not ours. What names no workspace is nobody's."""
        app = body.get("api_app_id")
        if self.app and app and app != self.app:
            return "another app"
        if not self.team:
            return ""
        teams = list(_teams(body))
        # On Grid, people may be named by their organisation instead of a workspace.
        if any(team not in (self.team, self.organisation) for team in teams):
            return "another workspace"
        if self.team in teams or (self._of_organisation(body) and self.everywhere):
            return ""
        return "no workspace"

    def _of_organisation(self, body: Mapping[str, Any]) -> bool:
        """What is installed in the whole organisation is told of some things without a workspace.

        Source: Slack docs, organization-ready apps (`is_enterprise_install`, `enterprise`).
        """
        named = body.get("enterprise_id") or _id(body.get("enterprise"))
        return bool(self.organisation) and named == self.organisation


def _teams(body: Mapping[str, Any]) -> Iterator[object]:
    """Every workspace that a payload names: in which something was done, and whose people."""
    event, user = body.get("event"), body.get("user")
    yield from filter(
        None,
        (
            body.get("team_id"),
            _id(body.get("team")),
            _of(user, "team_id"),
            _of(event, "user_team"),
            _of(event, "source_team"),
        ),
    )


def _id(value: object) -> object:
    return value if isinstance(value, str) else _of(value, "id")


def _of(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
