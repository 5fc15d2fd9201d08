"""No request may fill our memory or keep us waiting: bodies have a size limit and a time limit.
None may hold in its address what is no text: databases refuse it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from api import problems
from api.errors import TooLarge, TooSlow
from engine.characters import no_text
from engine.errors import InvalidInput

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


class TextOnly:
    """An ASGI middleware that refuses an address with a character that is no text in its path or
    its parameters. Fields of commands are held to the same where they are parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked = scope["path"], unquote_plus(scope["query_string"].decode("latin-1"))
            if odd := no_text(asked):
                await problems.answer(_no_address(odd))(scope, receive, send)
                return
        await self._app(scope, receive, send)


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


def _no_address(odd: str) -> InvalidInput:
    return InvalidInput(
        f"The address holds a character that is no text ({odd}).",
        why="Control characters and the like can be in no name and in no value.",
        who="Whoever wrote the request can leave it out.",
    )


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
