"""The connection to the database: SQLite in WAL by default, Postgres when several replicas run."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from engine.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.engine import URL, Connection

DRIVERS = ("sqlite+aiosqlite", "postgresql+psycopg", "postgresql")
"""The schemes of DATABASE_URL; SQLAlchemy's own driver for plain `postgresql` is psycopg."""


class Database:
    """One per process. `write` transactions of a process run one at a time and are durable when
    the block ends; `read` sees the last committed state."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(url) if self.embedded else create_async_engine(url)
        self._writing = asyncio.Lock()

    async def migrate(self) -> None:
        """Bring the schema to this version; idempotent. Raises NotConfigured when the database
        cannot be opened."""
        await self.check()
        async with self._engine.begin() as connection:
            await connection.run_sync(_upgrade)

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
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        async with self._writing, self._engine.connect() as plain:
            connection = await plain.execution_options(immediate=True)
            async with _session(connection) as session:
                yield session
                await session.commit()


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


def open_database(url: str) -> Database:
    """Connects on first use. Raises NotConfigured where a SQLite file's folder cannot be made."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        with _in_our_words(parsed):
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return Database(url)


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


@asynccontextmanager
async def _session(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(connection, expire_on_commit=False) as session:
        yield session


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, connect_args={"timeout": 30, "isolation_level": None})

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later cannot wait for another writer in WAL:
        # it fails at once. Writers therefore take the write lock at the start.
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
