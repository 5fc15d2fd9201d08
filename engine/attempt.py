"""One step carried out: its tries, what is committed about them, and how it ends."""

from __future__ import annotations

from enum import Enum, auto
from time import perf_counter
from typing import TYPE_CHECKING

from engine.context import Context, until_stopped
from engine.errors import OutcomeUnknown, RateLimited, Refused, Rejected, Unreachable
from engine.run import EventKind, StepStatus
from engine.step import StepFailed, Stopped
from engine.telemetry import STEP, span
from engine.troubles import in_doubt, incident, said_no

if TYPE_CHECKING:
    import asyncio

    from engine.context import Equipment
    from engine.errors import ProviderError
    from engine.run import StepView, Trouble
    from engine.step import Result, Step


class Ending(Enum):
    DONE = auto()
    STOPPED = auto()
    """At a safe point, because the run is being stopped."""
    TROUBLED = auto()
    """The world said no, or we are in doubt; the run's `trouble` says which."""


class Attempt:
    """A step of a run. `results` gains its result; nothing else outside changes."""

    def __init__(
        self,
        equipment: Equipment,
        run_id: str,
        step: Step,
        view: StepView,
        results: dict[str, Result],
        stopping: asyncio.Event,
    ) -> None:
        self._equipment = equipment
        self._run_id = run_id
        self._step = step
        self._results = results
        self._stopping = stopping
        self._attempts = view.attempts
        self._uncertain = view.attempts > 0
        self._told_started = view.status == StepStatus.RUNNING

    async def go(self) -> Ending:
        """Until the step is done, stopped or troubled, with all its retries."""
        began = perf_counter()
        with span(f"step {self._step.kind}", step=self._step.key):
            ending = await self._until_it_ends()
        STEP.labels(self._step.kind, ending.name.lower()).observe(perf_counter() - began)
        return ending

    async def _until_it_ends(self) -> Ending:
        failures = 0
        while True:
            try:
                result = await self._try()
            except Stopped:
                return await self._stopped()
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                failures += 1
                self._uncertain = self._uncertain or isinstance(error, OutcomeUnknown)
                if failures >= self._equipment.retries.attempts:
                    return await self._troubled(StepStatus.ERRORED, in_doubt(error, self._step))
                try:
                    await self._wait_after(error, failures)
                except Stopped:
                    return await self._stopped()
            except (StepFailed, Rejected, Refused) as error:
                return await self._troubled(StepStatus.FAILED, said_no(error, self._step))
            except Exception as error:  # noqa: BLE001 - a bug in a step errs the run, not the bot
                bug = incident(error, self._run_id, self._step.describe(), self._step.key)
                return await self._troubled(StepStatus.ERRORED, bug)
            else:
                return await self._done(result)

    async def _try(self) -> Result:
        step = self._step
        self._attempts += 1
        async with self._equipment.journal.transaction() as tx:
            started = {} if self._told_started else {"started_at": tx.now}
            await tx.change_step(
                self._run_id,
                step.key,
                status=StepStatus.RUNNING,
                attempts=self._attempts,
                **started,
            )
            if not self._told_started:
                await tx.tell(self._run_id, EventKind.STEP_STARTED, step.key)
        self._told_started = True
        context = Context(
            self._equipment,
            self._run_id,
            step.key,
            self._results,
            attempt=self._attempts,
            uncertain=self._uncertain,
            stopping=self._stopping,
        )
        # A step that only waits can be broken off anywhere; one that writes stops where it pauses.
        running = step.run(context)
        return await (until_stopped(running, self._stopping) if step.waits else running)

    async def _wait_after(self, error: ProviderError, failures: int) -> None:
        retries = self._equipment.retries
        wait = retries.wait(failures)
        if isinstance(error, RateLimited):
            wait = retries.wait(failures, error.retry_after)
        async with self._equipment.journal.transaction() as tx:
            await tx.tell(
                self._run_id,
                EventKind.STEP_RETRIED,
                self._step.key,
                reason=error.summary,
                wait_s=wait.total_seconds(),
                attempt=self._attempts,
            )
        await until_stopped(self._equipment.clock.sleep(wait), self._stopping)

    async def _done(self, result: Result) -> Ending:
        step = self._step
        async with self._equipment.journal.transaction() as tx:
            row = await tx.change_step(
                self._run_id, step.key, status=StepStatus.DONE, result=result, ended_at=tx.now
            )
            took = (tx.now - row.started_at).total_seconds() if row.started_at else 0.0
            await tx.tell(
                self._run_id,
                EventKind.STEP_DONE,
                step.key,
                duration_s=round(took, 3),
                result=result,
            )
            await tx.audit_run(
                self._run_id, "step.done", step=step.key, kind=step.kind, result=result
            )
        self._results[step.key] = result
        return Ending.DONE

    async def _stopped(self) -> Ending:
        async with self._equipment.journal.transaction() as tx:
            await tx.change_step(
                self._run_id, self._step.key, status=StepStatus.STOPPED, ended_at=tx.now
            )
            await tx.tell(self._run_id, EventKind.STEP_STOPPED, self._step.key)
        return Ending.STOPPED

    async def _troubled(self, status: StepStatus, trouble: Trouble) -> Ending:
        step = self._step
        async with self._equipment.journal.transaction() as tx:
            await tx.change_step(self._run_id, step.key, status=status, ended_at=tx.now)
            await tx.trouble(self._run_id, trouble, errored=status == StepStatus.ERRORED)
            await tx.audit_run(
                self._run_id,
                f"step.{status}",
                step=step.key,
                kind=step.kind,
                summary=trouble.summary,
                incident=trouble.incident,
            )
        return Ending.TROUBLED
