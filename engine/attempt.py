"""One step carried out: its tries, what is committed about them, and how it ends."""

from __future__ import annotations

from enum import Enum, auto
from time import perf_counter
from typing import TYPE_CHECKING, Any

from engine import chronicle
from engine.context import Context, until_stopped
from engine.errors import OutcomeUnknown, RateLimited, Refused, Rejected, Unreachable
from engine.foreign import NotKnownHere
from engine.run import EventKind, StepStatus
from engine.step import StepFailed, Stopped
from engine.store.audit import Fact
from engine.store.progress import StepChange
from engine.telemetry import STEP, span
from engine.troubles import in_doubt, incident, said_no

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from engine.context import Equipment
    from engine.errors import ProviderError
    from engine.run import RunView, StepView, Trouble
    from engine.step import Result, Step


class Ending(Enum):
    DONE = auto()
    STOPPED = auto()
    """At a safe point, because the run is being stopped."""
    TROUBLED = auto()
    """The world said no, or we are in doubt; the run's `trouble` says which."""


class Attempt:
    """A step of a run. `results` gains its result; nothing else outside changes.

    `following` tells which steps can begin once one is done: that they do is made durable with
    its end. They are then in `handed_on`, and theirs is the next turn.
    """

    def __init__(
        self,
        equipment: Equipment,
        run: RunView,
        step: Step,
        view: StepView,
        results: dict[str, Result],
        stopping: asyncio.Event,
        following: Callable[[str], Sequence[Attempt]],
    ) -> None:
        self.step = step
        self.handed_on: Sequence[Attempt] = ()
        self._following = following
        self._begun = False
        self._equipment = equipment
        self._run_id = run.id
        self._results = results
        self._stopping = stopping
        self._actor, self._subject = run.actor.key, run.subject
        self._attempts = view.attempts
        self._started_at = view.started_at
        self._uncertain = view.attempts > 0
        self._told_started = view.status == StepStatus.RUNNING
        self._code = ""

    async def go(self) -> Ending:
        """Until the step is done, stopped or troubled, with all its retries."""
        began, step = perf_counter(), self.step
        chronicle.step_begun(step.key, step.kind)
        with span(f"step {step.kind}", step=step.key):
            ending = await self._until_it_ends()
        took, ended = perf_counter() - began, ending.name.lower()
        STEP.labels(step.kind, ended).observe(took)
        chronicle.step_ended(
            step.key,
            step.kind,
            ending=ended,
            code=self._code,
            duration_s=round(took, 3),
            attempts=self._attempts,
        )
        return ending

    async def _until_it_ends(self) -> Ending:
        failures = 0
        while True:
            try:
                result = await self._try()
            except Stopped:
                return await self._stopped()
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                spent = isinstance(error, RateLimited) and error.spent
                failures += not spent
                self._uncertain = self._uncertain or isinstance(error, OutcomeUnknown)
                if failures >= self._equipment.retries.attempts and not spent:
                    return await self._troubled(StepStatus.ERRORED, in_doubt(error, self.step))
                try:
                    await self._wait_after(error, failures)
                except Stopped:
                    return await self._stopped()
            except (StepFailed, Rejected, Refused) as error:
                return await self._troubled(StepStatus.FAILED, said_no(error, self.step))
            except NotKnownHere as error:
                return await self._troubled(StepStatus.ERRORED, error.trouble(self._run_id))
            except Exception as error:  # noqa: BLE001 - a bug in a step errs the run, not the bot
                bug = incident(error, self._run_id, self.step.describe(), self.step.key)
                return await self._troubled(StepStatus.ERRORED, bug)
            else:
                return await self._done(result)

    def begin(self, at: datetime) -> StepChange:
        """Its next try; to be durable before `go` is called."""
        self._begun = True
        self._attempts += 1
        if self._told_started:
            return self._change(StepStatus.RUNNING, at)
        self._told_started, self._started_at = True, at
        return self._change(StepStatus.RUNNING, at, EventKind.STEP_STARTED)

    async def _try(self) -> Result:
        step = self.step
        if not self._begun:
            await self._put(self.begin(self._equipment.clock.now()))
        elif self._stopping.is_set():  # that came while its beginning was made durable
            raise Stopped
        self._begun = False
        context = Context(
            self._equipment,
            self._run_id,
            step.key,
            self._results,
            actor=self._actor,
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
                self.step.key,
                reason=error.summary,
                wait_s=wait.total_seconds(),
                attempt=self._attempts,
            )
        await until_stopped(self._equipment.clock.sleep(wait), self._stopping)

    async def _done(self, result: Result) -> Ending:
        step, now = self.step, self._equipment.clock.now()
        done = self._change(
            StepStatus.DONE,
            now,
            EventKind.STEP_DONE,
            {"duration_s": round((now - (self._started_at or now)).total_seconds(), 3)}
            | {"result": result},
            ended_at=now,
            result=result,
            fact=Fact(
                now,
                self._actor,
                "step.done",
                self._subject,
                self._run_id,
                {"step": step.key, "kind": step.kind, "result": result},
            ),
        )
        next_ones = self._following(step.key)
        await self._put(done, *(each.begin(now) for each in next_ones))
        self._results[step.key] = result
        self.handed_on = next_ones
        return Ending.DONE

    async def _stopped(self) -> Ending:
        now = self._equipment.clock.now()
        stopped = EventKind.STEP_STOPPED
        await self._put(self._change(StepStatus.STOPPED, now, stopped, ended_at=now))
        return Ending.STOPPED

    async def _put(self, *changes: StepChange) -> None:
        await self._equipment.journal.progress.put(*changes)

    def _change(
        self,
        status: StepStatus,
        at: datetime,
        event: EventKind | None = None,
        told: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> StepChange:
        return StepChange(
            run_id=self._run_id,
            key=self.step.key,
            status=status,
            attempts=self._attempts,
            at=at,
            started_at=self._started_at or at,
            event=event,
            told=told or {},
            **more,
        )

    async def _troubled(self, status: StepStatus, trouble: Trouble) -> Ending:
        step, self._code = self.step, trouble.code
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
