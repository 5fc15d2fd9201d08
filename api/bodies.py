"""No request may fill our memory or keep us waiting: bodies have a size limit and a time limit."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from api import problems
from api.errors import TooLarge, TooSlow

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_LIMIT = 256 * 1024
SLACK_LIMIT = 1024 * 1024
"""Slack's own posts: a modal's state of many fields with 3,000 characters each."""
SLOWEST = timedelta(seconds=10)
"""For a whole body; Slack itself gives up on us after three seconds."""


class BodyLimit:
    """An ASGI middleware that reads a body before anything else looks at the request. What is too
    large or too slow is answered, and its connection closed."""

    def __init__(self, app: ASGIApp, slowest: timedelta = SLOWEST) -> None:
        self._app = app
        self._slowest = slowest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = SLACK_LIMIT if scope["path"].startswith("/slack/") else API_LIMIT
        try:
            async with asyncio.timeout(self._slowest.total_seconds()):
                waiting = [await _body(scope, receive, limit)]
        except TimeoutError:
            await problems.answer(_too_slow(self._slowest))(scope, receive, send)
            return
        except TooLarge as error:
            await problems.answer(error)(scope, receive, send)
            return

        async def replay() -> Message:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)


async def _body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """What came until the sender was done or left. Raises TooLarge."""
    told = dict(scope["headers"]).get(b"content-length", b"0")
    if not told.isdigit() or int(told) > limit:
        raise _too_large(limit)
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "The body is too large.",
        why=f"At most {limit // 1024} KiB are read.",
        who="Whoever sends it can make it shorter.",
    )


def _too_slow(slowest: timedelta) -> TooSlow:
    return TooSlow(
        "The body came too slowly.",
        why=f"A whole body may take {slowest.total_seconds():g} seconds.",
        who="Whoever sends it can try again.",
    )
