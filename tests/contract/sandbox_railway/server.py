"""A sandbox behind a real socket in this process's loop: for dropped connections, websockets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import uvicorn

from sandbox.server import DroppableProtocol, create_app
from tests.serving import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.server import ByHost, Settings


@contextlib.asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[ByHost, int]]:
    """The application and the port that it listens on."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=DroppableProtocol,
        ws="websockets-sansio",
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    async with serving(config) as server:
        port: int = server.servers[0].sockets[0].getsockname()[1]
        yield app, port
