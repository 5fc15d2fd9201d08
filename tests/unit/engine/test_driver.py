"""How often aiosqlite's thread is asked, and that nobody meets what somebody cancelled left."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, text

from engine.store.database import open_database
from engine.store.driver import Connection
from engine.store.models import MemoryRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.store.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite+aiosqlite:///{tmp_path}/trips.sqlite")
    await opened.migrate()
    yield opened
    await opened.close()


async def driver_of(database: Database) -> Connection:
    """The connection that is used next, too."""
    async with database.read() as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, Connection)
    return raw


async def trips(database: Database, work: Any) -> list[str]:
    """What the thread is asked to do meanwhile."""
    asked: list[str] = []
    connection = await driver_of(database)
    queue = connection._tx
    put = queue.put_nowait

    class Counted:
        def put_nowait(self, item: Any) -> None:
            asked.append(item[1].func.__name__)
            put(item)

    connection._tx = Counted()  # type: ignore[assignment]
    try:
        await work()
    finally:
        connection._tx = queue
    return asked


async def test_a_read_takes_two_trips(database: Database) -> None:
    async def read() -> None:
        async with database.read() as session:
            assert (await session.scalars(select(MemoryRow))).all() == []

    await read()
    assert await trips(database, read) == ["execute", "fetchall"]


async def test_a_write_takes_one_trip_for_each_statement_and_two_around_them(
    database: Database,
) -> None:
    number = 0

    async def write() -> None:
        nonlocal number
        number += 1
        async with database.write() as session:
            session.add(MemoryRow(kind="trip", key=str(number), version=1, value={}))

    await write()
    assert await trips(database, write) == ["execute", "execute", "commit"]


async def test_what_is_undone_leaves_nothing_open(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(MemoryRow(kind="trip", key="undone", version=1, value={}))
            await session.flush()
            raise LookupError

    async def failing() -> None:
        with pytest.raises(LookupError):
            await fail()

    assert await trips(database, failing) == ["execute", "execute", "rollback"]
    assert not (await driver_of(database)).in_transaction
    async with database.read() as session:
        assert (await session.scalars(select(MemoryRow))).all() == []


async def test_who_is_cancelled_while_waiting_for_the_lock_never_holds_it(
    tmp_path: Path, database: Database
) -> None:
    async def write(key: str) -> None:
        async with database.write() as session:
            session.add(MemoryRow(kind="trip", key=key, version=1, value={}))

    await write("before")
    with closing(sqlite3.connect(tmp_path / "trips.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(write("cancelled"))
        for _ in range(50):
            async with database.read() as session:
                await session.scalar(text("SELECT 1"))
        waiting.cancel()
        await asyncio.sleep(0)
        other.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.wait_for(write("after"), 30)
        other.execute("BEGIN IMMEDIATE")  # nobody kept the lock
        other.execute("ROLLBACK")
    async with database.read() as session:
        keys = set(await session.scalars(select(MemoryRow.key)))
    assert keys == {"before", "after"}
