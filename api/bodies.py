"""No request may fill our memory: bodies have a size limit, told or not told in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api import problems
from api.errors import TooLarge

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API_LIMIT = 256 * 1024
SLACK_LIMIT = 4 * 1024 * 1024
"""Slack's own posts: a modal's state of many fields with 3,000 characters each."""


class BodyLimit:
    """An ASGI middleware. What is too large is answered with 413 before it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = SLACK_LIMIT if scope["path"].startswith("/slack/") else API_LIMIT
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > limit:
            await problems.answer(_too_large(limit))(scope, receive, send)
            return
        read, begun = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise _too_large(limit)
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except TooLarge as error:
            if begun:
                raise
            await problems.answer(error)(scope, receive, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "The body is too large.",
        why=f"At most {limit // 1024} KiB are read.",
        who="Whoever sends it can make it shorter.",
    )
