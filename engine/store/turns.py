"""Locks and the lines behind them: one changing run at a time, first come first served.

A run takes all its locks or none. One that has to wait stands in the line of each. The transaction
that frees a lock also gives it to the next, so that none is free while somebody waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select

from engine.actor import Actor
from engine.run import InLine, RunStatus
from engine.store.models import HoldRow, LockRow, RunRow, WaitRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

_GOING = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)


@dataclass(frozen=True)
class Taken:
    """Who has which of some locks."""

    locks: Mapping[str, LockRow]
    holds: Mapping[str, HoldRow]

    def blocker(self, names: Iterable[str], run_id: str, by: str) -> LockRow | HoldRow | None:
        """What keeps a run of this person from taking all of these now; None: nothing does."""
        for name in names:
            lock, hold = self.locks.get(name), self.holds.get(name)
            if lock is not None and lock.run_id != run_id:
                return lock
            if hold is not None and holder(hold).person != by:
                return hold
        return None


def holder(hold: HoldRow) -> Actor:
    """Who keeps it locked."""
    return Actor.model_validate(hold.holder["actor"])


async def taken(session: AsyncSession, names: Sequence[str]) -> Taken:
    if not names:
        return Taken({}, {})
    locks = await session.scalars(select(LockRow).where(LockRow.name.in_(names)))
    holds = await session.scalars(select(HoldRow).where(HoldRow.name.in_(names)))
    return Taken({row.name: row for row in locks}, {row.name: row for row in holds})


async def take(
    session: AsyncSession, names: Iterable[str], run_id: str, reason: str, now: datetime
) -> None:
    """Those that nobody has."""
    session.add_all(LockRow(name=name, run_id=run_id, reason=reason, since=now) for name in names)
    await session.flush()


async def join(session: AsyncSession, names: Iterable[str], run_id: str) -> None:
    """At the end of each line."""
    session.add_all(WaitRow(name=name, run_id=run_id) for name in names)
    await session.flush()


async def leave(session: AsyncSession, run_id: str) -> None:
    await session.execute(delete(WaitRow).where(WaitRow.run_id == run_id))


async def free(session: AsyncSession, run_id: str) -> list[str]:
    """Give up the run's locks; their names."""
    names = await session.scalars(select(LockRow.name).where(LockRow.run_id == run_id))
    freed = list(names)
    await session.execute(delete(LockRow).where(LockRow.run_id == run_id))
    return freed


async def next_ones(session: AsyncSession) -> list[RunRow]:
    """Those whose turn it is, in order: each of their locks is free, is held for nobody else, and
    is wanted by nobody before them who could go on."""
    taken = set(await session.scalars(select(LockRow.name)))
    holds = {h.name: holder(h).person for h in await session.scalars(select(HoldRow))}
    found = []
    for row, names in await _waiting(session):
        by = Actor.model_validate(row.actor).person
        if any(holds.get(name, by) != by for name in names):
            continue
        if taken.isdisjoint(names):
            found.append(row)
        taken.update(names)
    return found


async def anybody(session: AsyncSession) -> bool:
    """Whether anybody waits at all."""
    return await session.scalar(select(WaitRow.number).limit(1)) is not None


async def names_of(session: AsyncSession, run_id: str) -> list[str]:
    """The lines in which it stands."""
    query = select(WaitRow.name).where(WaitRow.run_id == run_id).order_by(WaitRow.number)
    return list(await session.scalars(query))


async def waiting_for(session: AsyncSession, names: Collection[str]) -> list[RunRow]:
    """Everybody in these lines, in order."""
    return [row for row, wanted in await _waiting(session) if not set(names).isdisjoint(wanted)]


async def place(session: AsyncSession, row: RunRow) -> InLine | None:
    """Where a waiting run stands: in the longest of its lines."""
    places = [await _in_line(session, row, name) for name in await names_of(session, row.id)]
    return max(places, key=lambda found: found.place, default=None)


async def _in_line(session: AsyncSession, row: RunRow, name: str) -> InLine:
    mine = select(WaitRow.number).where(WaitRow.run_id == row.id, WaitRow.name == name)
    before = (
        select(func.count(), func.coalesce(func.sum(RunRow.expected_s), 0))
        .join_from(WaitRow, RunRow, RunRow.id == WaitRow.run_id)
        .where(WaitRow.name == name, WaitRow.number < mine.scalar_subquery())
    )
    ahead, seconds = (await session.execute(before)).one()
    found = InLine(lock=name, place=ahead + 1)
    by = Actor.model_validate(row.actor).person
    hold = await session.get(HoldRow, name)
    if hold is not None and holder(hold).person != by:
        return found.model_copy(
            update={"held_by": holder(hold), "reason": hold.reason, "since": hold.since}
        )
    lock = await session.get(LockRow, name)
    run = await session.scalar(select(RunRow).where(RunRow.id == lock.run_id)) if lock else None
    if lock is None or run is None:
        return found
    ends = (run.started_at or lock.since) + timedelta(seconds=run.expected_s + seconds)
    return found.model_copy(
        update={
            "run_id": run.id,
            "run_line": run.line,
            "run_status": RunStatus(run.status),
            "held_by": Actor.model_validate(run.actor),
            "since": lock.since,
            "expected_at": ends if RunStatus(run.status) in _GOING else None,
        }
    )


async def _waiting(session: AsyncSession) -> list[tuple[RunRow, list[str]]]:
    """Everybody who waits, in order, with the names of what they wait for."""
    query = select(RunRow, WaitRow.name).join(RunRow, RunRow.id == WaitRow.run_id)
    found: dict[str, tuple[RunRow, list[str]]] = {}
    for row, name in await session.execute(query.order_by(WaitRow.number)):
        found.setdefault(row.id, (row, []))[1].append(name)
    return list(found.values())
