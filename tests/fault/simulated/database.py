"""SQLite without threads, so that simulated time cannot run ahead of it; with its own troubles."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool
from typing_extensions import override

from engine.store import audit
from engine.store.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Engine, Executable

    from engine.secrets import SealKeys

T = TypeVar("T")
Check = Callable[[str], None]
"""Called with each statement; raises what is wrong with the database."""


class _Cursor(sqlite3.Cursor):
    connection: _Connection

    @override
    def execute(self, statement: str, /, *given: Any) -> Self:
        self.connection.check(statement)
        super().execute(statement, *given)
        return self

    @override
    def executemany(self, statement: str, rows: Iterable[Any], /) -> Self:
        self.connection.check(statement)
        super().executemany(statement, rows)
        return self


class _Connection(sqlite3.Connection):
    check: Check

    @override
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    @override
    def commit(self) -> None:
        self.check("COMMIT")
        super().commit()
        self.check("COMMITTED")


class SimulatedDatabase(Database):
    """The file outlives it; `cut` is what a killed process leaves of it.

    The same statements in the same transactions as with SQLAlchemy's asynchronous sessions, whose
    greenlets would take longer than all statements; whoever begins one lets the others go first.
    """

    def __init__(self, file: Path, check: Check, keys: SealKeys) -> None:
        super().__init__(f"sqlite+aiosqlite:///{file}", keys)
        self._info = {audit.KEYS: keys}
        self._file = file
        self._check = check
        self._open: list[sqlite3.Connection] = []
        self._is_cut = False
        self._eye: sqlite3.Connection | None = None
        self.commits = 0
        """Nobody else writes: as long as this stays the same, whoever looks sees the same."""
        self._sync = _compiled_once(
            create_engine("sqlite://", creator=self._connect, poolclass=QueuePool, pool_size=0)
        )
        event.listen(self._sync, "begin", _begin)

    def _connect(self) -> sqlite3.Connection:
        self._check("CONNECT")
        if self._is_cut:
            raise sqlite3.OperationalError("the process is dead")
        raw = sqlite3.connect(self._file, isolation_level=None, timeout=0, factory=_Connection)
        raw.check = lambda _: None
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON"):
            raw.execute(f"PRAGMA {pragma}")
        raw.check = self._check
        self._open.append(raw)
        return raw

    @override
    @asynccontextmanager
    async def read(self, *, one_moment: bool = False) -> AsyncIterator[Any]:
        await asyncio.sleep(0)
        with Session(self._sync, expire_on_commit=False, info=self._info) as session:
            yield _Awaited(session)

    @override
    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        async with self._writing.turn():
            await asyncio.sleep(0)
            with (
                self._sync.connect().execution_options(immediate=True) as connection,
                Session(connection, expire_on_commit=False, info=self._info) as session,
            ):
                yield _Awaited(session)
                session.commit()
                self.commits += 1

    def reached(self) -> None:
        """Raises what is wrong with the database, as any look at it does."""
        self._check("SELECT")

    @override
    async def commit(self, work: Callable[[Connection], T]) -> T:
        async with self._writing.turn():
            await asyncio.sleep(0)
            with self._sync.connect().execution_options(immediate=True) as connection:
                done = work(connection)
                connection.commit()
                return done

    @override
    async def rows(self, query: Executable) -> Any:
        await asyncio.sleep(0)
        with self._sync.connect() as connection:
            return connection.execute(query).all()

    @override
    async def put(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Sequence[Any]:
        async with self.write() as session:
            return list((await session.execute(statement, rows)).scalars())

    def has_event(self, after: int) -> bool:
        """Whether a newer one is committed; without SQLAlchemy, because it is asked often."""
        self._check("SELECT")
        if self._eye is None:
            self._eye = self._connect()
        query = "select 1 from events where seq > ? limit 1"
        return self._eye.execute(query, (after,)).fetchone() is not None

    def cut(self) -> None:
        """Whatever was not committed is gone."""
        self._is_cut = True
        for raw in self._open:
            raw.close()

    @override
    async def close(self) -> None:
        await super().close()
        self.cut()


class _Awaited:
    """A session, or a connection, as SQLAlchemy's asynchronous ones look."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def info(self) -> Any:
        return self._inner.info

    def add(self, row: object) -> None:
        self._inner.add(row)

    def add_all(self, rows: Any) -> None:
        self._inner.add_all(rows)

    async def connection(self) -> _Awaited:
        return _Awaited(self._inner.connection())

    async def stream_scalars(self, statement: Any) -> AsyncIterator[Any]:
        async def rows() -> AsyncIterator[Any]:
            for row in self._inner.scalars(statement):
                yield row

        return rows()

    async def stream(self, statement: Any) -> _Streamed:
        return _Streamed(self._inner.execute(statement))

    async def run_sync(self, work: Callable[..., T], *args: Any) -> T:
        return work(self._inner, *args)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def awaited(*args: Any, **named: Any) -> Any:
            return method(*args, **named)

        return awaited


class _Streamed:
    """What of a stream is read a part at a time."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def partitions(self, size: int) -> AsyncIterator[Any]:
        for part in self._inner.partitions(size):
            yield part


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    raw = connection.connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")


_first: list[Engine] = []


def _compiled_once(engine: Engine) -> Engine:
    """Each life has an engine of its own, and the same statements: they are compiled once in this
    process. What is compiled is known by its dialect, so that is shared, too."""
    _first.append(engine)
    del _first[1:]
    engine.dialect = engine.pool._dialect = _first[0].dialect
    engine._compiled_cache = _first[0]._compiled_cache
    return engine
