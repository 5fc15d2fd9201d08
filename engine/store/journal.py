"""What happens to runs, as transactions: whatever belongs together commits together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from engine.actor import Actor, Origin
from engine.errors import Locked, NotFound
from engine.run import (
    MOVES,
    Created,
    Event,
    EventKind,
    RunStatus,
    RunView,
    StepStatus,
    StepView,
    Trouble,
)
from engine.store import audit
from engine.store.models import (
    CreatedRow,
    DisclosureRow,
    EventRow,
    LockRow,
    RunRow,
    StepRow,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.clock import Clock
    from engine.feed import Feed
    from engine.plan import Plan
    from engine.store.database import Database


class DuplicateDelivery(Exception):
    """A run for this delivery exists already."""


class IllegalMove(Exception):
    """A status that cannot follow the present one: a lost race, or a bug."""


class Journal:
    """Reads and writes runs. Every write goes through `transaction`."""

    def __init__(self, database: Database, feed: Feed, clock: Clock) -> None:
        self._database = database
        self._feed = feed
        self._clock = clock

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Durable when the block ends; followers are woken then."""
        async with self._database.write() as session:
            transaction = Transaction(session, self._clock.now())
            yield transaction
        if transaction.told:
            self._feed.wake()

    async def run(self, run_id: str) -> RunView:
        """Raises NotFound."""
        async with self._database.read() as session:
            return await _view(session, await _row(session, run_id))

    async def plan(self, run_id: str) -> tuple[dict[str, Any], int]:
        """The stored plan and the number of the present execution."""
        async with self._database.read() as session:
            row = await _row(session, run_id)
            return row.plan, row.execution

    async def arguments(self, run_id: str) -> dict[str, Any]:
        """The command's fields as they were stored."""
        async with self._database.read() as session:
            return (await _row(session, run_id)).arguments

    async def by_delivery(self, delivery: str) -> RunView | None:
        async with self._database.read() as session:
            row = await session.scalar(select(RunRow).where(RunRow.delivery == delivery))
            return await _view(session, row) if row else None

    async def runs(
        self, *, subject: str | None, statuses: Sequence[RunStatus], limit: int
    ) -> list[RunView]:
        """Newest first."""
        query = select(RunRow).order_by(RunRow.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(RunRow.subject == subject)
        if statuses:
            query = query.where(RunRow.status.in_([str(s) for s in statuses]))
        async with self._database.read() as session:
            return [await _view(session, row) for row in await session.scalars(query)]

    async def holder(self, lock: str) -> str | None:
        async with self._database.read() as session:
            return await session.scalar(select(LockRow.run_id).where(LockRow.name == lock))

    async def check_locks(self, names: Sequence[str]) -> None:
        """Raises Locked when a run holds one of them."""
        async with self._database.read() as session:
            for name in names:
                holder = await session.get(LockRow, name)
                if holder is not None:
                    raise _locked(name, holder, await _row(session, holder.run_id))

    async def unfinished(self) -> list[tuple[str, int]]:
        """Run ids with their execution that should be going on."""
        alive = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING)
        query = select(RunRow.id, RunRow.execution).where(RunRow.status.in_(list(alive)))
        async with self._database.read() as session:
            rows = await session.execute(query.order_by(RunRow.number))
            return [(row.id, row.execution) for row in rows]

    async def events(self, *, run_id: str | None, after: int, limit: int = 500) -> list[Event]:
        query = select(EventRow).where(EventRow.seq > after).order_by(EventRow.seq).limit(limit)
        if run_id is not None:
            query = query.where(EventRow.run_id == run_id)
        async with self._database.read() as session:
            return [
                Event(
                    seq=row.seq,
                    run_id=row.run_id,
                    at=row.at,
                    kind=EventKind(row.kind),
                    step=row.step,
                    data=row.data,
                )
                for row in await session.scalars(query)
            ]

    async def last_seq(self) -> int:
        async with self._database.read() as session:
            return await session.scalar(select(func.max(EventRow.seq))) or 0


class Transaction:
    """One write transaction. `now` is the time of everything in it."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        self._session = session
        self.now = now
        self.told = False

    async def add_run(
        self,
        *,
        run_id: str,
        delivery: str | None,
        command: str,
        arguments: dict[str, Any],
        line: str,
        plan: Plan,
        actor: Actor,
        origin: Origin,
    ) -> None:
        """A queued run with its steps, told and audited. Raises DuplicateDelivery."""
        if delivery is not None:
            known = select(RunRow.id).where(RunRow.delivery == delivery)
            if await self._session.scalar(known) is not None:
                raise DuplicateDelivery(delivery)
        self._session.add(
            RunRow(
                id=run_id,
                delivery=delivery,
                command=command,
                arguments=arguments,
                line=line,
                title=plan.title,
                subject=plan.subject,
                status=RunStatus.QUEUED,
                execution=1,
                removing=False,
                actor=actor.model_dump(mode="json"),
                origin=origin.model_dump(mode="json"),
                plan=plan.as_json(),
                plan_digest=plan.digest(),
                expected_s=int(plan.expected.total_seconds()),
                created_at=self.now,
                trouble=None,
                result={},
                cancelled_by="",
                thread_url="",
            )
        )
        await self._session.flush()
        self._session.add_all(
            StepRow(
                run_id=run_id,
                key=step.key,
                position=position,
                definition=step.as_json(),
                title=step.describe(),
                status=StepStatus.WAITING,
                attempts=0,
                note="",
                result={},
            )
            for position, step in enumerate(plan.steps)
        )
        await self.tell(run_id, EventKind.QUEUED)
        await self.audit(
            actor.key,
            "run.queued",
            subject=plan.subject,
            run_id=run_id,
            command=line,
            plan_digest=plan.digest(),
            changes=list(plan.changes),
        )

    async def lock(self, names: Sequence[str], run_id: str, reason: str) -> None:
        """Raises Locked when another run holds one of them."""
        for name in names:
            holder = await self._session.get(LockRow, name)
            if holder is None:
                self._session.add(LockRow(name=name, run_id=run_id, reason=reason, since=self.now))
            elif holder.run_id != run_id:
                raise _locked(name, holder, await _row(self._session, holder.run_id))
        await self._session.flush()

    async def unlock(self, run_id: str) -> None:
        await self._session.execute(delete(LockRow).where(LockRow.run_id == run_id))

    async def tell(
        self, run_id: str, kind: EventKind, step: str | None = None, /, **data: Any
    ) -> None:
        """Add an event; `data` must hold no secret."""
        await self._session.execute(
            insert(EventRow).values(run_id=run_id, at=self.now, kind=kind, step=step, data=data)
        )
        self.told = True

    async def audit(
        self, actor: str, action: str, *, subject: str = "", run_id: str = "", **detail: Any
    ) -> None:
        await audit.append(
            self._session,
            at=self.now,
            actor=actor,
            action=action,
            subject=subject,
            run_id=run_id,
            detail=detail,
        )

    async def audit_run(self, run_id: str, action: str, **detail: Any) -> None:
        """In the name of whoever asked for the run."""
        row = await _row(self._session, run_id)
        actor = Actor.model_validate(row.actor)
        await self.audit(actor.key, action, subject=row.subject, run_id=run_id, **detail)

    async def trouble(self, run_id: str, trouble: Trouble, *, errored: bool) -> None:
        """Kept with the run (the first one stays) and told."""
        row = await _row(self._session, run_id)
        kept = trouble.model_copy(update={"errored": errored}).model_dump(mode="json")
        if row.trouble is None:
            row.trouble = kept
        told = {name: value for name, value in kept.items() if name != "step"}
        await self.tell(run_id, EventKind.STEP_FAILED, trouble.step or None, **told)

    async def move(self, run_id: str, to: RunStatus, **values: Any) -> RunRow:
        """Change the status. Raises IllegalMove when the table of moves does not know it."""
        row = await _row(self._session, run_id)
        if (RunStatus(row.status), to) not in MOVES:
            raise IllegalMove(f"{run_id}: {row.status} -> {to}")
        row.status = to
        for name, value in values.items():
            setattr(row, name, value)
        await self._session.flush()
        return row

    async def row(self, run_id: str) -> RunRow:
        return await _row(self._session, run_id)

    async def view(self, run_id: str) -> RunView:
        await self._session.flush()
        return await _view(self._session, await _row(self._session, run_id))

    async def change_step(self, run_id: str, key: str, **values: Any) -> StepRow:
        row = await self._session.get_one(StepRow, (run_id, key))
        for name, value in values.items():
            setattr(row, name, value)
        await self._session.flush()
        return row

    async def stop_steps(self, run_id: str) -> None:
        """At a run's end: what a process that died had under way is not under way any more."""
        await self._session.execute(
            update(StepRow)
            .where(StepRow.run_id == run_id, StepRow.status == StepStatus.RUNNING)
            .values(status=StepStatus.STOPPED, ended_at=self.now)
        )

    async def reset_steps(self, run_id: str, *, all_of_them: bool) -> None:
        """Before a retry: unfinished steps wait again; after a removal, all do."""
        query = update(StepRow).where(StepRow.run_id == run_id)
        if not all_of_them:
            query = query.where(StepRow.status != StepStatus.DONE)
        values: dict[str, Any] = {
            "status": StepStatus.WAITING,
            "note": "",
            "started_at": None,
            "ended_at": None,
        }
        if all_of_them:
            values |= {"result": {}, "attempts": 0}
        await self._session.execute(query.values(**values))

    async def add_created(
        self, run_id: str, step: str, kind: str, resource_id: str, name: str
    ) -> None:
        """Idempotent; something that was removed and made again counts as there."""
        known = await self._session.get(CreatedRow, (run_id, kind, resource_id))
        if known is None:
            self._session.add(
                CreatedRow(
                    run_id=run_id,
                    kind=kind,
                    resource_id=resource_id,
                    name=name,
                    step=step,
                    at=self.now,
                )
            )
        else:
            known.removed_at = None
        await self._session.flush()

    async def removed(self, run_id: str, kind: str, resource_id: str) -> None:
        row = await self._session.get_one(CreatedRow, (run_id, kind, resource_id))
        row.removed_at = self.now

    async def open_disclosure(self, run_id: str, until: datetime) -> None:
        """Whoever asked for the run may read its instance's credentials."""
        row = await _row(self._session, run_id)
        self._session.add(
            DisclosureRow(
                run_id=run_id,
                subject=row.subject,
                actor=Actor.model_validate(row.actor).key,
                opened_at=self.now,
                until=until,
            )
        )


def _locked(name: str, holder: LockRow, run: RunRow) -> Locked:
    subject = name.partition(":")[2] or name
    by = Actor.model_validate(run.actor)
    return Locked(
        f"`{subject}` is held by run `{run.id}` ({run.title}, {run.status}).",
        why=f"{by.name} started it at {holder.since:%H:%M} UTC; one run at a time may change it.",
        who=f"{by.name} or an admin can cancel it; else it ends by itself.",
        next_step=f"/luthien run {run.id}",
        link=run.thread_url,
    )


async def _row(session: AsyncSession, run_id: str) -> RunRow:
    row = await session.scalar(select(RunRow).where(RunRow.id == run_id))
    if row is None:
        raise NotFound(
            f"There is no run `{run_id}`.",
            why="It never was, or it was removed after its time.",
            next_step="/luthien runs",
        )
    return row


async def _view(session: AsyncSession, row: RunRow) -> RunView:
    steps = await session.scalars(
        select(StepRow).where(StepRow.run_id == row.id).order_by(StepRow.position)
    )
    created = await session.scalars(
        select(CreatedRow).where(CreatedRow.run_id == row.id).order_by(CreatedRow.at)
    )
    locks = await session.scalars(select(LockRow.name).where(LockRow.run_id == row.id))
    return RunView.model_validate(
        {
            "id": row.id,
            "command": row.command,
            "line": row.line,
            "title": row.title,
            "subject": row.subject,
            "status": row.status,
            "removing": row.removing,
            "actor": row.actor,
            "origin": row.origin,
            "created_at": row.created_at,
            "started_at": row.started_at,
            "ended_at": row.ended_at,
            "expected": row.expected_s,
            "steps": tuple(
                StepView(
                    key=step.key,
                    kind=step.definition["kind"],
                    title=step.title,
                    status=StepStatus(step.status),
                    attempts=step.attempts,
                    started_at=step.started_at,
                    ended_at=step.ended_at,
                    note=step.note,
                    expected=step.definition["expected"],
                    result=step.result,
                )
                for step in steps
            ),
            "created": tuple(
                Created(
                    kind=item.kind,
                    id=item.resource_id,
                    name=item.name,
                    step=item.step,
                    removed=item.removed_at is not None,
                )
                for item in created
            ),
            "trouble": Trouble.model_validate(row.trouble) if row.trouble else None,
            "result": row.result,
            "delivers": row.plan.get("delivers"),
            "locks": tuple(locks),
            "cancelled_by": row.cancelled_by,
            "thread_url": row.thread_url,
        }
    )
