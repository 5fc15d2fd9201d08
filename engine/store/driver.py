"""aiosqlite with one trip to its thread for each statement.

Every call is handed to the connection's thread and its outcome handed back, which takes longer
than most statements do. Here the rows come back with the trip that executed their statement, and
what touches nothing but memory (making a cursor, closing one that is read to its end, rolling
back where nothing is open) is done where it is asked for.

That is sound because no trip is ever left to itself: whoever is cancelled while one is under way
waits for its end, so that nobody meets a connection in which somebody else's statement still
runs, or begins a transaction after its connection was given back.
"""

# ruff: noqa: SLF001 (what aiosqlite keeps for itself; tests/unit/engine/test_driver.py holds it)

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import aiosqlite
from aiosqlite.context import contextmanager
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AHEAD = 500
"""Rows that come with the trip that executed their statement, and with each one after it."""

_Rows = list[Any]


class Connection(aiosqlite.Connection):
    """Used by one task at a time, as SQLAlchemy's pool sees to."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, AHEAD)
        self.unfinished: set[Cursor] = set()
        """Those with rows left in the database; one that is dropped must not stay so."""

    @override
    async def _execute(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **named)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            await self._settle()
            raise

    async def _settle(self) -> None:
        """What is under way has ended: the thread takes one after the other."""
        if not self._running:  # it takes no more, and nobody is given this connection
            return
        passed = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((passed, lambda: None))
        while not passed.done():
            with contextlib.suppress(asyncio.CancelledError):  # that is known already
                await asyncio.shield(passed)

    @override
    def stop(self) -> asyncio.Future[Any] | None:
        """Once: what comes after it in the thread's line is never done, and would be waited for
        without end."""
        if not self._running:
            return None
        ended: asyncio.Future[Any] | None = super().stop()
        return ended

    @contextmanager
    @override
    async def cursor(self) -> aiosqlite.Cursor:
        return Cursor(self, self._conn.cursor())

    @override
    async def commit(self) -> None:
        await self._finish()
        await super().commit()

    @override
    async def rollback(self) -> None:
        await self._finish()
        if self.in_transaction:
            await super().rollback()

    async def _finish(self) -> None:
        while self.unfinished:
            await self.unfinished.pop().close()


class Cursor(aiosqlite.Cursor):
    """Holds rows that nobody has asked for yet."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._of = connection
        self._rows: _Rows = []
        self._more = False

    @override
    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        self._put(await self._of._execute(self._begin, sql, parameters or ()))
        return self

    def _begin(self, sql: str, parameters: Any) -> _Rows:
        """In the thread."""
        self._cursor.execute(sql, parameters)
        return self._cursor.fetchmany(AHEAD)

    def _put(self, rows: _Rows) -> None:
        self._rows += rows
        self._more = len(rows) == AHEAD
        (self._of.unfinished.add if self._more else self._of.unfinished.discard)(self)

    @override
    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    @override
    async def fetchmany(self, size: int | None = None) -> _Rows:
        size = self.arraysize if size is None else size
        while self._more and len(self._rows) < size:
            self._put(await self._of._execute(self._cursor.fetchmany, max(AHEAD, size)))
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    @override
    async def fetchall(self) -> _Rows:
        if self._more:
            self._rows += await self._of._execute(self._cursor.fetchall)
            self._put([])
        taken, self._rows = self._rows, []
        return taken

    @override
    async def close(self) -> None:
        if self._more:
            await self._of._execute(self._cursor.close)
            self._put([])
        else:
            self._cursor.close()


async def connect(file: str, **options: Any) -> Connection:
    """`options`: of sqlite3.connect. Its thread does not keep the process from ending."""

    def connected() -> sqlite3.Connection:
        opened: sqlite3.Connection = sqlite3.connect(file, **options)
        return opened

    connection = Connection(connected)
    connection._thread.daemon = True
    await connection
    return connection
