"""Reads runs and their events, and opens the transactions that write them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, exists, func, literal, select

from engine.actor import Actor, Origin
from engine.run import Event, EventKind, RunBrief, RunStatus
from engine.store import turns
from engine.store.estimates import estimate
from engine.store.models import (
    ClaimRow,
    EventRow,
    HoldRow,
    LockRow,
    RunRow,
    WaitRow,
    table_of,
)
from engine.store.pages import runs_page
from engine.store.progress import Progress
from engine.store.rows import created_since, locked, run_row, run_view, run_views
from engine.store.signals import CANCEL, EVENTS
from engine.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from engine.clock import Clock
    from engine.feed import Feed
    from engine.plan import Plan
    from engine.run import RunView
    from engine.store.database import Database
    from engine.store.estimates import Estimate

EVENTS_AT_ONCE = 500
_KINDS = {str(kind): kind for kind in EventKind}
_EVENTS = table_of(EventRow)


@dataclass(frozen=True)
class Stored:
    """A run as whoever carries it out needs it."""

    view: RunView
    plan: dict[str, Any]
    execution: int
    """The number of the present one."""
    replan: bool
    """It waited in line, so its plan is of another moment."""


@dataclass(frozen=True)
class Wish:
    """What was asked for with a run, and by whom."""

    command: str
    arguments: dict[str, Any]
    """The command's fields as they were stored."""
    actor: Actor
    origin: Origin
    sealed: bytes | None
    """Its secrets; None once they are forgotten."""


class Journal:
    """Reads and writes runs. Every write goes through `transaction`, or `progress`."""

    def __init__(self, database: Database, feed: Feed, clock: Clock, pace: float = 1.0) -> None:
        self._database = database
        self._feed = feed
        self._clock = clock
        self._pace = pace
        self.progress = Progress(database, feed)
        self.on_turn: Callable[[Sequence[tuple[str, int]]], None] | None = None
        """Told after a commit that gave runs in line their turn; should that be missed, they are
        taken up like any other that should be going on."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Durable when the block ends; followers are woken then."""
        async with self._database.write() as session:
            transaction = Transaction(session, self._clock.now(), self._pace)
            yield transaction
            signals = [*self._database.signal(EVENTS)] if transaction.told else []
            for run_id in transaction.cancelled:
                signals += self._database.signal(CANCEL, run_id)
            for signal in signals:
                await session.execute(signal)
        transaction.log_states()
        if transaction.told:
            self._feed.wake(*transaction.told)
        if transaction.started and self.on_turn is not None:
            self.on_turn(transaction.started)

    async def run(self, run_id: str) -> RunView:
        """Raises NotFound."""
        async with self._database.read() as session:
            return await run_view(session, await run_row(session, run_id))

    async def to_carry_out(self, run_id: str) -> Stored:
        """Raises NotFound."""
        async with self._database.read() as session:
            row = await run_row(session, run_id)
            return Stored(await run_view(session, row), row.plan, row.execution, row.replan)

    async def estimate(self, command: str, plan: Plan) -> Estimate:
        """How long a plan of this command should take."""
        async with self._database.read() as session:
            return await estimate(session, command, plan, self._pace)

    async def wish(self, run_id: str) -> Wish:
        """Raises NotFound."""
        async with self._database.read() as session:
            row = await run_row(session, run_id)
        return Wish(
            command=row.command,
            arguments=row.arguments,
            actor=Actor.model_validate(row.actor),
            origin=Origin.model_validate(row.origin),
            sealed=row.sealed,
        )

    async def sealed(self, run_id: str) -> bytes | None:
        """The run's secrets; None once they are forgotten."""
        return (await self.wish(run_id)).sealed

    async def by_delivery(self, delivery: str) -> RunView | None:
        async with self._database.read() as session:
            row = await session.scalar(select(RunRow).where(RunRow.delivery == delivery))
            return await run_view(session, row) if row else None

    async def runs(
        self, *, subject: str | None, statuses: Sequence[RunStatus], limit: int, before: str = ""
    ) -> list[RunView]:
        """Newest first, older than `before`. Raises NotFound when that is no run."""
        async with self._database.read() as session:
            rows = await runs_page(
                session,
                subject=subject,
                statuses=[str(status) for status in statuses],
                limit=limit,
                before=(await run_row(session, before)).number if before else None,
            )
            return await run_views(session, rows)

    async def runs_since(self, since: datetime) -> list[RunBrief]:
        """Newest first. One query: whoever counts a week must not read each run by itself."""
        return await self._briefs(RunRow.created_at >= since)

    async def briefs(self, ids: Collection[str]) -> list[RunBrief]:
        """Of these runs, as far as there are such; newest first."""
        return await self._briefs(RunRow.id.in_(ids))

    async def _briefs(self, which: ColumnElement[bool]) -> list[RunBrief]:
        query = select(*(getattr(RunRow, name) for name in RunBrief.model_fields)).where(which)
        async with self._database.read() as session:
            rows = await session.execute(query.order_by(RunRow.number.desc()))
            return [RunBrief.model_validate(row) for row in rows.mappings()]

    async def created_since(self, actor: Actor, commands: Sequence[str], since: datetime) -> int:
        """How many runs of these commands the person has begun."""
        async with self._database.read() as session:
            return await created_since(session, actor, commands, since)

    async def holder(self, lock: str) -> str | None:
        async with self._database.read() as session:
            return await session.scalar(select(LockRow.run_id).where(LockRow.name == lock))

    async def taken(self) -> list[str]:
        """The locks that runs have."""
        async with self._database.read() as session:
            return list(await session.scalars(select(LockRow.name)))

    async def check_locks(self, names: Sequence[str], by: str) -> None:
        """Raises Locked when something keeps this person from taking them now."""
        async with self._database.read() as session:
            found = (await turns.taken(session, names)).blocker(names, "", by)
            if found is not None:
                raise await locked(session, found)

    async def line(self, lock: str) -> list[RunView]:
        """Who waits for it, in order."""
        async with self._database.read() as session:
            return await run_views(session, await turns.waiting_for(session, [lock]))

    async def line_ids(self, lock: str) -> list[str]:
        """Only their ids."""
        query = select(WaitRow.run_id).where(WaitRow.name == lock).order_by(WaitRow.number)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def lines(self) -> list[str]:
        """The locks that somebody waits for."""
        async with self._database.read() as session:
            query = select(WaitRow.name).distinct().order_by(WaitRow.name)
            return list(await session.scalars(query))

    async def holds(self) -> list[HoldRow]:
        """What people hold, by name."""
        async with self._database.read() as session:
            return list(await session.scalars(select(HoldRow).order_by(HoldRow.name)))

    async def unfinished(self) -> list[tuple[str, int]]:
        """Run ids with their execution that should be going on, and that no replica has."""
        alive = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)
        execution = cast(RunRow.execution, String)
        claim = literal("run:").concat(RunRow.id).concat(":").concat(execution)
        claimed = exists().where(ClaimRow.name == claim)
        query = select(RunRow.id, RunRow.execution).where(RunRow.status.in_(list(alive)), ~claimed)
        async with self._database.read() as session:
            rows = await session.execute(query.order_by(RunRow.number))
            return [(row.id, row.execution) for row in rows]

    async def cancelling(self) -> list[str]:
        """Ids of runs that are being stopped."""
        query = select(RunRow.id).where(RunRow.status == RunStatus.CANCELLING)
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def events(
        self, *, run_id: str | None, after: int, limit: int = EVENTS_AT_ONCE
    ) -> list[Event]:
        """Those of kinds that only a newer version knows are left out."""
        query = select(_EVENTS).where(_EVENTS.c.seq > after).order_by(_EVENTS.c.seq).limit(limit)
        if run_id is not None:
            query = query.where(_EVENTS.c.run_id == run_id)
        return [
            Event(
                seq=row.seq,
                run_id=row.run_id,
                at=row.at,
                kind=kind,
                step=row.step,
                data=row.data,
            )
            for row in await self._database.rows(query)
            if (kind := _KINDS.get(row.kind)) is not None
        ]

    async def last_seq(self) -> int:
        async with self._database.read() as session:
            return await session.scalar(select(func.max(EventRow.seq))) or 0
