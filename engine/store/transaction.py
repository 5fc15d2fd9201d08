"""What happens to runs: whatever belongs together commits together."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from engine import chronicle
from engine.actor import Actor
from engine.run import MOVES, EventKind, RunStatus, StepStatus
from engine.store import audit, notices, turns
from engine.store.estimates import estimate
from engine.store.models import (
    CreatedRow,
    DisclosureRow,
    EventRow,
    HoldRow,
    LockRow,
    RunRow,
    StepRow,
)
from engine.store.rows import created_since, locked, new_view, run_row, run_view

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Origin
    from engine.notices import Notice
    from engine.plan import Plan
    from engine.run import RunView, Trouble


_IN_TROUBLE = {RunStatus.FAILED: logging.WARNING, RunStatus.ERRORED: logging.ERROR}


class DuplicateDelivery(Exception):
    """A run for this delivery exists already."""


class IllegalMove(Exception):
    """A status that cannot follow the present one: a lost race, or a bug."""


class Transaction:
    """One write transaction. `now` is the time of everything in it; `pace` divides what steps
    are declared to take."""

    def __init__(self, session: AsyncSession, now: datetime, pace: float = 1.0) -> None:
        self._session = session
        self._pace = pace
        self.now = now
        self.told: set[str] = set()
        self.started: list[tuple[str, int]] = []
        """Runs whose turn came, with their execution: whoever carries runs out is told."""
        self._rows: dict[str, RunRow] = {}
        self.cancelled: list[str] = []
        """Runs that are to stop: whoever carries them out is told."""
        self._states: list[tuple[int, str, dict[str, chronicle.Field]]] = []

    @property
    def session(self) -> AsyncSession:
        """For the other parts of the store."""
        return self._session

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
        sealed: bytes | None = None,
        status: RunStatus = RunStatus.QUEUED,
        waits_for: Sequence[str] = (),
    ) -> RunView:
        """A run with its steps, told and audited: queued, waiting for an approval, or in line for
        `waits_for`; the view knows of neither locks nor line nor approval. Raises
        DuplicateDelivery."""
        if delivery is not None:
            known = select(RunRow.id).where(RunRow.delivery == delivery)
            if await self._session.scalar(known) is not None:
                raise DuplicateDelivery(delivery)
        expected = (await estimate(self._session, command, plan, self._pace)).whole
        row = RunRow(
            id=run_id,
            delivery=delivery,
            command=command,
            arguments=arguments,
            line=line,
            title=plan.title,
            subject=plan.subject,
            status=RunStatus.WAITING if waits_for else status,
            replan=bool(waits_for) or not plan.steps,
            execution=1,
            removing=False,
            actor=actor.model_dump(mode="json"),
            origin=origin.model_dump(mode="json"),
            plan=plan.as_json(),
            plan_digest=plan.digest(),
            expected_s=max(1, round(expected.total_seconds())),
            created_at=self.now,
            started_at=None,
            ended_at=None,
            trouble=None,
            result={},
            cancelled_by="",
            thread_url="",
            sealed=sealed,
        )
        self._session.add(row)
        await self._session.flush()
        steps = await self._add_steps(run_id, plan)
        if waits_for:
            await turns.join(self._session, waits_for, run_id)
            await self._tell_place(await self.row(run_id))
        elif status is RunStatus.QUEUED:
            await self.tell(run_id, EventKind.QUEUED)
        await self.audit(
            actor,
            "run.waiting" if waits_for else f"run.{status}",
            subject=plan.subject,
            run_id=run_id,
            command=line,
            plan_digest=plan.digest(),
            changes=list(plan.changes),
        )
        self._note_state(row)
        return new_view(row, steps)

    async def replan(self, run_id: str, plan: Plan) -> None:
        """What holds now that its turn has come, in the place of the plan that it came with."""
        row = await self.row(run_id)
        row.replan = False
        row.title, row.subject = plan.title, plan.subject
        row.plan, row.plan_digest = plan.as_json(), plan.digest()
        expected = (await estimate(self._session, row.command, plan, self._pace)).whole
        row.expected_s = max(1, round(expected.total_seconds()))
        await self._session.execute(delete(StepRow).where(StepRow.run_id == run_id))
        await self._add_steps(run_id, plan)
        await self.tell(run_id, EventKind.PLANNED)
        await self.audit_run(
            run_id, "run.planned", plan_digest=plan.digest(), changes=list(plan.changes)
        )

    async def _add_steps(self, run_id: str, plan: Plan) -> Sequence[StepRow]:
        steps = [
            StepRow(
                run_id=run_id,
                key=step.key,
                position=position,
                definition=step.as_json(),
                title=step.describe(),
                status=StepStatus.WAITING,
                attempts=0,
                started_at=None,
                ended_at=None,
                note="",
                result={},
            )
            for position, step in enumerate(plan.steps)
        ]
        self._session.add_all(steps)
        await self._session.flush()
        return steps

    async def created_since(self, actor: Actor, commands: Sequence[str], since: datetime) -> int:
        """How many runs of these commands the person has begun; nothing can come between."""
        return await created_since(self._session, actor, commands, since)

    async def lock(
        self, names: Sequence[str], run_id: str, reason: str, *, by: str, patient: bool = False
    ) -> bool:
        """Take all of them for a run of this person. When something keeps it from that: False for
        a patient one, which may wait in line; for others raises Locked."""
        taken = await turns.taken(self._session, names)
        found = taken.blocker(names, run_id, by)
        if found is None:
            free = [name for name in dict.fromkeys(names) if name not in taken.locks]
            await turns.take(self._session, free, run_id, reason, self.now)
            return True
        if not patient:
            raise await locked(self._session, found)
        return False

    async def unlock(self, run_id: str) -> None:
        """Give its locks up; whose turn it is goes on with this transaction."""
        await self.advance(await turns.free(self._session, run_id))

    async def leave_line(self, run_id: str) -> None:
        names = await turns.names_of(self._session, run_id)
        await turns.leave(self._session, run_id)
        await self.advance(names)

    async def advance(self, names: Sequence[str]) -> None:
        """Something about these locks changed: start whose turn it is, tell the others."""
        if not names or not await turns.anybody(self._session):
            return
        for row in await turns.next_ones(self._session):
            wanted = await turns.names_of(self._session, row.id)
            await turns.leave(self._session, row.id)
            await turns.take(self._session, wanted, row.id, row.title, self.now)
            await self.move(row.id, RunStatus.QUEUED)
            await self.tell(row.id, EventKind.QUEUED)
            await self.audit_run(row.id, "run.turn")
            self.started.append((row.id, row.execution))
        for row in await turns.waiting_for(self._session, names):
            await self._tell_place(row)

    async def stuck(self, run_id: str) -> None:
        """It is over and keeps its locks: those in line behind it learn that they must wait for a
        person."""
        held = select(LockRow.name).where(LockRow.run_id == run_id)
        names = list(await self._session.scalars(held))
        for row in await turns.waiting_for(self._session, names) if names else ():
            await self._tell_place(row)

    async def _tell_place(self, row: RunRow) -> None:
        found = await turns.place(self._session, row)
        if found is not None:
            said = found.model_dump(mode="json", exclude_none=True)
            await self.tell(row.id, EventKind.WAITING, **said)

    async def hold(self, name: str, actor: Actor, reason: str) -> HoldRow:
        """A person locks it, or confirms that they still do. Raises Locked when another does."""
        found = await self._session.get(HoldRow, name)
        if found is not None and turns.holder(found).person != actor.person:
            raise await locked(self._session, found)
        if found is None:
            holder = {"key": actor.key, "actor": actor.model_dump(mode="json")}
            found = HoldRow(
                name=name, holder=holder, reason=reason, since=self.now, asked_at=self.now
            )
            self._session.add(found)
        found.reason, found.asked_at = reason, self.now
        await self._session.flush()
        await self.advance([name])
        return found

    async def release(self, name: str) -> HoldRow | None:
        """What was held, if anything."""
        found = await self._session.get(HoldRow, name)
        if found is not None:
            await self._session.delete(found)
            await self._session.flush()
            await self.advance([name])
        return found

    async def held_unasked(self, before: datetime) -> Sequence[HoldRow]:
        """What people hold and were not asked about since; they count as asked now."""
        rows = list(await self._session.scalars(select(HoldRow).where(HoldRow.asked_at <= before)))
        for row in rows:
            row.asked_at = self.now
        return rows

    async def announce(self, notice: Notice) -> None:
        await notices.put(self._session, notice, self.now)

    async def answered(self, prefix: str, remark: str) -> None:
        """What notices of this prefix ask is answered: the remark takes their buttons' place."""
        await notices.amend_all(self._session, prefix, remark)

    async def tell(
        self, run_id: str, kind: EventKind, step: str | None = None, /, **data: Any
    ) -> None:
        """Add an event; `data` must hold no secret."""
        await self._session.execute(
            insert(EventRow).values(run_id=run_id, at=self.now, kind=kind, step=step, data=data)
        )
        self.told.add(run_id)

    async def audit(
        self,
        actor: Actor | str,
        action: str,
        *,
        subject: str = "",
        run_id: str = "",
        **detail: Any,
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
        row = await self.row(run_id)
        actor = Actor.model_validate(row.actor)
        await self.audit(actor, action, subject=row.subject, run_id=run_id, **detail)

    async def trouble(self, run_id: str, trouble: Trouble, *, errored: bool) -> None:
        """Kept with the run (the first one stays) and told."""
        row = await self.row(run_id)
        kept = trouble.model_copy(update={"errored": errored}).model_dump(mode="json")
        if row.trouble is None:
            row.trouble = kept
        told = {name: value for name, value in kept.items() if name != "step"}
        await self.tell(run_id, EventKind.STEP_FAILED, trouble.step or None, **told)

    async def move(self, run_id: str, to: RunStatus, **values: Any) -> RunRow:
        """Change the status. Raises IllegalMove when the table of moves does not know it."""
        row = await self.row(run_id)
        if (RunStatus(row.status), to) not in MOVES:
            raise IllegalMove(f"{run_id}: {row.status} -> {to}")
        row.status = to
        if to is RunStatus.CANCELLING:
            self.cancelled.append(run_id)
        if to.over and to is not RunStatus.ERRORED:  # which people may still go on with
            row.sealed = None
        for name, value in values.items():
            setattr(row, name, value)
        await self._session.flush()
        self._note_state(row)
        return row

    def _note_state(self, row: RunRow) -> None:
        """For the log, once it is durable."""
        state, trouble = RunStatus(row.status), row.trouble or {}
        fields: dict[str, chronicle.Field] = {
            "run": row.id,
            "actor": Actor.model_validate(row.actor).key,
            "request": str(row.origin.get("request", "")),
            "command": row.line,
        }
        if state.over:
            began = row.started_at or row.created_at
            fields["duration_s"] = round((self.now - began).total_seconds(), 3)
        if state in _IN_TROUBLE:
            fields |= {
                "code": str(trouble.get("code", "")),
                "step": str(trouble.get("step", "")),
                "incident": str(trouble.get("incident", "")),
                "next": str(trouble.get("next_step") or f"/luthien run {row.id}"),
            }
        self._states.append((_IN_TROUBLE.get(state, logging.INFO), state, fields))

    def log_states(self) -> None:
        """Once it is durable."""
        for level, state, fields in self._states:
            chronicle.run(level, state, **fields)

    async def row(self, run_id: str) -> RunRow:
        """Raises NotFound. Nobody else can change it meanwhile, so it is read once."""
        if run_id not in self._rows:
            self._rows[run_id] = await run_row(self._session, run_id)
        return self._rows[run_id]

    async def view(self, run_id: str) -> RunView:
        await self._session.flush()
        return await run_view(self._session, await self.row(run_id))

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
        """Before a retry: unfinished steps wait again, with those that they want redone; after a
        removal, all do, as if for the first time."""
        steps = list(await self._session.scalars(select(StepRow).where(StepRow.run_id == run_id)))
        again = {step.key for step in steps if all_of_them or step.status != StepStatus.DONE}
        again |= {key for s in steps if s.key in again for key in s.definition.get("redo", ())}
        for step in steps:
            if step.key in again:
                step.status, step.note, step.result = StepStatus.WAITING, "", {}
                step.started_at = step.ended_at = None
                step.attempts = 0 if all_of_them else step.attempts
        await self._session.flush()

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
        row = await self.row(run_id)
        self._session.add(
            DisclosureRow(
                run_id=run_id,
                subject=row.subject,
                actor=Actor.model_validate(row.actor).key,
                opened_at=self.now,
                until=until,
            )
        )
