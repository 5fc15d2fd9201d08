"""A way to Postgres that can be cut."""

from __future__ import annotations

import asyncio


class Cable:
    """A TCP connection's way to Postgres, which can be cut: bytes are no longer passed on, and
    nobody is told, as when a network drops packets."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None
        self._tasks.add(here)
        writers = [back]
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._to)
            writers.append(forth)
            await asyncio.gather(self._pass_on(near, forth), self._pass_on(far, back))
        except (OSError, asyncio.CancelledError):
            pass  # the callback of asyncio's own server would complain of a cancelled one
        finally:
            for writer in writers:
                writer.transport.abort()
            self._tasks.discard(here)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one side is gone: so is the other

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
