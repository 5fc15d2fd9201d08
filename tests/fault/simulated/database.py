"""SQLite without threads, so that simulated time cannot run ahead of it; with its own troubles."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from engine.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Check = Callable[[str], None]
"""Called with each statement; raises what is wrong with the database."""


class _Cursor:
    def __init__(self, raw: sqlite3.Connection, check: Check) -> None:
        self._raw = raw.cursor()
        self._check = check

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> Self:
        if statement.startswith("BEGIN"):
            await asyncio.sleep(0)
        self._check(statement)
        self._raw.execute(statement, tuple(parameters))
        return self

    async def executemany(self, statement: str, rows: Iterable[Any]) -> Self:
        self._check(statement)
        self._raw.executemany(statement, rows)
        return self

    async def fetchall(self) -> list[Any]:
        return self._raw.fetchall()

    async def fetchone(self) -> Any:
        return self._raw.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._raw.fetchmany(size or 1)

    async def close(self) -> None:
        self._raw.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


class _Connection:
    """What SQLAlchemy's dialect for aiosqlite needs of it."""

    def __init__(self, raw: sqlite3.Connection, check: Check) -> None:
        self._conn = self._connection = raw
        self._check = check

    def cursor(self) -> _Cursor:
        return _Cursor(self._conn, self._check)

    async def commit(self) -> None:
        self._check("COMMIT")
        self._conn.commit()

    async def rollback(self) -> None:
        self._conn.rollback()

    async def close(self) -> None:
        self._conn.close()

    def stop(self) -> None:
        self._conn.close()

    async def create_function(self, *args: Any, **named: Any) -> None:
        self._conn.create_function(*args, **named)

    @property
    def isolation_level(self) -> str | None:
        return self._conn.isolation_level


class SimulatedDatabase(Database):
    """The file outlives it; `cut` is what a killed process leaves of it."""

    def __init__(self, file: Path, check: Check) -> None:
        self._open: list[sqlite3.Connection] = []

        async def connect(*_args: Any, **_named: Any) -> _Connection:
            check("CONNECT")
            raw = sqlite3.connect(file, isolation_level=None, timeout=0)
            self._open.append(raw)
            return _Connection(raw, check)

        super().__init__(f"sqlite+aiosqlite:///{file}", async_creator=connect)

    def cut(self) -> None:
        """Whatever was not committed is gone."""
        for raw in self._open:
            raw.close()
