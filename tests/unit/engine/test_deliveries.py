"""What is remembered of a delivery, and for how long."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from engine.actor import Role
from engine.clock import SystemClock
from engine.control_plane import Outcome, Request
from engine.deliveries import Deliveries
from engine.errors import NotAllowed
from engine.feed import Feed
from engine.secrets import parse_keys
from engine.store.database import Database
from engine.store.inbox import Inbox
from engine.store.journal import Journal
from engine.store.models import DeliveryRow
from tests.unit.engine.house import ADA, KEY, OPS, REGISTRY, Build, Look, Vendor, plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncSession


async def test_a_repeated_delivery_leads_to_the_run_it_started(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("api:k1", ADA, Build(), OPS))
        assert await p.started_by("api:k1") is None
        outcome = await p.handle("api:k1")
        assert outcome is not None
        assert outcome.run is not None
        found = await p.started_by("api:k1")
        assert found is not None
        assert found.id == outcome.run.id


async def test_what_comes_several_times_at_once_is_handled_once(tmp_path: Path) -> None:
    performed: list[str] = []

    async def perform(request: Request) -> Outcome:
        performed.append(request.delivery)
        await asyncio.sleep(0.05)  # others come meanwhile
        return Outcome()

    async with plane(tmp_path, Vendor()) as p:
        inbox = Inbox(p.database, parse_keys(KEY), REGISTRY, SystemClock(), p.replicas.id)
        deliveries = Deliveries(inbox, p.journal, Feed(), perform)
        await p.accept(Request("api:k1", ADA, Build(), OPS))
        told = await asyncio.gather(*(deliveries.handle("api:k1") for _ in range(5)))
    assert performed == ["api:k1"]
    assert told == [Outcome(), None, None, None, None]


async def test_only_old_and_handled_deliveries_are_forgotten(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("slack:handled", ADA, Build(), OPS))
        await p.handle("slack:handled")
        await p.accept(Request("slack:waiting", ADA, Build(), OPS))
        assert await p.forget_deliveries(datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await p.forget_deliveries(datetime.now(UTC) + timedelta(hours=1)) == 1
        assert await p.unhandled() == []  # it is being handled, as far as anybody knows
    async with plane(tmp_path, Vendor()) as p:
        assert [r.delivery for r in await p.unhandled()] == ["slack:waiting"]


async def test_a_question_knows_its_delivery(tmp_path: Path) -> None:
    """So that what it does can be the same when it is asked again after a crash."""
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("slack:1", ADA, Look(), OPS))
        outcome = await p.handle("slack:1")
        assert outcome is not None
        assert outcome.answer is not None
        assert outcome.answer.data == {"delivery": "slack:1"}


async def test_it_counts_as_handled_once_it_was_told(tmp_path: Path) -> None:
    """Whoever dies over the telling leaves it to the next; a bug in it is not repeated."""
    came: list[Outcome | Exception] = []
    begun, never = asyncio.Event(), asyncio.Event()

    async def hangs(said: Outcome | Exception) -> None:
        came.append(said)
        begun.set()
        await never.wait()

    async def tells(said: Outcome | Exception) -> None:
        came.append(said)

    async def breaks(said: Outcome | Exception) -> None:
        came.append(said)
        raise ValueError("a bug")

    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("slack:1", ADA, Look(), OPS))
        telling = asyncio.create_task(p.handle("slack:1", hangs))
        await begun.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    async with plane(tmp_path, Vendor()) as p:
        assert [r.delivery for r in await p.unhandled()] == ["slack:1"]
        await p.handle("slack:1", tells)
        assert await p.handle("slack:1", tells) is None
        await p.accept(Request("slack:2", ADA, Look(), OPS))
        with pytest.raises(ValueError, match="a bug"):
            await p.handle("slack:2", breaks)
        assert await p.handle("slack:2", tells) is None
    assert [type(said) for said in came] == [Outcome] * 3


async def test_an_error_of_its_own_is_told_or_raised(tmp_path: Path) -> None:
    told: list[Outcome | Exception] = []

    async def tell(came: Outcome | Exception) -> None:
        told.append(came)

    async with plane(tmp_path, Vendor()) as p:
        stranger = ADA.model_copy(update={"id": "U0CLEO", "role": Role.VIEWER})
        for delivery in ("slack:1", "slack:2"):
            await p.accept(Request(delivery, stranger, Build(), OPS))
        assert await p.handle("slack:1", tell) is None
        with pytest.raises(NotAllowed):
            await p.handle("slack:2")
    [refused] = told
    assert isinstance(refused, NotAllowed)


class Counting(Database):
    """Says how often it was read, and how many statements were committed by themselves."""

    reads = 0
    puts = 0

    @asynccontextmanager
    async def read(self, *, one_moment: bool = False) -> AsyncIterator[AsyncSession]:
        self.reads += 1
        async with super().read(one_moment=one_moment) as session:
            yield session

    async def put(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Sequence[Any]:
        self.puts += 1
        return await super().put(statement, rows)


@pytest.fixture
async def counting(tmp_path: Path, database: str) -> AsyncIterator[Counting]:
    found = Counting(database)
    await found.migrate()
    yield found
    await found.close()


def inbox_on(database: Database, replica: str = "one") -> Inbox:
    return Inbox(database, parse_keys(KEY), REGISTRY, SystemClock(), replica)


async def test_what_comes_at_once_is_durable_together_and_each_once(
    counting: Counting, database: str
) -> None:
    inbox = inbox_on(counting)
    ids = [f"slack:{n % 20}" for n in range(60)]
    new = await asyncio.gather(*(inbox.add(Request(i, ADA, Look(), OPS)) for i in ids))
    assert new == [True] * 20 + [False] * 40
    assert counting.puts == 1
    other = Database(database)
    async with other.read() as session:
        kept = list(await session.scalars(select(DeliveryRow.id)))
    await other.close()
    assert sorted(kept) == sorted(set(ids))
    assert not await inbox.add(Request("slack:7", ADA, Look(), OPS))


async def test_one_that_cannot_be_stored_keeps_nobody_else_from_it(counting: Counting) -> None:
    inbox = inbox_on(counting)
    bad = Request("slack:bad", ADA, Look(), OPS, prompt="\ud800")
    good = [Request(f"slack:{n}", ADA, Look(), OPS) for n in range(3)]
    new = await asyncio.gather(*map(inbox.add, [*good, bad]), return_exceptions=True)
    assert new[:3] == [True] * 3
    assert isinstance(new[3], Exception)


async def test_what_is_closed_is_closed_by_whoever_has_it(
    counting: Counting, database: str
) -> None:
    ours, theirs = inbox_on(counting), inbox_on(counting, "another")
    for n in range(3):
        await ours.add(Request(f"slack:{n}", ADA, Look(), OPS, reply="https://hooks/1"))
    await asyncio.gather(ours.close("slack:0"), ours.close("slack:1"), theirs.close("slack:2"))
    async with counting.read() as session:
        found = (await session.scalars(select(DeliveryRow).order_by(DeliveryRow.id))).all()
    assert [(row.handled_at is not None, row.reply is None) for row in found] == [
        (True, True),
        (True, True),
        (False, False),
    ]


async def test_what_was_just_accepted_is_not_read_again(tmp_path: Path) -> None:
    """Nothing can have come of it; after a restart something may have."""
    database = Counting(f"sqlite+aiosqlite:///{tmp_path}/own.db")
    await database.migrate()
    inbox, journal = inbox_on(database), Journal(database, Feed(), SystemClock())
    performed: list[Request] = []

    async def perform(request: Request) -> Outcome:
        performed.append(request)
        return Outcome()

    request = Request("slack:1", ADA, Build(), OPS, reply="https://hooks/1", prompt="{}")
    for _ in range(2):
        await inbox.add(request)
        await Deliveries(inbox, journal, Feed(), perform).handle("slack:1")
    assert performed == [request]
    before = database.reads
    await inbox.add(replace(request, delivery="slack:2"))
    assert await Deliveries(inbox, journal, Feed(), perform).handle("slack:2") == Outcome()
    assert database.reads == before
    await inbox.add(replace(request, delivery="slack:3"))
    again = Deliveries(inbox_on(database), journal, Feed(), perform)
    assert await again.handle("slack:3") == Outcome()
    assert database.reads > before
    assert performed == [replace(request, delivery=f"slack:{n}") for n in (1, 2, 3)]
    await database.close()
