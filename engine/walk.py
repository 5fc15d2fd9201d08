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
from engine.removal import Removal
from engine.run import EventKind, RunStatus, StepStatus, Trouble
from engine.telemetry import QUEUE_WAIT, RUNS, UNDER_WAY, about, span
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
        self._steps: dict[str, Step] = {}
        self._results: dict[str, Result] = {}

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
            about(**told),
            span(f"run {view.command}", parent=view.origin.trace, **told),
            UNDER_WAY.track_inprogress(),
        ):
            await self._carry_out(view)

    async def _carry_out(self, view: RunView) -> None:
        try:
            if not view.removing and await self._journal.needs_plan(self._run_id):
                planned = await self._plan_anew()
                if planned is None:
                    return
                view = planned
            self._steps = {
                stored["key"]: self._equipment.registry.load_step(stored)
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
                self._plan, _ = await self._journal.plan(self._run_id)
                return await self._journal.run(self._run_id)

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
            )
            await tx.trouble(self._run_id, trouble, errored=False)
            await self._end(tx, RunStatus.FAILED, unlock=True)

    async def _take_up(self) -> RunView | None:
        """The run, now running; None when this execution is not the one to go on with."""
        view = await self._journal.run(self._run_id)
        self._plan, execution = await self._journal.plan(self._run_id)
        if view.status.over or execution != self._execution:
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
        await self._finish()

    async def _advance(self, view: RunView) -> None:
        """Start whatever is ready until nothing is under way any more."""
        waiting = {s.key: s for s in view.steps if s.key not in self._results}
        waiting = {key: s for key, s in waiting.items() if s.status not in _TRIED_IN_VAIN}
        under_way: set[asyncio.Task[Ending]] = set()
        try:
            while True:
                if not (self._stopping.is_set() or self._leaving.is_set()):
                    ready = [key for key in waiting if self._ready(self._steps[key])]
                    for key in ready:
                        under_way.add(self._start(view, key, waiting.pop(key)))
                if not under_way:
                    return
                done, under_way = await asyncio.wait(
                    under_way, return_when=asyncio.FIRST_COMPLETED
                )
                if Ending.TROUBLED in [await task for task in done]:
                    self._stopping.set()
        finally:
            for task in under_way:
                task.cancel()

    def _ready(self, step: Step) -> bool:
        return all(key in self._results for key in step.after)

    def _start(self, view: RunView, key: str, state: StepView) -> asyncio.Task[Ending]:
        step = self._steps[key]
        attempt = Attempt(self._equipment, view, step, state, self._results, self._stopping)
        task = asyncio.create_task(attempt.go(), name=f"{self._run_id} {key}")
        if not step.waits:
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)
        return task

    async def _finish(self) -> None:
        """Every step is done, or the walk was stopped by a person or by trouble."""
        view = await self._journal.run(self._run_id)
        if view.trouble is None and len(self._results) == len(self._steps):
            await self._succeed()
        elif view.trouble is None:
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
