"""aiosqlite with fewer trips to its thread.

Every call is handed to the connection's thread and its outcome handed back, which takes longer
than most statements do. Making a cursor, closing it, and rolling back where no transaction is
open touch nothing but memory, so they are done where they are asked for: a statement takes two
trips instead of four. That is allowed only while nothing is under way in the thread, as it may be
after somebody who waited for it was cancelled; then they take their turn there like everything
else.
"""

# ruff: noqa: SLF001 (what aiosqlite keeps for itself; tests/unit/engine/test_driver.py holds it)

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import aiosqlite
from aiosqlite.context import contextmanager
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 64
"""Rows that are fetched at once where rows are awaited one by one; aiosqlite's own default."""


class Connection(aiosqlite.Connection):
    """Used by one task at a time, as SQLAlchemy's pool sees to."""

    _astray = False
    """Something may still be under way in the thread that nobody waits for."""

    @override
    async def _execute(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        try:
            outcome = await super()._execute(fn, *args, **named)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            self._astray = True
            raise
        self._astray = False  # one after the other: what came before is done, too
        return outcome

    @contextmanager
    @override
    async def cursor(self) -> aiosqlite.Cursor:
        if self._astray:
            return Cursor(self, await self._execute(self._conn.cursor))
        return Cursor(self, self._conn.cursor())

    @override
    async def rollback(self) -> None:
        if self._astray or self._conn.in_transaction:
            await super().rollback()


class Cursor(aiosqlite.Cursor):
    @override
    async def close(self) -> None:
        connection = self._conn
        if isinstance(connection, Connection) and connection._astray:
            await super().close()
        else:
            self._cursor.close()


async def connect(file: str, **options: Any) -> Connection:
    """`options`: of sqlite3.connect. Its thread does not keep the process from ending."""

    def connected() -> sqlite3.Connection:
        options.update(check_same_thread=False, isolation_level=None)
        opened: sqlite3.Connection = sqlite3.connect(file, **options)
        return opened

    connection = Connection(connected, CHUNK)
    connection._thread.daemon = True
    await connection
    return connection
