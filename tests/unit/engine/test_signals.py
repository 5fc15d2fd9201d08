"""What one process does, another one that shares the database sees at once, and not before it is
committed. Looking now and then would find it, too; here nothing looks."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.actor import Role
from engine.clock import SystemClock
from engine.command import Risk
from engine.feed import Feed
from engine.following import follow_all
from engine.plan import Plan
from engine.roles import Grant, Somebody
from engine.run import EventKind, RunStatus
from engine.store.database import open_database
from engine.store.grants import StoredGrants
from engine.store.journal import Journal
from engine.store.replicas import Replicas
from engine.store.signals import CANCEL, CHANNEL, EVENTS, GRANTS
from tests.unit.engine.house import ADA, OPS, Build, Make

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from tests.postgres import Postgres

HOUR = timedelta(hours=1)
LONG = timedelta(minutes=1)
PATIENCE = 30


class Process:
    """One of several; `heard` is what it was told."""

    def __init__(self, url: str) -> None:
        self.database = open_database(url)
        self.lost: asyncio.Queue[str] = asyncio.Queue()
        self.database.on_lost = self.lost.put_nowait
        self.replicas = Replicas(self.database, "1")
        self.feed = Feed(look_every=HOUR)
        self.replicas.on(EVENTS, lambda _: self.feed.wake_soon())
        self.journal = Journal(self.database, self.feed, SystemClock())
        self.grants = StoredGrants(self.database, SystemClock())  # which never look again
        self.replicas.on(GRANTS, lambda _: self.grants.changed())
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.replicas.on("news", self.heard.put_nowait)

    async def hears(self) -> str:
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


@pytest.fixture
def shared(pg: Postgres, migrated: str) -> Iterator[str]:
    with pg.database(migrated) as url:
        yield url


@asynccontextmanager
async def processes(url: str, count: int = 3) -> AsyncIterator[list[Process]]:
    found = [Process(url) for _ in range(count)]
    try:
        for one in found:
            await one.replicas.join(LONG)
        yield found
    finally:
        for one in found:
            await one.replicas.leave()
            await one.database.close()


async def test_every_other_one_hears_what_one_tells(shared: str) -> None:
    async with processes(shared) as (a, b, c):
        await a.replicas.tell("news", "line one\nline two")
        await a.replicas.tell("nothing that anybody asked for")
        await b.replicas.tell("news", "x" * 10_000)
        assert await b.hears() == await c.hears() == "line one\nline two"
        assert await a.hears() == await c.hears() == "x" * 2_000
        assert a.heard.empty()
        assert b.heard.empty()  # nobody hears himself


async def test_what_belongs_to_a_transaction_is_heard_when_that_is_committed(shared: str) -> None:
    async with processes(shared, 2) as (a, b):
        with contextlib.suppress(ZeroDivisionError):
            async with a.database.write() as session:
                [news] = a.database.signal("news", "never committed")
                await session.execute(news)
                raise ZeroDivisionError
        async with a.database.write() as session:
            [news] = a.database.signal("news", "committed")
            await session.execute(news)
            await asyncio.sleep(0.05)
            assert b.heard.empty()
        assert await b.hears() == "committed"


async def begin(process: Process) -> None:
    """A run, as far as the tables know."""
    plan = Plan(
        title="Build",
        subject="acme",
        steps=(Make(key="one", name="one"),),
        risk=Risk.ADDS,
        expected=LONG,
    )
    async with process.journal.transaction() as tx:
        await tx.add_run(
            run_id="r1",
            delivery=None,
            command=Build.name,
            arguments={},
            line="build",
            plan=plan,
            actor=ADA,
            origin=OPS,
        )
        await tx.move("r1", RunStatus.RUNNING)


async def test_events_are_followed_wherever_they_come_from(shared: str) -> None:
    async with processes(shared, 2) as (a, b):
        following = follow_all(b.journal, b.feed, 0)
        first = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0.05)  # it has looked, and would look again in an hour
        await begin(a)
        assert (await asyncio.wait_for(first, PATIENCE)).kind is EventKind.QUEUED


async def test_who_carries_a_run_out_hears_that_it_is_cancelled(shared: str) -> None:
    async with processes(shared, 2) as (a, b):
        cancelled: asyncio.Queue[str] = asyncio.Queue()
        b.replicas.on(CANCEL, cancelled.put_nowait)
        await begin(a)
        async with a.journal.transaction() as tx:
            await tx.move("r1", RunStatus.CANCELLING)
        assert await asyncio.wait_for(cancelled.get(), PATIENCE) == "r1"


async def test_who_cannot_hear_any_more_is_lost(shared: str, pg: Postgres) -> None:
    """One that went on would miss what it is told."""
    async with processes(shared, 1) as (a,):
        database = shared.rpartition("/")[2]
        ended = pg.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND query = 'LISTEN {CHANNEL}'"
        )
        assert ended == [(True,)]
        assert "database is lost" in await asyncio.wait_for(a.lost.get(), PATIENCE)


async def test_a_role_that_one_gives_or_takes_counts_for_the_others(shared: str) -> None:
    ben = Somebody("slack:U0BEN", "ben")
    async with processes(shared) as (a, b, c):
        for one in (a, b, c):
            assert await one.grants.all() == []
        grant = Grant(ben, Role.DEPLOYER, ADA.key, datetime.now(UTC))
        await a.grants.put(grant, ADA, lambda _: None)
        for one in (b, c):
            await until(partial(granted, one, [ben]))
        await b.grants.remove(ben, ADA, lambda _: None)
        for one in (a, c):
            await until(partial(granted, one, []))


async def granted(process: Process, to: list[Somebody]) -> bool:
    return [grant.to for grant in await process.grants.all()] == to


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110 - another process's change
            await asyncio.sleep(0.005)
