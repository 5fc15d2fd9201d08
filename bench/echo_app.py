"""The yardstick of the acknowledgement: Bolt with one listener that does nothing but ack.

`/slack/events` is Bolt as the product configures it, `/default/events` as Bolt comes.
Run: python -m bench.echo_app PORT SIGNING_SECRET
"""

from __future__ import annotations

import sys

import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def authorize() -> AuthorizeResult:
    """Without asking Slack, so that only Bolt's own work is measured."""
    return AuthorizeResult(
        enterprise_id=None, team_id="T0", bot_user_id="U0", bot_id="B0", bot_token="xoxb-echo"
    )


def endpoint(secret: str, *, ack_first: bool) -> AsyncSlackRequestHandler:
    app = AsyncApp(
        signing_secret=secret, authorize=authorize, process_before_response=not ack_first
    )

    @app.command("/luthien")
    async def typed(ack: AsyncAck) -> None:
        await ack()

    return AsyncSlackRequestHandler(app)


async def readyz(_: Request) -> Response:
    return PlainTextResponse("ready")


def main() -> None:
    port, secret = int(sys.argv[1]), sys.argv[2]
    routes = [
        Route("/readyz", readyz),
        Route("/slack/events", endpoint(secret, ack_first=False).handle, methods=["POST"]),
        Route("/default/events", endpoint(secret, ack_first=True).handle, methods=["POST"]),
    ]
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
