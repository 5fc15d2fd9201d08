"""Changes of steps that come together are committed together, and none suffers from another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError, StatementError
from typing_extensions import override

from engine.feed import Feed
from engine.run import EventKind, StepStatus
from engine.store import audit
from engine.store.audit import Fact
from engine.store.database import Database
from engine.store.models import AuditRow, EventRow, RunRow, StepRow
from engine.store.progress import Progress, StepChange
from tests.unit.engine.house import ADA, OPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Connection

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MANY = 20


class Counting(Database):
    """Says how many write transactions there were."""

    written = 0

    @override
    async def commit(self, work: Callable[[Connection], T]) -> T:
        self.written += 1
        return await super().commit(work)


@pytest.fixture
async def database_of_runs(database: str) -> AsyncIterator[Counting]:
    found = Counting(database)
    await found.migrate()
    async with found.write() as session:
        for n in range(MANY):
            session.add(_run(f"r{n}"))
            await session.flush()
            await session.execute(
                insert(StepRow).values(
                    run_id=f"r{n}",
                    key="one",
                    position=0,
                    definition={},
                    title="One",
                    status=StepStatus.WAITING,
                    attempts=0,
                    note="kept",
                    result={},
                )
            )
    found.written = 0
    yield found
    await found.close()


def _run(run_id: str) -> RunRow:
    words = dict.fromkeys(("command", "line", "title", "subject", "plan_digest"), "x")
    blank: dict[str, Any] = {"arguments": {}, "plan": {}, "result": {}, "trouble": None}
    flags = {"execution": 1, "removing": False, "replan": False, "expected_s": 1}
    return RunRow(
        id=run_id,
        status="running",
        actor=ADA.model_dump(mode="json"),
        origin=OPS.model_dump(mode="json"),
        created_at=NOW,
        cancelled_by="",
        thread_url="",
        **words,
        **blank,
        **flags,
    )


def done(n: int, **result: Any) -> StepChange:
    return StepChange(
        run_id=f"r{n}",
        key="one",
        status=StepStatus.DONE,
        attempts=2,
        at=NOW,
        started_at=NOW,
        ended_at=NOW,
        result=result or {"n": n},
        event=EventKind.STEP_DONE,
        told={"n": n},
        fact=Fact(NOW, ADA.key, "step.done", "acme", f"r{n}", {"n": n}),
    )


async def what_is_kept(database: Database) -> tuple[dict[str, Any], list[int], list[int]]:
    """The steps' results, and whose events and audit rows there are, in order."""
    async with database.read(one_moment=True) as session:
        steps = await session.execute(
            select(StepRow.run_id, StepRow.result).where(
                StepRow.status == StepStatus.DONE, StepRow.attempts == 2, StepRow.note == "kept"
            )
        )
        events = await session.scalars(select(EventRow.data).order_by(EventRow.seq))
        facts = await session.scalars(select(AuditRow.detail).order_by(AuditRow.seq))
        assert await audit.first_break(session) is None
        return (
            {row.run_id: row.result for row in steps},
            [event["n"] for event in events],
            [fact["n"] for fact in facts],
        )


async def test_what_comes_together_is_committed_together(database_of_runs: Counting) -> None:
    feed = Feed()
    progress, woken = Progress(database_of_runs, feed), feed.watch()
    await asyncio.gather(*(progress.put(done(n)) for n in range(MANY)))
    steps, events, facts = await what_is_kept(database_of_runs)
    assert steps == {f"r{n}": {"n": n} for n in range(MANY)}
    assert events == facts == list(range(MANY))
    assert database_of_runs.written == 1
    assert woken.is_set()


async def test_one_that_cannot_be_kept_fails_alone(database_of_runs: Counting) -> None:
    progress = Progress(database_of_runs, Feed())
    changes = [done(0), done(1, what=object()), done(2)]
    found = await asyncio.gather(*map(progress.put, changes), return_exceptions=True)
    assert [found[0], found[2]] == [None, None]
    assert isinstance(found[1], StatementError | TypeError)
    steps, events, facts = await what_is_kept(database_of_runs)
    assert steps == {"r0": {"n": 0}, "r2": {"n": 2}}
    assert events == facts == [0, 2]


async def test_what_belongs_together_is_kept_whole_or_not_at_all(
    database_of_runs: Counting,
) -> None:
    progress = Progress(database_of_runs, Feed())
    pairs = [(done(0), done(1)), (done(2), done(3, what=object())), (done(4), done(5))]
    found = await asyncio.gather(*(progress.put(*p) for p in pairs), return_exceptions=True)
    assert [type(error) is type(None) for error in found] == [True, False, True]
    steps, events, facts = await what_is_kept(database_of_runs)
    assert set(steps) == {"r0", "r1", "r4", "r5"}
    assert events == facts == [0, 1, 4, 5]


class AnswerLost(Database):
    """Its commits succeed, and nobody hears of it."""

    lost = False

    @override
    async def commit(self, work: Callable[[Connection], T]) -> T:
        done = await super().commit(work)
        if self.lost:
            raise OperationalError("COMMIT", {}, ConnectionError("the server closed it"))
        return done


async def test_what_may_be_stored_is_not_stored_again(
    database_of_runs: Counting, database: str
) -> None:
    deaf = AnswerLost(database)
    deaf.lost = True
    progress = Progress(deaf, Feed())
    changes = [done(n) for n in range(3)]
    found = await asyncio.gather(*map(progress.put, changes), return_exceptions=True)
    assert [type(error) for error in found] == [OperationalError] * 3
    _, events, facts = await what_is_kept(database_of_runs)
    assert events == facts == [0, 1, 2]
    await deaf.close()


async def test_it_is_kept_although_nobody_waits_any_more(database_of_runs: Counting) -> None:
    progress = Progress(database_of_runs, Feed())
    waiting = asyncio.create_task(progress.put(done(3)))
    await asyncio.sleep(0)  # it is handed over
    waiting.cancel()
    await progress.settled()
    assert waiting.cancelled()
    assert (await what_is_kept(database_of_runs))[0] == {"r3": {"n": 3}}
