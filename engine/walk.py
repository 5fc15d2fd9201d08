"""One execution of one run: walks the steps table, independent steps side by side.

Everything that matters is committed before it is relied upon, so that a walk can be broken off at
any instant and a new one goes on from the tables.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.attempt import Attempt, Ending
from engine.command import Undecided
from engine.context import resolve
from engine.errors import OpsError, OutcomeUnknown, RateLimited, Refused, Unreachable
from engine.foreign import loaded
from engine.removal import Removal
from engine.run import EventKind, RunStatus, StepStatus, Trouble
from engine.subject import about
from engine.telemetry import QUEUE_WAIT, RUNS, UNDER_WAY, span
from engine.troubles import incident

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.context import Equipment
    from engine.run import RunView, StepView
    from engine.step import Result, Step
    from engine.store.transaction import Transaction

_TRIED_IN_VAIN = (StepStatus.FAILED, StepStatus.ERRORED)


class Walk:
    """Lives from taking up an execution to its end; `stop` and `settle` come from outside."""

    def __init__(self, run_id: str, execution: int, equipment: Equipment) -> None:
        self._run_id = run_id
        self._execution = execution
        self._equipment = equipment
        self._journal = equipment.journal
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Event()
        self._writes: set[asyncio.Task[Ending]] = set()
        self._plan: dict[str, Any] = {}
        self._replan = False
        self._steps: dict[str, Step] = {}
        self._results: dict[str, Result] = {}
        self._waiting: dict[str, Attempt] = {}

    def stop(self) -> None:
        """Start no further step; waiting ones end at once, writing ones when they are done."""
        self._stopping.set()

    async def settle(self) -> None:
        """The process is leaving: return when no write is under way (10 s at most)."""
        self._leaving.set()
        if self._writes:
            await asyncio.wait(self._writes, timeout=10)

    async def go(self) -> None:
        """Until the execution is over, whatever its end; only the process's end breaks it off."""
        view = await self._take_up()
        if view is None:
            return
        told = {"run": self._run_id, "actor": view.actor.key}
        with (
            about(**told, request=view.origin.request),
            span(f"run {view.command}", parent=view.origin.trace, **told),
            UNDER_WAY.track_inprogress(),
        ):
            await self._carry_out(view)

    async def _carry_out(self, view: RunView) -> None:
        try:
            if self._replan and not view.removing:
                planned = await self._plan_anew()
                if planned is None:
                    return
                view = planned
            titles = {state.key: state.title for state in view.steps}
            self._steps = {
                stored["key"]: loaded(self._equipment.registry, stored, titles[stored["key"]])
                for stored in self._plan["steps"]
            }
            self._results = {s.key: s.result for s in view.steps if s.status == StepStatus.DONE}
            if view.removing:
                await self._remove(view)
            else:
                await self._apply(view)
        except Exception as error:  # noqa: BLE001 - the boundary: a bug must end as an errored run
            async with self._journal.transaction() as tx:
                bug = incident(error, self._run_id, "the run itself")
                await tx.trouble(self._run_id, bug, errored=True)
                await self._end(tx, RunStatus.ERRORED, unlock=False)

    async def _plan_anew(self) -> RunView | None:
        """It waited in line, so what holds now counts. None: it is refused, and over."""
        retries, failures = self._equipment.retries, 0
        while True:
            try:
                plan = await self._equipment.plan_now(self._run_id)
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                failures += 1
                if failures >= retries.attempts:
                    await self._refused(error)
                    return None
                await self._equipment.clock.sleep(retries.wait(failures))
            except OpsError as error:
                await self._refused(error)
                return None
            except Undecided as choice:
                await self._refused(Refused(choice.answer.title))
                return None
            else:
                async with self._journal.transaction() as tx:
                    await tx.replan(self._run_id, plan)
                stored = await self._journal.to_carry_out(self._run_id)
                self._plan = stored.plan
                return stored.view

    async def _refused(self, error: OpsError) -> None:
        """Nothing was changed, so the lock is free for the next."""
        async with self._journal.transaction() as tx:
            trouble = Trouble(
                step="",
                step_title="Its turn came",
                summary=error.summary,
                why=error.why,
                next_step=error.next_step,
                link=error.link,
                refused=isinstance(error, Refused),
                code=error.code,
            )
            await tx.trouble(self._run_id, trouble, errored=False)
            await self._end(tx, RunStatus.FAILED, unlock=True)

    async def _take_up(self) -> RunView | None:
        """The run, now running; None when this execution is not the one to go on with."""
        stored = await self._journal.to_carry_out(self._run_id)
        view, self._plan, self._replan = stored.view, stored.plan, stored.replan
        if view.status.over or stored.execution != self._execution:
            return None
        if view.status == RunStatus.QUEUED:
            async with self._journal.transaction() as tx:
                await tx.move(self._run_id, RunStatus.RUNNING, started_at=tx.now)
                await tx.tell(self._run_id, EventKind.STARTED, removing=view.removing)
            if self._execution == 1:
                QUEUE_WAIT.observe((tx.now - view.created_at).total_seconds())
        if view.status == RunStatus.CANCELLING:
            self._stopping.set()
        return view

    async def _apply(self, view: RunView) -> None:
        if view.trouble is not None:  # an earlier process left between the trouble and its end
            self._stopping.set()
        await self._advance(view)
        if self._leaving.is_set() and not self._stopping.is_set():
            await asyncio.Event().wait()  # the process is about to end; the next one goes on
        await self._finish(view)

    async def _advance(self, view: RunView) -> None:
        """Start whatever is ready until nothing is under way any more."""
        self._waiting = {
            step.key: self._attempt(view, step)
            for step in view.steps
            if step.key not in self._results and step.status not in _TRIED_IN_VAIN
        }
        under_way: dict[asyncio.Task[Ending], Attempt] = {}
        next_ones = self._ready()
        try:
            while True:
                under_way |= {self._start(attempt): attempt for attempt in next_ones}
                if not under_way:
                    return
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                if Ending.TROUBLED in [await task for task in done]:
                    self._stopping.set()
                ended = [under_way.pop(task) for task in done]
                # What was handed on has begun, so it must also end, or be found by the next start.
                left = self._leaving.is_set() and not self._stopping.is_set()
                next_ones = [] if left else [one for each in ended for one in each.handed_on]
                next_ones += self._ready()
        finally:
            for task in under_way:
                task.cancel()

    def _attempt(self, view: RunView, state: StepView) -> Attempt:
        step = self._steps[state.key]
        return Attempt(
            self._equipment, view, step, state, self._results, self._stopping, self._ready
        )

    def _ready(self, done: str = "") -> list[Attempt]:
        """Those that nothing keeps from beginning, once `done` is done, too; they wait no more."""
        if self._stopping.is_set() or self._leaving.is_set():
            return []
        there = {*self._results, done}
        ready = [
            key for key, attempt in self._waiting.items() if there.issuperset(attempt.step.after)
        ]
        return [self._waiting.pop(key) for key in ready]

    def _start(self, attempt: Attempt) -> asyncio.Task[Ending]:
        step = attempt.step
        task = asyncio.create_task(attempt.go(), name=f"{self._run_id} {step.key}")
        if not step.waits:
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)
        return task

    async def _finish(self, taken_up: RunView) -> None:
        """Every step is done, or the walk was stopped by a person or by trouble."""
        if taken_up.trouble is None and len(self._results) == len(self._steps):
            await self._succeed()
            return
        view = await self._journal.run(self._run_id)
        if view.trouble is None:
            view = await self._removal.recall(view)
            async with self._journal.transaction() as tx:
                await self._end(tx, RunStatus.CANCELLED, unlock=not view.left)
        elif view.trouble.errored:
            async with self._journal.transaction() as tx:
                await self._end(tx, RunStatus.ERRORED, unlock=False)
        else:
            view = await self._removal.recall(view)
            keep = self._plan["keep_on_failure"]
            clean = not view.left if keep else await self._removal.remove(view)
            async with self._journal.transaction() as tx:
                await self._end(tx, RunStatus.FAILED, unlock=clean)

    async def _succeed(self) -> None:
        outcome: Mapping[str, object] = self._plan["outcome"]
        result = {key: resolve(self._results, value) for key, value in outcome.items()}
        async with self._journal.transaction() as tx:
            await self._end(tx, RunStatus.SUCCEEDED, unlock=True, result=result)
            if self._plan["delivers"]:
                until = tx.now + self._equipment.limits.credentials_window
                await tx.open_disclosure(self._run_id, until)

    async def _remove(self, view: RunView) -> None:
        clean = await self._removal.remove(await self._removal.recall(view))
        async with self._journal.transaction() as tx:
            to = RunStatus.ROLLED_BACK if clean else RunStatus.ERRORED
            await self._end(tx, to, unlock=clean)

    async def _end(self, tx: Transaction, to: RunStatus, *, unlock: bool, **values: Any) -> None:
        row = await tx.move(self._run_id, to, ended_at=tx.now, **values)
        if to is not RunStatus.SUCCEEDED:
            await tx.stop_steps(self._run_id)
        if unlock:
            await tx.unlock(self._run_id)
        else:
            await tx.stuck(self._run_id)
        await tx.tell(self._run_id, EventKind.ENDED, status=to)
        await tx.audit_run(self._run_id, f"run.{to}", command=row.line)
        RUNS.labels(row.command, to).inc()

    @property
    def _removal(self) -> Removal:
        return Removal(self._equipment, self._run_id, self._steps, self._results)
