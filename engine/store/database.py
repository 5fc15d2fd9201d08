"""The connection to the database: SQLite in WAL by default, Postgres when several replicas run.

Both have one writer at a time, so that whoever writes may read first and rely on it, and events
and audit rows become visible in their order. SQLite has it by itself; on Postgres a lock of ours
is taken at the start of every write transaction, across all processes.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import event, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from engine.errors import NotConfigured
from engine.fair_lock import FairLock
from engine.lease import LeaseLost
from engine.store import audit, audit_head, driver, schema
from engine.store.models import ReplicaRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Executable, Row
    from sqlalchemy.engine import URL, Connection

    from engine.secrets import SealKeys
    from engine.store.signals import Signals

T = TypeVar("T")

_log = logging.getLogger(__name__)

DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg", "postgresql")
"""The schemes of DATABASE_URL; plain `postgresql`, as hosts write it, means psycopg, too."""

STUCK = timedelta(seconds=5)
"""A client that is silent for so long between two statements of a transaction (it is frozen, or
the network is cut) loses it, so that its locks do not hold up the others."""
UNREACHABLE = timedelta(seconds=5)
"""How long a server may take to accept a connection."""

CONNECTIONS = 15
"""To a SQLite file, at most; they are opened when they are needed first."""

_BEGIN = "begin"
"""The execution option that says what begins a transaction of SQLite; None: it has none."""

_PUT = "put"

_WRITER, _MIGRATION = 0x6C757468, 0x6C757469
"""Keys of our advisory locks."""


class Database:
    """One per process. `write` transactions run one at a time, whichever process they are of, and
    are durable when the block ends; `read` sees the last committed state."""

    def __init__(self, url: str, keys: SealKeys | None = None) -> None:
        """`keys`: the master keys, which sign the audit's end."""
        self.keys = keys
        self.url = make_url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.client = f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"
        """This process among those that share the database: its replica's id, and a part of what
        its sessions are called."""
        self._engine = _sqlite(self.url) if self.embedded else _postgres(self.url, self.client)
        # Of the same connections; how a transaction of theirs begins differs.
        self._reader = self._engine.execution_options(
            **({_BEGIN: None} if self.embedded else {"isolation_level": "AUTOCOMMIT"})
        )
        self._snapshot = self._engine.execution_options(
            **({} if self.embedded else {"isolation_level": "REPEATABLE READ"})
        )
        # A transaction that reads first and writes later cannot wait for another writer in
        # SQLite's WAL: it fails at once. Writers therefore take the write lock at the start.
        self._writer = self._engine.execution_options(
            **({_BEGIN: "BEGIN IMMEDIATE"} if self.embedded else {})
        )
        self._writing = FairLock()
        self._replica: str | None = None
        self._signals: Signals | None = None
        self.on_lost: Callable[[str], object] = _log.critical
        """Told why, when a write was refused because this replica counts as dead."""

    def fence(self, replica: str | None, signals: Signals | None = None) -> None:
        """From now on every write belongs to this replica: once the others took it for dead, its
        writes are refused, whatever it was about to do. Raises LeaseLost from `write`. `signals`
        are what the others hear of it."""
        self._replica, self._signals = replica, signals

    def signal(self, topic: str, text: str = "") -> Sequence[Executable]:
        """What is executed in a write so that the other replicas hear once it is committed."""
        return () if self._signals is None else (self._signals.statement(topic, text),)

    async def migrate(self, *, given_up: audit.Fact | None = None) -> None:
        """Bring the schema to this version; idempotent, safe beside running replicas and other
        migrations. Raises NotConfigured, and has changed nothing, when the database cannot be
        opened or belongs to another master key, unless `given_up` says that it does no more."""
        await self.check()
        with _in_our_words(self.url):
            async with self._writer.begin() as connection:
                if not self.embedded:
                    await connection.execute(_lock(_MIGRATION))
                await connection.run_sync(schema.bring_up, self.keys)
                if given_up is not None:
                    if not self.embedded:
                        await connection.execute(_lock(_WRITER))
                    await connection.run_sync(audit.add, self.keys, [given_up], given_up=True)
                if self.keys is not None:
                    await connection.run_sync(audit_head.check_key, self.keys)

    async def signature(self) -> audit_head.Signature | None:
        """Whose master key's it is, whatever its version; None where nothing is signed."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(audit_head.signature, self.keys)

    async def check(self) -> None:
        """Raises NotConfigured when the database does not answer."""
        with _in_our_words(self.url):
            if self.embedded and self.url.database:
                # Tried first: where aiosqlite cannot connect, its thread may outlive our loop.
                _try_file(self.url.database)
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self, *, one_moment: bool = False) -> AsyncIterator[AsyncSession]:
        """Each statement sees what is committed when it begins; with `one_moment` all of them see
        what was when the first one did."""
        async with self._session(self._snapshot if one_moment else self._reader) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._writing.turn(), self._session(self._writer) as session:
            if not self.embedded:
                await self._take_turn(session)
            yield session
            await session.commit()

    async def commit(self, work: Callable[[Connection], T]) -> T:
        """A write for what many do all the time: statements alone, without a session."""
        async with self._writing.turn(), self._writer.begin() as connection:
            if not self.embedded:
                await self._take_turn(connection)
            return await connection.run_sync(work)

    async def rows(self, query: Executable) -> Sequence[Row[Any]]:
        """What a single statement sees of what is committed, without a session."""
        async with self._reader.connect() as connection:
            return (await connection.execute(query)).all()

    @asynccontextmanager
    async def append(self) -> AsyncIterator[AsyncSession]:
        """A write that waits for no other, where the database allows it: for a single statement
        that neither reads nor adds to events or audit."""
        if self.embedded:
            async with self.write() as session:
                yield session
            return
        async with self._session(self._engine) as session:
            yield session
            await session.commit()

    async def put(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Sequence[Any]:
        """One statement that is durable by itself, and the first column of what it returns: with
        the least that a commit takes, for what somebody waits for. Not for events or audit."""
        # It takes turns with transactions: runs that go on in step leave twenty of them at once.
        turn = self._writing.turn(_PUT) if self.embedded else nullcontext()
        # What begins no transaction commits each statement.
        async with turn, self._reader.connect() as it:
            return (await it.execute(statement, rows)).scalars().all()

    async def line(self) -> AsyncConnection:
        """A connection outside the pool's care, each statement durable by itself."""
        connection = await self._engine.connect()
        return await connection.execution_options(isolation_level="AUTOCOMMIT")

    def _session(self, of: AsyncEngine | AsyncConnection) -> AsyncSession:
        return AsyncSession(of, expire_on_commit=False, info={audit.KEYS: self.keys})

    async def _take_turn(self, session: AsyncSession | AsyncConnection) -> None:
        """The lock comes first: what is read after it is true until the transaction ends."""
        await session.execute(_lock(_WRITER))
        if self._replica is None:
            return
        alive = select(ReplicaRow.id).where(ReplicaRow.id == self._replica)
        if await session.scalar(alive) is None:
            self.on_lost("other replicas took this one for dead, and the database refused a write")
            raise LeaseLost(self._replica)


def check_url(url: str) -> None:
    """Raises ValueError (whose text never repeats the URL) for what can be no database of ours."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("is no database address") from None
    if parsed.drivername not in DRIVERS:
        raise ValueError(f"starts with none of {', '.join(f'{one}://' for one in DRIVERS)}")
    if "@" in (parsed.host or ""):
        raise ValueError("has an @ in its password, which must be written as %40")


def open_database(url: str, keys: SealKeys | None = None) -> Database:
    """Connects on first use; without keys it can tell less about its audit. Raises
    NotConfigured where a SQLite file's folder cannot be made."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        with _in_our_words(parsed):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return Database(url, keys)


def prepare_dispatch(url: str) -> None:
    """Make DBOS's own SQLite file ready (DBOS never sets WAL); nothing to do for Postgres."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(parsed.database)
        connection.execute("PRAGMA journal_mode=WAL")  # persistent
        connection.close()


@contextmanager
def _in_our_words(url: URL) -> Iterator[None]:
    """A database that cannot be reached is nobody's bug."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).partition("\n")[0]
        where, mend = url.host, "sees that it is up and that DATABASE_URL leads to it"
        if url.get_backend_name() == "sqlite":
            where, mend = url.database, "sees that this file can be written, or puts back a copy"
        raise NotConfigured(
            f"The database ({where}) cannot be opened.",
            why=said.replace(url.password, "…") if isinstance(url.password, str) else said,
            who=f"Whoever runs luthien-ops {mend}.",
            next_step="/luthien doctor",
        ) from error


def _try_file(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA schema_version")


def _lock(key: int) -> Executable:
    """Held to the end of the transaction."""
    return select(func.pg_advisory_xact_lock(key))


def session_name(client: str) -> str:
    """What Postgres calls the sessions of a process: their `application_name`, of 63 at most."""
    return f"luthien-ops {client}"


def _postgres(url: URL, client: str) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=10,
        max_overflow=20,
        connect_args={
            "connect_timeout": int(UNREACHABLE.total_seconds()),
            "application_name": session_name(client),
            "options": "-c timezone=UTC "
            f"-c idle_in_transaction_session_timeout={STUCK // timedelta(milliseconds=1)}",
            # A peer that is gone without a word is noticed within half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
        },
    )


def _sqlite(url: URL) -> AsyncEngine:
    file = url.database or ":memory:"

    def connect() -> Awaitable[driver.Connection]:
        return driver.connect(file, timeout=30, isolation_level=None, check_same_thread=False)

    # What the pool does not keep is a thread that begins and ends with each use.
    kept = {"pool_size": CONNECTIONS, "max_overflow": 0} if url.database else {}
    engine = create_async_engine(url, async_creator=connect, **kept)

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get(_BEGIN, "BEGIN")
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine
