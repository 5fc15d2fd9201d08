"""Two processes that share a database (here two connections to it): claims, leases, fencing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from sqlalchemy import text

from engine.clock import SystemClock
from engine.control_plane import Request
from engine.lease import Lease, LeaseLost
from engine.peers import NoPeers
from engine.run import RunStatus
from engine.secrets import parse_keys
from engine.store import audit
from engine.store.database import STUCK, open_database
from engine.store.inbox import Inbox
from engine.store.replicas import Replicas
from tests.unit.engine.house import (
    ADA,
    DATABASE_FILE,
    KEY,
    OPS,
    REGISTRY,
    Build,
    Vendor,
    plane,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.store.database import Database
    from tests.postgres import Postgres

LONG, OVER = timedelta(minutes=1), timedelta(seconds=-1)


@pytest.fixture
def shared(pg: Postgres, migrated: str) -> Iterator[str]:
    with pg.database(migrated) as url:
        yield url


class Replica:
    """What one process has of it."""

    def __init__(self, url: str, version: str = "1") -> None:
        self.database: Database = open_database(url)
        self.lost: list[str] = []
        self.database.on_lost = self.lost.append
        self.replicas = Replicas(self.database, version)
        self.inbox = Inbox(
            self.database, parse_keys(KEY), REGISTRY, SystemClock(), self.replicas.id
        )

    async def record(self) -> None:
        async with self.database.write() as session:
            await audit.append(session, at=datetime.now(UTC), actor="cli:ada", action="test")


@asynccontextmanager
async def two(url: str, first: timedelta = LONG) -> AsyncIterator[tuple[Replica, Replica]]:
    a, b = Replica(url), Replica(url)
    try:
        await a.replicas.join(first)
        await b.replicas.join(LONG)
        yield a, b
    finally:
        for replica in (a, b):
            await replica.replicas.leave()
            await replica.database.close()


async def test_one_of_many_gets_what_all_claim_at_once(shared: str) -> None:
    async with two(shared) as (a, b):
        got = await asyncio.gather(*(r.replicas.claim("run:r1") for r in (a, b, a, b)))
        assert got in ([True, False, True, False], [False, True, False, True])
        owner, other = (a, b) if got[0] else (b, a)
        await other.replicas.release("run:r1")  # not its own: nothing happens
        assert not await other.replicas.claim("run:r1")
        await owner.replicas.release("run:r1")
        assert await other.replicas.claim("run:r1")


async def test_what_a_dead_one_claimed_is_free_once_its_time_is_over(shared: str) -> None:
    async with two(shared, first=OVER) as (a, b):
        assert await a.replicas.claim("run:r1")
        assert not await b.replicas.claim("run:r1")
        assert (await b.replicas.reap(), await b.replicas.reap()) == (1, 0)
        assert await b.replicas.claim("run:r1")
        assert b.replicas.count == 1


async def test_a_replica_that_was_taken_for_dead_writes_nothing_any_more(shared: str) -> None:
    async with two(shared, first=OVER) as (a, b):
        await a.record()
        await b.replicas.reap()
        with pytest.raises(LeaseLost):
            await a.record()
        assert a.lost
        with pytest.raises(LeaseLost):
            await a.replicas.renew(LONG)
        async with b.database.read(one_moment=True) as session:
            assert await audit.first_break(session) is None
        await b.record()


async def stand_still(database: Database, there: asyncio.Event) -> None:
    """Among the statements of a pipeline, for ever, as a frozen process does."""
    async with database.write() as session:
        raw = await (await session.connection()).get_raw_connection()
        driver: Any = raw.driver_connection
        async with driver.pipeline():
            await driver.execute("SELECT 1")
            driver.pgconn.send_flush_request()
            driver.pgconn.flush()
            there.set()
            await asyncio.Event().wait()


async def test_a_dead_one_loses_the_locks_of_a_pipeline_that_it_never_ended(shared: str) -> None:
    """Postgres counts such a session as active: none of its own timeouts ends it."""
    async with two(shared, first=OVER) as (a, b), asyncio.timeout(30):
        there = asyncio.Event()
        frozen = asyncio.create_task(stand_still(a.database, there))
        await there.wait()
        waits = asyncio.create_task(b.record())
        await asyncio.sleep(STUCK.total_seconds() + 1)
        assert not waits.done()
        assert await b.replicas.reap() == 1
        await waits
        frozen.cancel()
        await asyncio.gather(frozen, return_exceptions=True)


async def test_every_session_of_a_replica_can_be_told_by_its_name(
    tmp_path: Path, shared: str
) -> None:
    (tmp_path / DATABASE_FILE).write_text(shared)
    async with plane(tmp_path, Vendor()) as p:
        asked = text("""
            SELECT application_name FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'""")
        names = {row[0] for row in await p.database.rows(asked)}
    assert names == {f"luthien-ops {p.replicas.id}"}


async def test_each_time_of_a_tick_is_given_away_once_and_in_order(shared: str) -> None:
    async with two(shared) as (a, b):
        got = await asyncio.gather(*(r.replicas.take_slot("digest", 7) for r in (a, b)))
        assert sorted(got) == [False, True]
        assert not await a.replicas.take_slot("digest", 6)
        assert await b.replicas.take_slot("digest", 8)
        assert await a.replicas.take_slot("expiry", 8)


async def test_a_delivery_is_handled_by_who_accepted_it_until_that_one_is_gone(
    shared: str,
) -> None:
    async with two(shared, first=OVER) as (a, b):
        assert await a.inbox.add(Request("slack:1", ADA, Build(), OPS))
        assert not await b.inbox.add(Request("slack:1", ADA, Build(), OPS))
        assert await b.inbox.open("slack:1") is None
        assert await b.inbox.under_way("slack:1")
        assert await b.inbox.pending() == []
        await b.replicas.reap()
        assert not await b.inbox.under_way("slack:1")
        assert [r.delivery for r in await b.inbox.pending()] == ["slack:1"]
        assert await b.inbox.open("slack:1") is not None
        with pytest.raises(LeaseLost):
            await a.inbox.open("slack:1")


async def test_what_is_allowed_is_allowed_to_all_of_them_together(shared: str) -> None:
    every = timedelta(minutes=1)
    async with two(shared) as (a, b):
        got = await asyncio.gather(
            *(r.replicas.spend("slack:edit", every, burst=3) for r in (a, b) * 4)
        )
        assert got.count(timedelta()) == 3
        assert timedelta(seconds=50) < max(got) <= every
        assert await a.replicas.spend("slack:post:C0OPS", timedelta(milliseconds=1)) == timedelta()
        await b.replicas.hold("slack:post:C0OPS", every)
        assert await a.replicas.spend("slack:post:C0OPS", timedelta(milliseconds=1)) > every / 2


async def test_other_code_is_told_by_its_version(shared: str) -> None:
    async with two(shared) as (a, b):
        assert not await a.replicas.others_differ()
        third = Replica(shared, version="2")
        await third.replicas.join(LONG)
        assert await a.replicas.others_differ()
        await b.replicas.reap()
        assert b.replicas.count == 3
        await third.replicas.leave()
        await third.database.close()


async def test_a_run_of_another_version_is_left_to_it_while_it_is_there(
    shared: str, tmp_path: Path
) -> None:
    (tmp_path / DATABASE_FILE).write_text(shared)
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await p.submit(ADA, Build(things="one", takes_ms=5_000), OPS)
    newer = Replica(shared, version="newer")
    await newer.replicas.join(LONG)
    unknown = text('UPDATE runs SET plan = replace(plan::text, \'"kind": "make"\', :kind)::json')
    async with newer.database.write() as session:
        await session.execute(unknown, {"kind": '"kind": "weave"'})
    async with plane(tmp_path, vendor) as p:
        await p.resume()
        assert not (await p.show(run.id)).status.over
        assert await newer.replicas.claim(f"run:{run.id}:1"), "nobody has it"
        await newer.replicas.leave()
        await p.resume()
        async for _ in p.follow(run.id):
            pass
        assert (await p.show(run.id)).status == RunStatus.ERRORED, "nobody knows its steps"
    await newer.database.close()


class Left(Exception):
    """Stands for the process's end."""


class Exits:
    """What `leave` was told; nothing goes on after it, as after the real one."""

    def __init__(self) -> None:
        self.why: list[str] = []
        self.told = threading.Event()

    def __call__(self, why: str) -> NoReturn:
        self.why.append(why)
        self.told.set()
        if threading.current_thread() is not threading.main_thread():
            threading.Event().wait()
        raise Left


class Rows(NoPeers):
    """A row that can be taken away."""

    shared = True

    def __init__(self) -> None:
        self.gone: Exception | None = None

    async def join(self, lasts: timedelta) -> None: ...

    async def renew(self, lasts: timedelta) -> None:
        if self.gone is not None:
            raise self.gone

    async def reap(self) -> int:
        return 0

    async def leave(self) -> None: ...


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (LeaseLost("x"), "took this one for dead"),
        (ConnectionError("server closed"), "database is lost (ConnectionError: server closed)"),
    ],
)
async def test_who_cannot_renew_leaves_at_once(gone: Exception, said: str) -> None:
    rows, exits = Rows(), Exits()
    lease = Lease(timedelta(seconds=1), exits)
    await lease.hold(rows, nothing)
    lease.check()
    rows.gone = gone
    assert await asyncio.to_thread(exits.told.wait, 5)
    assert said in exits.why[0]
    with pytest.raises(Left):
        await lease.release()


async def test_a_frozen_process_notices_before_it_writes() -> None:
    """The loop is stuck for longer than the lease lasts: the thread notices, and so does whoever
    asks before a write."""
    exits = Exits()
    lease = Lease(timedelta(milliseconds=300), exits)
    await lease.hold(Rows(), nothing)
    assert exits.told.wait(5)
    with pytest.raises(Left):
        lease.check()
    assert [why for why in exits.why if "frozen" in why] == exits.why
    await lease.release()


async def nothing() -> None: ...
