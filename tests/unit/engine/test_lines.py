"""Waiting in line for a lock: one at a time, first come first served, whatever else happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from engine.answer import Text
from engine.errors import Locked, NotFound, PlanStale, Refused
from engine.locks import FORGOTTEN
from engine.run import EventKind, RunStatus
from engine.ways_on import ways_on
from tests.unit.engine.house import ADA, BEN, OPS, Build, Polish, Vendor, plane
from tests.unit.engine.test_runs import over, until

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane
    from engine.run import RunView

LOCK = "instance:acme"
AT_ONCE = OPS.model_copy(update={"patient": False})


async def go(p: Plane, things: str, *, takes_ms: int = 10, trouble: str = "") -> RunView:
    return await p.submit(ADA, Build(things=things, takes_ms=takes_ms, trouble=trouble), OPS)


async def blocked(p: Plane, *things: str) -> list[RunView]:
    """One that goes on until it is cancelled, and others in line behind it."""
    first = await go(p, "first", takes_ms=60_000)
    await until(p, first, EventKind.STEP_NOTE, "first")
    return [first, *[await go(p, each) for each in things]]


async def test_a_second_run_waits_knows_its_place_and_goes_on_by_itself(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        first, second, third = await blocked(p, "second", "third")
        assert [v.status for v in (second, third)] == [RunStatus.WAITING] * 2
        assert first.started_at is None or second.in_line is not None
        now = await p.show(third.id)
        assert now.in_line is not None
        assert (now.in_line.place, now.in_line.run_id) == (2, first.id)
        began = (await p.show(first.id)).started_at
        assert began is not None
        assert now.in_line.expected_at == began + 2 * timedelta(seconds=1), "each takes a second"
        assert [v.id for v in await p.locks.line(LOCK)] == [second.id, third.id]
        await p.cancel(ADA, first.id)
        await p.clean_up(ADA, (await over(p, first)).id)
        assert (await over(p, second)).status is RunStatus.SUCCEEDED
        assert (await over(p, third)).status is RunStatus.SUCCEEDED
        ends = [(await p.show(v.id)).ended_at for v in (second, third)]
        begins = (await p.show(third.id)).started_at
        assert ends[0] is not None
        assert begins is not None
        assert ends[0] <= begins, "one at a time"
        kinds = [e.kind async for e in p.follow(third.id)]
    assert kinds[:2] == [EventKind.WAITING, EventKind.WAITING], "told again when the line moved"
    assert kinds.index(EventKind.QUEUED) < kinds.index(EventKind.PLANNED)
    assert vendor.most_at_once == 1


async def test_who_does_not_want_to_wait_is_refused_or_leaves(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        first, second, third = await blocked(p, "second", "third")
        with pytest.raises(Locked) as refused:
            await p.submit(ADA, Build(), AT_ONCE)
        assert first.id in refused.value.summary
        gone = await p.cancel(ADA, second.id)
        assert (gone.status, gone.in_line) == (RunStatus.CANCELLED, None)
        moved = await p.show(third.id)
        assert moved.in_line is not None
        assert moved.in_line.place == 1
        with pytest.raises(Refused, match="over already"):
            await p.cancel(ADA, second.id)
        await p.cancel(ADA, third.id)
        await p.cancel(ADA, first.id)


async def test_what_was_true_when_it_came_is_looked_at_again_at_its_turn(tmp_path: Path) -> None:
    """A role that was taken meanwhile, for example; the next one goes on."""
    async with plane(tmp_path, Vendor(), admins=[ADA.key]) as p:
        first, _ = await blocked(p, "never")
        await p.cancel(ADA, (await p.locks.line(LOCK))[0].id)
        bens = await p.submit(BEN, Build(things="bens"), OPS)
        adas = await go(p, "adas")
        p.people.fixed = type(p.people.fixed)(frozenset({ADA.key}))
        await p.cancel(ADA, first.id)
        await p.clean_up(ADA, (await over(p, first)).id)
        ended = await over(p, bens)
        assert (ended.status, ended.locks) == (RunStatus.FAILED, ())
        assert ended.trouble is not None
        assert "needs the role deployer; yours is viewer" in ended.trouble.summary
        assert ended.created == ()
        assert (await over(p, adas)).status is RunStatus.SUCCEEDED


async def test_what_only_the_run_under_way_prevents_is_planned_at_its_turn(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        with pytest.raises(Refused, match="nothing is there yet"):
            await p.submit(ADA, Polish(), OPS)
        first = await go(p, "first", takes_ms=300)
        with pytest.raises(Locked):
            await p.submit(ADA, Polish(), AT_ONCE)
        polish = await p.submit(ADA, Polish(), OPS)
        assert (polish.status, polish.title, polish.steps) == (
            RunStatus.WAITING,
            "polish",
            (),
        )
        ended = await over(p, polish)
        assert (ended.status, ended.title) == (RunStatus.SUCCEEDED, "Polish acme")
        assert (await p.show(first.id)).status is RunStatus.SUCCEEDED


async def test_a_way_back_never_waits_and_a_run_refused_at_its_turn_says_so(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        first = await go(p, "first", takes_ms=60_000)
        await until(p, first, EventKind.STEP_NOTE, "first")
        with pytest.raises(Locked, match=first.id):
            await p.submit(ADA, Polish(back=True), OPS)
        waits = await p.submit(ADA, Polish(), OPS)
        assert waits.status is RunStatus.WAITING
        await p.cancel(ADA, first.id)
        await p.clean_up(ADA, (await over(p, first)).id)
        ended = await over(p, waits)
        assert (ended.status, ended.refused) == (RunStatus.FAILED, True)
        assert ways_on(ended) == [], "it would be refused again"


async def test_what_was_changed_since_is_not_gone_on_with(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        failed = await over(p, await go(p, "first", trouble="failed"))
        assert not failed.outdated
        assert [o.label for o in ways_on(failed)] == ["Try again"]
        assert (await over(p, await go(p, "second"))).status is RunStatus.SUCCEEDED
        failed = await p.show(failed.id)
        assert failed.outdated
        assert ways_on(failed) == []
        calls = dict(vendor.calls)
        with pytest.raises(PlanStale, match="`acme` was changed since") as refused:
            await p.retry(ADA, failed.id)
        assert refused.value.next_step == f"/luthien {failed.line}"
        assert vendor.calls == calls
        with pytest.raises(Refused, match="left nothing behind"):
            await p.clean_up(ADA, failed.id)
        with pytest.raises(Refused, match="nothing to try again"):
            await p.retry(ADA, (await p.list_runs(limit=1))[0].id)


async def test_an_errored_run_keeps_its_lock_and_the_line_learns_who_decides(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        first = await go(p, "first", trouble="always unreachable")
        second = await go(p, "second")
        assert (await over(p, first)).status is RunStatus.ERRORED
        stuck = await p.show(second.id)
        assert stuck.in_line is not None
        assert (stuck.in_line.run_status, stuck.in_line.expected_at) == (RunStatus.ERRORED, None)
        kinds = [e.kind for e in await p.journal.events(run_id=second.id, after=0)]
        assert kinds == [EventKind.WAITING, EventKind.WAITING]
        await p.clean_up(ADA, first.id)
        assert (await over(p, second)).status is RunStatus.SUCCEEDED


async def test_the_line_outlives_the_process(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        first, second, third = await blocked(p, "second", "third")
    async with plane(tmp_path, vendor) as p:
        assert [v.id for v in await p.locks.line(LOCK)] == [second.id, third.id]
        await p.cancel(ADA, first.id)
        await p.clean_up(ADA, (await over(p, first)).id)
        assert (await over(p, third)).status is RunStatus.SUCCEEDED
        assert (await p.show(second.id)).status is RunStatus.SUCCEEDED


async def test_a_turn_that_was_committed_and_not_begun_is_taken_up(tmp_path: Path) -> None:
    """The process dies between the end of the first and the start of the second."""
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        p.journal.on_turn = None
        first, second = await blocked(p, "second")
        await p.cancel(ADA, first.id)
        await p.clean_up(ADA, (await over(p, first)).id)
        await over(p, first)
        assert (await p.show(second.id)).status is RunStatus.QUEUED
        await p.resume()
        assert (await over(p, second)).status is RunStatus.SUCCEEDED


async def test_a_thousand_at_once_are_one_winner_and_a_line(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        asked = Build(things="only", takes_ms=60_000)
        views = await asyncio.gather(*(p.submit(ADA, asked, OPS) for _ in range(1000)))
        statuses = Counter(view.status for view in views)
        assert statuses[RunStatus.WAITING] == 999
        line = await p.journal.line_ids(LOCK)
        assert sorted(line) == sorted(v.id for v in views if v.status is RunStatus.WAITING)
        assert [
            e.run_id
            for e in await p.journal.events(run_id=None, after=0, limit=2000)
            if e.kind is EventKind.WAITING
        ] == line, "in the order in which they came"
        last = await p.show(line[-1])
        assert last.in_line is not None
        assert last.in_line.place == 999
        holder = await p.holder_of(LOCK)
        assert holder is not None
        assert holder.id not in line


async def test_a_person_holds_a_lock_and_their_own_changes_go_through(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        held = await p.locks.hold(BEN, LOCK, "debugging the judge")
        assert await p.locks.held_on(LOCK) == held
        with pytest.raises(Locked, match="locked by ben: debugging the judge"):
            await p.submit(ADA, Build(), AT_ONCE)
        waits = await go(p, "adas")
        assert waits.in_line is not None
        assert (waits.in_line.held_by, waits.in_line.expected_at) == (BEN, None)
        bens = await p.submit(BEN, Build(things="bens"), OPS)
        assert (await over(p, bens)).status is RunStatus.SUCCEEDED
        assert (await p.show(waits.id)).status is RunStatus.WAITING
        with pytest.raises(Locked, match="locked by ben"):
            await p.locks.hold(ADA, LOCK, "mine")
        await p.locks.release(BEN, LOCK)
        assert (await over(p, waits)).status is RunStatus.SUCCEEDED
        with pytest.raises(NotFound, match="not locked by anybody"):
            await p.locks.release(BEN, LOCK)


async def test_a_stolen_lock_is_told_to_its_holder_and_audited(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.locks.hold(BEN, LOCK, "debugging the judge")
        with pytest.raises(Locked) as refused:
            await p.locks.release(ADA, LOCK)
        assert refused.value.next_step == '/luthien unlock acme --steal "why"'
        assert await p.locks.held_on(LOCK) is not None
        await p.locks.release(ADA, LOCK, steal="customer is down")
        [told] = await p.notices.untold()
        assert told.notice.to == BEN.key
        assert "\ufdd0<@slack:U0ADA> unlocked *acme*, which you had locked" in told.notice.text
        assert "Why: customer is down" in told.notice.text
        newest = (await p.audit.entries())[0]
        assert (newest.action, newest.subject, newest.detail["held_by"]) == (
            "lock.stolen",
            "acme",
            BEN.key,
        )


async def test_a_forgotten_lock_is_asked_about_once_a_day(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        held = await p.locks.hold(BEN, LOCK, "debugging the judge")
        assert await p.locks.ask_about_forgotten(held.since + FORGOTTEN / 2) == 0
        late = held.since + FORGOTTEN
        asked = await asyncio.gather(*(p.locks.ask_about_forgotten(late) for _ in range(5)))
        assert sum(asked) == 1
        [told] = await p.notices.untold()
        assert told.notice.to == BEN.key
        assert [o.line for o in told.notice.offers] == [
            'lock acme "debugging the judge"',
            "unlock acme",
        ]
        await p.locks.hold(BEN, LOCK, "debugging the judge")
        assert (await p.locks.held())[0].since == held.since
        [answered] = await p.notices.untold()
        assert answered.withdrawn, "it was answered before it was asked"
        await p.notices.forget(answered.notice.key)
        assert await p.locks.ask_about_forgotten(held.since + 3 * FORGOTTEN) == 1
        [asked_again] = await p.notices.untold()
        await p.notices.tell(asked_again.notice)
        await p.locks.release(ADA, LOCK, steal="customer is down")
        [stolen, answered] = sorted(await p.notices.untold(), key=lambda w: w.told)
        assert "unlocked *acme*" in stolen.notice.text
        assert answered.notice.offers == ()
        [said] = answered.notice.parts
        assert isinstance(said, Text)
        assert said.text.startswith("\ufdd0<@slack:U0ADA> unlocked it on ")
