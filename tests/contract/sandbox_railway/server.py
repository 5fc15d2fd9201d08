"""A sandbox behind a real socket in this process's loop: for dropped connections, websockets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

from sandbox.server import DroppableProtocol, create_app

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from sandbox.server import ByHost, Settings


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextlib.asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[ByHost, int]]:
    """The application and the port that it listens on."""
    app = create_app(settings)
    server = _Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            http=DroppableProtocol,
            ws="websockets-sansio",
            log_level="error",
            timeout_graceful_shutdown=1,
        )
    )
    task = asyncio.create_task(server.serve())
    try:
        await server.up.wait()
        port: int = server.servers[0].sockets[0].getsockname()[1]
        yield app, port
    finally:
        server.should_exit = True
        await task
