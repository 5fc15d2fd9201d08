"""How often aiosqlite's thread is asked, and that nobody meets what somebody cancelled left."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from engine.store.database import open_database
from engine.store.driver import AHEAD, Connection, connect
from engine.store.models import MemoryRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from engine.store.database import Database

ROW = {"kind": "trip", "version": 1, "value": {}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trips.sqlite"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite+aiosqlite:///{file}")
    await opened.migrate()
    yield opened
    await opened.close()


class Trips:
    """What the thread of a connection is asked to do; the one of a number waits to be let go."""

    def __init__(self, connection: Connection, held: int = -1) -> None:
        self.asked: list[str] = []
        self.under_way = asyncio.Event()
        self.go = threading.Event()
        self._put, self._held = connection._tx.put_nowait, held
        connection._tx = self  # type: ignore[assignment]

    def put_nowait(self, item: tuple[Any, Callable[[], Any]]) -> None:
        future, work = item
        if len(self.asked) >= self._held:
            self.under_way.set()
        if len(self.asked) == self._held:
            work = self._once_let_go(work)
        self.asked.append(getattr(getattr(item[1], "func", None), "__name__", ""))
        self._put((future, work))

    def _once_let_go(self, work: Callable[[], Any]) -> Callable[[], Any]:
        def waited() -> Any:
            assert self.go.wait(30)
            return work()

        return waited


async def driver_of(database: Database) -> Connection:
    """The connection that is used next, too."""
    async with database.read() as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, Connection)
    return raw


async def keys(database: Database) -> set[str]:
    async with database.read() as session:
        return set(await session.scalars(select(MemoryRow.key)))


async def write(database: Database, *keys: str) -> None:
    async with database.write() as session:
        for key in keys:
            session.add(MemoryRow(key=key, **ROW))
            await session.flush()


async def test_a_read_takes_one_trip(database: Database) -> None:
    await write(database, "a", "b")
    trips = Trips(await driver_of(database))
    assert await keys(database) == {"a", "b"}
    assert trips.asked == ["_begin"]


async def test_a_write_takes_one_trip_for_each_statement_and_two_around_them(
    database: Database,
) -> None:
    await write(database, "before")
    trips = Trips(await driver_of(database))
    await write(database, "a", "b")
    assert trips.asked == ["_begin", "_begin", "_begin", "commit"]


async def test_what_is_undone_leaves_nothing_open(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            session.add(MemoryRow(key="undone", **ROW))
            await session.flush()
            raise LookupError

    trips = Trips(await driver_of(database))
    with pytest.raises(LookupError):
        await fail()
    assert trips.asked == ["_begin", "_begin", "rollback"]
    assert not (await driver_of(database)).in_transaction
    assert await keys(database) == set()


async def test_many_rows_come_whole_and_in_order(database: Database) -> None:
    wanted = [f"{number:05}" for number in range(2 * AHEAD + 7)]
    async with database.write() as session:
        session.add_all(MemoryRow(key=key, **ROW) for key in wanted)
    query = select(MemoryRow.key).order_by(MemoryRow.key)
    async with database.read() as session:
        assert list(await session.scalars(query)) == wanted
        streamed = await session.stream_scalars(query)
        assert [key async for key in streamed] == wanted
        parts = (await session.stream_scalars(query)).partitions(AHEAD - 1)
        assert [key async for part in parts for key in part] == wanted


async def test_a_stream_that_nobody_reads_to_its_end_holds_nothing(
    file: Path, database: Database
) -> None:
    async with database.write() as session:
        session.add_all(MemoryRow(key=str(number), **ROW) for number in range(3 * AHEAD))
    raw = await driver_of(database)
    async with database.read(one_moment=True) as session:
        streamed = await session.stream_scalars(select(MemoryRow.key))
        assert len(await anext(streamed.partitions(10))) == 10
        assert raw.unfinished
    assert not raw.unfinished
    await write(database, "after")
    with closing(sqlite3.connect(file, timeout=0)) as other:
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


@pytest.mark.parametrize("cancelled_twice", [False, True])
@pytest.mark.parametrize(
    ("trip", "written"), [(0, False), (1, False), (2, False), (3, True), (4, True)]
)  # the lock, two statements, the commit, and nothing more
async def test_who_is_cancelled_in_the_middle_leaves_all_or_nothing_and_no_lock(
    file: Path, database: Database, trip: int, written: bool, cancelled_twice: bool
) -> None:
    await write(database, "before")
    trips = Trips(await driver_of(database), held=trip)
    writing = asyncio.create_task(write(database, "a", "b"))
    waiting = asyncio.create_task(trips.under_way.wait())
    await asyncio.wait({writing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for _ in range(1 + cancelled_twice):
        writing.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    in_the_middle = trips.under_way.is_set()
    assert writing.done() != in_the_middle  # the thread is still at it
    behind = asyncio.create_task(write(database, "behind"))
    trips.go.set()
    await asyncio.gather(writing, return_exceptions=True)
    assert writing.cancelled() == in_the_middle
    await behind
    assert await keys(database) == {"before", "behind"} | ({"a", "b"} if written else set())
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # nobody kept the lock
        other.execute("ROLLBACK")


async def test_who_is_cancelled_while_waiting_for_the_lock_never_holds_it(
    file: Path, database: Database
) -> None:
    await write(database, "before")
    trips = Trips(await driver_of(database))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(write(database, "cancelled"))
        await trips.under_way.wait()
        waiting.cancel()
        await asyncio.sleep(0)
        other.execute("COMMIT")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await write(database, "after")
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    assert await keys(database) == {"before", "after"}


async def test_a_read_that_is_cancelled_leaves_a_pool_that_works(database: Database) -> None:
    for trip in range(2):
        trips = Trips(await driver_of(database), held=trip)
        reading = asyncio.create_task(keys(database))
        for _ in range(20):
            await asyncio.sleep(0)
        reading.cancel()
        trips.go.set()
        await asyncio.gather(reading, return_exceptions=True)
    await write(database, "after")
    assert await keys(database) == {"after"}


async def test_a_connection_that_several_close_keeps_nobody_waiting(file: Path) -> None:
    connection = await connect(str(file), check_same_thread=False)
    trips = Trips(connection, held=0)
    first, second = (asyncio.create_task(connection.close()) for _ in range(2))
    await trips.under_way.wait()
    connection.stop()
    second.cancel()
    trips.go.set()
    async with asyncio.timeout(30):
        await asyncio.gather(first, second, return_exceptions=True)
    assert second.cancelled()
    assert first.exception() is None
