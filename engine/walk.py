"""One execution of one run: walks the steps table, independent steps side by side.

Everything that matters is committed before it is relied upon, so that a walk can be broken off at
any instant and a new one goes on from the tables.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import (
    OpsError,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Refused,
    Rejected,
    Unreachable,
)
from engine.run import EventKind, RunStatus, StepStatus, Trouble
from engine.step import Ref, StepFailed, Stopped

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from engine.clock import Clock
    from engine.registry import Registry
    from engine.run import RunView, StepView
    from engine.step import Result, Step, Value
    from engine.store.journal import Journal, Transaction
    from engine.world import Limits, Toolbox

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retries:
    """How long a step is tried again after trouble on the way to the vendor."""

    attempts: int = 8
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(seconds=30)

    def wait(self, failures: int) -> timedelta:
        """Doubles with every failure up to `longest`."""
        return min(self.first * 2.0 ** (failures - 1), self.longest)


class Walk:
    """Lives from taking up an execution to its end; `stop` and `settle` come from outside."""

    def __init__(
        self,
        run_id: str,
        execution: int,
        *,
        journal: Journal,
        registry: Registry,
        toolbox: Toolbox,
        clock: Clock,
        limits: Limits,
        retries: Retries,
    ) -> None:
        self.run_id = run_id
        self.journal = journal
        self.toolbox = toolbox
        self.clock = clock
        self._execution = execution
        self._registry = registry
        self._limits = limits
        self._retries = retries
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Event()
        self._writes: set[asyncio.Task[bool]] = set()
        self.results: dict[str, Result] = {}

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
        view = await self.journal.run(self.run_id)
        _, execution = await self.journal.plan(self.run_id)
        if view.status.over or execution != self._execution:
            return
        if view.status == RunStatus.QUEUED:
            async with self.journal.transaction() as tx:
                await tx.move(self.run_id, RunStatus.RUNNING, started_at=tx.now)
                await tx.tell(self.run_id, EventKind.STARTED, removing=view.removing)
            view = await self.journal.run(self.run_id)
        if view.status == RunStatus.CANCELLING:
            self._stopping.set()
        stored, _ = await self.journal.plan(self.run_id)
        steps = {raw["key"]: self._registry.load_step(raw) for raw in stored["steps"]}
        try:
            if view.removing:
                await self._remove(view, steps)
            else:
                await self._apply(view, steps, stored)
        except Exception as error:  # noqa: BLE001 - the boundary: a bug must end as an errored run
            await self._end_errored(_incident(error, self.run_id, "the run itself"))

    # ── applying ──────────────────────────────────────────────────────────────────────────────

    async def _apply(
        self, view: RunView, steps: Mapping[str, Step], stored: Mapping[str, Any]
    ) -> None:
        self.results = {s.key: s.result for s in view.steps if s.status == StepStatus.DONE}
        trouble = view.trouble is not None
        under_way: dict[asyncio.Task[bool], str] = {}
        waiting = {s.key: s for s in view.steps if s.status not in _SETTLED}
        try:
            await self._advance(steps, waiting, under_way, trouble)
        finally:
            for task in under_way:
                task.cancel()
        if self._leaving.is_set() and not self._stopping.is_set():
            await asyncio.Event().wait()  # the process is about to end; the next one goes on
        await self._finish(steps, stored)

    async def _advance(
        self,
        steps: Mapping[str, Step],
        waiting: dict[str, StepView],
        under_way: dict[asyncio.Task[bool], str],
        trouble: bool,
    ) -> None:
        """Start what is ready until nothing is under way any more."""
        while True:
            if not (trouble or self._stopping.is_set() or self._leaving.is_set()):
                for key in [k for k in waiting if self._ready(steps[k])]:
                    task = asyncio.create_task(
                        self._step(steps[key], waiting.pop(key)), name=f"{self.run_id} {key}"
                    )
                    under_way[task] = key
                    if not steps[key].waits:
                        self._writes.add(task)
                        task.add_done_callback(self._writes.discard)
            if not under_way:
                return
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                under_way.pop(task)
                if not await task:
                    trouble = True
                    self._stopping.set()

    def _ready(self, step: Step) -> bool:
        return all(key in self.results for key in step.after)

    async def _step(self, step: Step, view: StepView) -> bool:
        """Carry out one step with its retries; True when it is done or was merely stopped."""
        failures, attempts = 0, view.attempts
        uncertain = view.attempts > 0
        while True:
            attempts += 1
            context = Context(self, step.key, attempts, uncertain)
            async with self.journal.transaction() as tx:
                first = view.status != StepStatus.RUNNING and failures == 0
                values = {"started_at": tx.now} if first else {}
                await tx.change_step(
                    self.run_id,
                    step.key,
                    status=StepStatus.RUNNING,
                    attempts=attempts,
                    **values,
                )
                if first:
                    await tx.tell(self.run_id, EventKind.STEP_STARTED, step.key)
            began = self.clock.monotonic()
            try:
                running = step.run(context)
                result = await (self.until_stopped(running) if step.waits else running)
            except Stopped:
                await self._step_stopped(step)
                return True
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                failures += 1
                uncertain = uncertain or isinstance(error, OutcomeUnknown)
                if failures >= self._retries.attempts:
                    await self._step_troubled(step, StepStatus.ERRORED, _in_doubt(error, step))
                    return False
                try:
                    await self._wait_and_retry(step, error, failures, attempts)
                except Stopped:
                    await self._step_stopped(step)
                    return True
            except (StepFailed, Rejected, Refused) as error:
                await self._step_troubled(step, StepStatus.FAILED, _said_no(error, step))
                return False
            except Exception as error:  # noqa: BLE001 - a bug in a step errs the run, not the bot
                trouble = _incident(error, self.run_id, step.describe(), step.key)
                await self._step_troubled(step, StepStatus.ERRORED, trouble)
                return False
            else:
                await self._step_done(step, result, self.clock.monotonic() - began)
                return True

    async def _wait_and_retry(
        self, step: Step, error: ProviderError, failures: int, attempts: int
    ) -> None:
        wait = self._retries.wait(failures)
        if isinstance(error, RateLimited):
            wait = max(wait, error.retry_after)
        async with self.journal.transaction() as tx:
            await tx.tell(
                self.run_id,
                EventKind.STEP_RETRIED,
                step.key,
                reason=error.summary,
                wait_s=wait.total_seconds(),
                attempt=attempts,
            )
        await self.until_stopped(self.clock.sleep(wait))

    async def _step_done(self, step: Step, result: Result, seconds: float) -> None:
        async with self.journal.transaction() as tx:
            row = await tx.change_step(
                self.run_id, step.key, status=StepStatus.DONE, result=result, ended_at=tx.now
            )
            if row.started_at is not None:
                seconds = max(seconds, (tx.now - row.started_at).total_seconds())
            await tx.tell(
                self.run_id,
                EventKind.STEP_DONE,
                step.key,
                duration_s=round(seconds, 3),
                result=result,
            )
            run = await tx.row(self.run_id)
            await tx.audit(
                f"{run.actor['door']}:{run.actor['id']}",
                "step.done",
                subject=run.subject,
                run_id=self.run_id,
                step=step.key,
                kind=step.kind,
                result=result,
            )
        self.results[step.key] = result

    async def _step_stopped(self, step: Step) -> None:
        async with self.journal.transaction() as tx:
            await tx.change_step(self.run_id, step.key, status=StepStatus.STOPPED, ended_at=tx.now)
            await tx.tell(self.run_id, EventKind.STEP_STOPPED, step.key)

    async def _step_troubled(self, step: Step, status: StepStatus, trouble: Trouble) -> None:
        async with self.journal.transaction() as tx:
            await tx.change_step(self.run_id, step.key, status=status, ended_at=tx.now)
            run = await tx.row(self.run_id)
            told = trouble.model_dump(mode="json", exclude={"step"})
            told["errored"] = status == StepStatus.ERRORED
            if run.trouble is None:
                run.trouble = trouble.model_dump(mode="json") | {"errored": told["errored"]}
            await tx.tell(self.run_id, EventKind.STEP_FAILED, step.key, **told)
            await tx.audit(
                f"{run.actor['door']}:{run.actor['id']}",
                f"step.{status}",
                subject=run.subject,
                run_id=self.run_id,
                step=step.key,
                kind=step.kind,
                summary=trouble.summary,
                incident=trouble.incident,
            )

    # ── ends ──────────────────────────────────────────────────────────────────────────────────

    async def _finish(self, steps: Mapping[str, Step], stored: Mapping[str, Any]) -> None:
        async with self.journal.transaction() as tx:
            row = await tx.row(self.run_id)
            trouble, keep = row.trouble, bool(stored.get("keep_on_failure"))
        view = await self.journal.run(self.run_id)
        if trouble is None and len(self.results) == len(steps):
            await self._end_succeeded(stored)
        elif trouble is None:
            view = await self._recall(view, steps)
            async with self.journal.transaction() as tx:
                await self._end(tx, RunStatus.CANCELLED, unlock=not view.left)
        elif trouble.get("errored"):
            async with self.journal.transaction() as tx:
                await self._end(tx, RunStatus.ERRORED, unlock=False)
        else:
            view = await self._recall(view, steps)
            whole = keep or await self._remove_created(view, steps)
            async with self.journal.transaction() as tx:
                await self._end(tx, RunStatus.FAILED, unlock=whole and not keep)

    async def _end_succeeded(self, stored: Mapping[str, Any]) -> None:
        outcome = {key: self._resolve(value) for key, value in stored["outcome"].items()}
        async with self.journal.transaction() as tx:
            row = await self._end(tx, RunStatus.SUCCEEDED, unlock=True, result=outcome)
            if stored["delivers"]:
                actor = f"{row.actor['door']}:{row.actor['id']}"
                until = tx.now + self._limits.credentials_window
                await tx.open_disclosure(self.run_id, row.subject, actor, until)

    async def _end_errored(self, trouble: Trouble) -> None:
        async with self.journal.transaction() as tx:
            row = await tx.row(self.run_id)
            row.trouble = trouble.model_dump(mode="json") | {"errored": True}
            told = trouble.model_dump(mode="json", exclude={"step"})
            await tx.tell(self.run_id, EventKind.STEP_FAILED, None, **told, errored=True)
            await self._end(tx, RunStatus.ERRORED, unlock=False)

    async def _end(
        self, tx: Transaction, status: RunStatus, *, unlock: bool, **values: Any
    ) -> Any:
        row = await tx.move(self.run_id, status, ended_at=tx.now, **values)
        if unlock:
            await tx.unlock(self.run_id)
        await tx.tell(self.run_id, EventKind.ENDED, status=status)
        await tx.audit(
            f"{row.actor['door']}:{row.actor['id']}",
            f"run.{status}",
            subject=row.subject,
            run_id=self.run_id,
        )
        return row

    def _resolve(self, value: object) -> object:
        if isinstance(value, dict) and set(value) == {"ref"}:
            return lookup(self.results, Ref.model_validate(value))
        return value

    # ── removing ──────────────────────────────────────────────────────────────────────────────

    async def _remove(self, view: RunView, steps: Mapping[str, Step]) -> None:
        self.results = {s.key: s.result for s in view.steps if s.status == StepStatus.DONE}
        view = await self._recall(view, steps)
        whole = await self._remove_created(view, steps)
        async with self.journal.transaction() as tx:
            if whole:
                row = await tx.row(self.run_id)
                row.trouble = None
            await self._end(
                tx, RunStatus.ROLLED_BACK if whole else RunStatus.ERRORED, unlock=whole
            )

    async def _recall(self, view: RunView, steps: Mapping[str, Step]) -> RunView:
        """Learn what interrupted tries may have made without our knowing."""
        for state in view.steps:
            step = steps[state.key]
            if state.attempts and state.status != StepStatus.DONE and not step.waits:
                context = Context(self, step.key, state.attempts, True, stoppable=False)
                try:
                    await step.recall(context)
                except OpsError as error:
                    _log.warning(
                        "run %s: %s could not be recalled: %s", self.run_id, step.key, error
                    )
        return await self.journal.run(self.run_id)

    async def _remove_created(self, view: RunView, steps: Mapping[str, Step]) -> bool:
        """Undo newest first; True when nothing is left. What cannot be removed is told by name
        and id."""
        if not view.left:
            return True
        async with self.journal.transaction() as tx:
            await tx.tell(self.run_id, EventKind.CLEANUP_STARTED, count=len(view.left))
        whole = True
        for state in reversed(view.steps):
            made = {c.id: c for c in view.left if c.step == state.key}
            if not made:
                continue
            reason = await self._undo(
                steps[state.key], state, {i: c.name for i, c in made.items()}
            )
            async with self.journal.transaction() as tx:
                for item in made.values():
                    what = {"kind": item.kind, "id": item.id, "name": item.name}
                    if reason is None:
                        await tx.removed(self.run_id, item.kind, item.id)
                        await tx.tell(self.run_id, EventKind.REMOVED, state.key, **what)
                    else:
                        await tx.tell(
                            self.run_id, EventKind.LEFT_BEHIND, state.key, **what, reason=reason
                        )
            whole = whole and reason is None
        return whole

    async def _undo(self, step: Step, state: StepView, made: Mapping[str, str]) -> str | None:
        """None when it is done, else why not."""
        context = Context(self, step.key, state.attempts, True, stoppable=False)
        failures = 0
        while True:
            try:
                await step.undo(context, made)
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                failures += 1
                if failures >= self._retries.attempts:
                    return error.summary
                wait = self._retries.wait(failures)
                if isinstance(error, RateLimited):
                    wait = max(wait, error.retry_after)
                await self.clock.sleep(wait)
            except (StepFailed, OpsError) as error:
                return error.summary
            except Exception as error:  # noqa: BLE001 - clean-up goes on with the other things
                trouble = _incident(error, self.run_id, f"removing {step.key}", step.key)
                return f"our bug, incident {trouble.incident}"
            else:
                return None

    # ── for contexts ──────────────────────────────────────────────────────────────────────────

    async def until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """The work's result. Raises Stopped, and cancels the work, once the run is stopping."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Stopped
            return task.result()
        finally:
            for pending in (task, stop):
                if not pending.done():
                    pending.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)


_SETTLED = (StepStatus.DONE, StepStatus.FAILED, StepStatus.ERRORED)


class Context:
    """What a step sees: the implementation of `engine.step.StepContext`."""

    def __init__(
        self, walk: Walk, key: str, attempt: int, uncertain: bool, *, stoppable: bool = True
    ) -> None:
        self.run_id = walk.run_id
        self.attempt = attempt
        self._walk = walk
        self._key = key
        self._uncertain = uncertain
        self._stoppable = stoppable
        self._began = walk.clock.monotonic()
        self._said: str | None = None

    @property
    def uncertain(self) -> bool:
        return self._uncertain

    def use(self, capability: type[T]) -> T:
        return self._walk.toolbox.use(capability)

    def value(self, value: Value) -> str:
        return str(lookup(self._walk.results, value)) if isinstance(value, Ref) else value

    def result(self, key: str) -> Result:
        return self._walk.results[key]

    def now(self) -> datetime:
        return self._walk.clock.now()

    async def note(self, text: str, **data: Any) -> None:
        if text == self._said:
            return
        self._said = text
        async with self._walk.journal.transaction() as tx:
            await tx.change_step(self.run_id, self._key, note=text)
            await tx.tell(self.run_id, EventKind.STEP_NOTE, self._key, text=text, **data)

    async def created(self, kind: str, resource_id: str, name: str) -> None:
        async with self._walk.journal.transaction() as tx:
            await tx.add_created(self.run_id, self._key, kind, resource_id, name)

    async def pause(self, duration: timedelta) -> None:
        if self._stoppable:
            await self._walk.until_stopped(self._walk.clock.sleep(duration))
        else:
            await self._walk.clock.sleep(duration)

    def elapsed(self) -> timedelta:
        return timedelta(seconds=self._walk.clock.monotonic() - self._began)


def lookup(results: Mapping[str, Result], ref: Ref) -> Any:
    """Raises KeyError when the step is not done or its result lacks the name."""
    key, _, path = ref.ref.partition(".")
    value: Any = results[key]
    for name in path.split(".") if path else ():
        value = value[name]
    return value


def _said_no(error: StepFailed | Rejected | Refused, step: Step) -> Trouble:
    detail = error.detail if isinstance(error, StepFailed) else {}
    return Trouble(
        step=step.key,
        step_title=step.describe(),
        summary=error.summary,
        why=error.why,
        next_step=error.next_step,
        phase=str(detail.get("phase", "")),
        log=tuple(str(line) for line in detail.get("log", ())),
    )


def _in_doubt(error: ProviderError, step: Step) -> Trouble:
    return Trouble(
        step=step.key,
        step_title=step.describe(),
        summary=error.summary,
        why=error.why or "It was tried several times; what happened at the vendor is not known.",
        next_step=error.next_step,
    )


def _incident(error: Exception, run_id: str, what: str, key: str = "") -> Trouble:
    incident = f"inc-{secrets.token_hex(4)}"
    _log.error("incident %s in run %s: %s", incident, run_id, what, exc_info=error)
    return Trouble(
        step=key,
        step_title=what,
        summary="Something in luthien-ops itself went wrong.",
        why=f"An error that nobody expected ({type(error).__name__}).",
        next_step=f"Give incident {incident} to whoever runs luthien-ops; the log has the trace.",
        incident=incident,
    )
