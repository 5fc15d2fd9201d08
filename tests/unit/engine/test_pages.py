"""Pages of history are found in indexes: what one costs does not grow with how much there is."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiosqlite
import pytest

from engine.actor import Actor, Door, Role
from engine.clock import SystemClock
from engine.feed import Feed
from engine.run import RunStatus
from engine.store.audit import AuditTrail
from engine.store.database import open_database
from engine.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    Page = Callable[["House"], Awaitable[Sequence[object]]]

NOW = datetime.now(UTC)
ALIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)
LENGTHS = {"short.db": 300, "long.db": 30_000}
ADA = Actor(door=Door.SLACK, id="U1", name="ada", role=Role.DEPLOYER)


class House:
    """A history of `rows` runs and entries, the newest now; each tenth is about acme, whose newest
    but one has errored, and nothing has succeeded since."""

    def __init__(self, file: Path, rows: int) -> None:
        self.rows = rows
        self.database = open_database(f"sqlite+aiosqlite:///{file}")
        self._file = file
        self.audit = AuditTrail(self.database)
        self.journal = Journal(self.database, Feed(), SystemClock())

    async def begin(self) -> None:
        await self.database.migrate()
        with closing(sqlite3.connect(self._file)) as connection:
            at = f"strftime('%Y-%m-%d %H:%M:%f', 'now', (n - {self.rows}) || ' minutes')"
            numbers = (
                "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
                f" WHERE n < {self.rows})"
            )
            connection.execute(
                f"{numbers} INSERT INTO audit SELECT n, {at}, 'slack:U' || (n % 7),"
                " iif(n % 50 = 0, 'rare', 'usual'), iif(n % 10 = 0, 'acme', 'other'), '', '{}', ''"
                " FROM c"
            )
            actor = '{"door": "slack", "id": "U1", "name": "ada", "role": 2}'
            connection.execute(
                f"{numbers} INSERT INTO runs (number, id, command, arguments, line, title,"
                " subject, status, execution, removing, actor, origin, plan, replan, plan_digest,"
                " expected_s, created_at, result, cancelled_by, thread_url)"
                " SELECT n, 'r' || n, 'create', '{}', '', '', iif(n % 10 = 0, 'acme', 'other'),"
                f" iif(n > {self.rows} - 3, 'running', 'succeeded'), 1, 0, ?, ?, '{{}}', 0, '', 1,"
                f" {at}, '{{}}', '', '' FROM c",
                (actor, '{"door": "slack"}'),
            )
            over = "UPDATE runs SET started_at = created_at, ended_at = created_at"
            connection.execute(f"{over} WHERE status = 'succeeded'")
            connection.execute(
                "UPDATE runs SET status = 'errored' WHERE number = ?", (self.rows - 10,)
            )
            connection.commit()

    async def cost(self, page: Page) -> int:
        """Hundreds of instructions of SQLite's virtual machine."""
        ticks = 0

        def tick() -> int:
            nonlocal ticks
            ticks += 1
            return 0

        async with self.database.read() as session:  # the connection that is used next, too
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
        assert isinstance(raw, aiosqlite.Connection)
        await raw.set_progress_handler(tick, 100)
        assert len(await page(self)) > 0
        await raw.set_progress_handler(lambda: 0, 1_000_000)
        return ticks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With both histories in it."""
    made = tmp_path_factory.mktemp("histories")

    async def make() -> None:
        for name, rows in LENGTHS.items():
            house = House(made / name, rows)
            await house.begin()
            await house.database.close()

    asyncio.run(make())
    return made


@pytest.fixture
async def houses(folder: Path) -> AsyncIterator[tuple[House, House]]:
    short, long = (House(folder / name, rows) for name, rows in LENGTHS.items())
    yield short, long
    for house in (short, long):
        await house.database.close()


async def _counted(house: House) -> Sequence[object]:
    since = NOW - timedelta(hours=1)
    return [await house.journal.created_since(ADA, ["create"], since)]


PAGES: dict[str, Page] = {
    "runs": lambda h: h.journal.runs(subject=None, statuses=(), limit=20),
    "runs before": lambda h: h.journal.runs(
        subject=None, statuses=(), limit=20, before=f"r{h.rows // 2}"
    ),
    "runs of one": lambda h: h.journal.runs(subject="acme", statuses=(), limit=20),
    "runs alive": lambda h: h.journal.runs(subject=None, statuses=ALIVE, limit=1000),
    "creations": _counted,
    "audit": lambda h: h.audit.entries(limit=20),
    "audit, last page": lambda h: h.audit.entries(limit=20, skip=h.rows - 20),
    "audit by id": lambda h: h.audit.entries(actor="U1", limit=20),
    "audit by key": lambda h: h.audit.entries(actor="slack:U1", limit=20),
    "audit of one": lambda h: h.audit.entries(subject="acme", limit=20),
    "audit of one since": lambda h: h.audit.entries(
        subject="acme", since=NOW - timedelta(hours=1), limit=100
    ),
    "audit since": lambda h: h.audit.entries(since=NOW - timedelta(hours=1), limit=1000),
    "audit of actions": lambda h: h.audit.entries(actions=("rare", "never"), limit=5),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
async def test_a_page_costs_the_same_over_a_hundred_times_as_much(
    houses: tuple[House, House], page: Page
) -> None:
    short, long = houses
    assert await long.cost(page) <= 2 * await short.cost(page) + 20


async def test_pages_are_what_was_asked_for(houses: tuple[House, House]) -> None:
    house, _ = houses
    everything = [entry.seq for entry in await house.audit.entries(limit=1000)]
    assert everything == list(range(300, 0, -1))
    for skip in (0, 7, 290, 299, 300, 400):
        page = await house.audit.entries(limit=20, skip=skip)
        assert [entry.seq for entry in page] == everything[skip : skip + 20]
    rare = await house.audit.entries(actions=("rare", "usual"), subject="acme", limit=3, skip=1)
    assert [entry.seq for entry in rare] == [290, 280, 270]
    both = await house.audit.entries(actions=("rare", "usual"), limit=3, skip=2)
    assert [entry.seq for entry in both] == [298, 297, 296]
    hers = await house.audit.entries(actor="U1", since=NOW - timedelta(minutes=20), limit=10)
    assert hers
    assert {entry.actor for entry in hers} == {"slack:U1"}
    assert await house.audit.entries(actor="U1%", limit=1) == []
    runs = await house.journal.runs(
        subject=None, statuses=(*ALIVE, RunStatus.SUCCEEDED), limit=5, before="r300"
    )
    assert [run.id for run in runs] == ["r299", "r298", "r297", "r296", "r295"]
    acme = await house.journal.runs(subject="acme", statuses=(RunStatus.RUNNING,), limit=5)
    assert [run.id for run in acme] == ["r300"]
