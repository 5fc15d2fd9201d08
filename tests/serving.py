"""A uvicorn server inside a test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator


class Server(uvicorn.Server):
    """Says when it listens, and leaves signals alone: several servers that come and go side by
    side would restore one another's handlers, and Ctrl-C would lead to one that is gone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    config: uvicorn.Config, sockets: list[socket.socket] | None = None
) -> AsyncIterator[Server]:
    """The server, listening, as long as the block."""
    server = Server(config)
    task = asyncio.create_task(server.serve(sockets))
    up = asyncio.create_task(server.up.wait())
    await asyncio.wait((task, up), return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            await task
        yield server
    finally:
        up.cancel()
        server.should_exit = True
        await task
