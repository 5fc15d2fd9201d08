"""The yardstick of the acknowledgement: Bolt with one listener that does nothing but ack.

`/slack/events` is Bolt as the product configures it, `/default/events` as Bolt comes, and
`/durable/events` appends a page to FILE first and waits until the disk has it.
Run: python -m bench.echo_app PORT SIGNING_SECRET FILE
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = b"\0" * 4096
"""As much as one row costs a database."""


async def authorize() -> AuthorizeResult:
    """Without asking Slack, so that only Bolt's own work is measured."""
    return AuthorizeResult(
        enterprise_id=None, team_id="T0", bot_user_id="U0", bot_id="B0", bot_token="xoxb-echo"
    )


def appending(file: str) -> Callable[[], None]:
    """Durably, whenever it is called."""
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append() -> None:
        os.write(descriptor, PAGE)
        os.fdatasync(descriptor)

    return append


def endpoint(
    secret: str, *, ack_first: bool = False, before: Callable[[], None] | None = None
) -> AsyncSlackRequestHandler:
    """`before`: done in a thread before each acknowledgement."""
    app = AsyncApp(
        signing_secret=secret, authorize=authorize, process_before_response=not ack_first
    )

    @app.command("/luthien")
    async def typed(ack: AsyncAck) -> None:
        if before is not None:
            await asyncio.to_thread(before)
        await ack()

    return AsyncSlackRequestHandler(app)


async def readyz(_: Request) -> Response:
    return PlainTextResponse("ready")


def main() -> None:
    port, secret, file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    doors = {
        "/slack/events": endpoint(secret),
        "/default/events": endpoint(secret, ack_first=True),
        "/durable/events": endpoint(secret, before=appending(file)),
    }
    routes = [Route(path, door.handle, methods=["POST"]) for path, door in doors.items()]
    routes.append(Route("/readyz", readyz))
    uvicorn.run(
        Starlette(routes=routes),
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
    )


if __name__ == "__main__":
    main()
