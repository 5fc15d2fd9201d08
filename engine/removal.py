"""Removes what a run made, newest first: only ids that this run created."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.context import Context
from engine.errors import OpsError, OutcomeUnknown, RateLimited, Unreachable
from engine.run import EventKind, StepStatus
from engine.step import StepFailed
from engine.troubles import incident

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.context import Equipment
    from engine.run import RunView, StepView
    from engine.step import Result, Step

_log = logging.getLogger(__name__)


class Removal:
    """Works for a failed run that cleans up after itself, and for a person who asks for it."""

    def __init__(
        self,
        equipment: Equipment,
        run_id: str,
        steps: Mapping[str, Step],
        results: Mapping[str, Result],
    ) -> None:
        self._equipment = equipment
        self._run_id = run_id
        self._steps = steps
        self._results = results

    async def recall(self, view: RunView) -> RunView:
        """Learn what interrupted tries may have made without our knowing."""
        for state in view.steps:
            step = self._steps[state.key]
            if state.attempts and state.status != StepStatus.DONE and not step.waits:
                try:
                    await step.recall(self._context(view, state))
                except OpsError as error:
                    _log.warning("run %s: %s not recalled: %s", self._run_id, step.key, error)
        return await self._equipment.journal.run(self._run_id)

    async def remove(self, view: RunView) -> bool:
        """True when nothing is left. What cannot be removed is told by name and id."""
        if not view.left:
            return True
        async with self._equipment.journal.transaction() as tx:
            await tx.tell(self._run_id, EventKind.CLEANUP_STARTED, count=len(view.left))
        whole = True
        for state in reversed(view.steps):
            made = [item for item in view.left if item.step == state.key]
            if not made:
                continue
            reason = await self._undo(view, state, {item.id: item.name for item in made})
            async with self._equipment.journal.transaction() as tx:
                for item in made:
                    what = {"kind": item.kind, "id": item.id, "name": item.name}
                    if reason is None:
                        await tx.removed(self._run_id, item.kind, item.id)
                        await tx.tell(self._run_id, EventKind.REMOVED, state.key, **what)
                    else:
                        await tx.tell(
                            self._run_id, EventKind.LEFT_BEHIND, state.key, **what, reason=reason
                        )
            whole = whole and reason is None
        return whole

    async def _undo(self, view: RunView, state: StepView, made: Mapping[str, str]) -> str | None:
        """None when it is done, else why not."""
        step, retries = self._steps[state.key], self._equipment.retries
        failures = 0
        while True:
            try:
                await step.undo(self._context(view, state), made)
            except (Unreachable, RateLimited, OutcomeUnknown) as error:
                spent = isinstance(error, RateLimited) and error.spent
                failures += not spent
                if failures >= retries.attempts and not spent:
                    return error.summary
                wait = retries.wait(failures)
                if isinstance(error, RateLimited):
                    wait = retries.wait(failures, error.retry_after)
                await self._equipment.clock.sleep(wait)
            except (StepFailed, OpsError) as error:
                return error.summary
            except Exception as error:  # noqa: BLE001 - clean-up goes on with the other things
                bug = incident(error, self._run_id, f"removing {step.key}", step.key)
                return f"our bug, incident {bug.incident}"
            else:
                return None

    def _context(self, view: RunView, state: StepView) -> Context:
        return Context(
            self._equipment,
            self._run_id,
            state.key,
            self._results,
            actor=view.actor.key,
            attempt=state.attempts,
            uncertain=True,
            stopping=None,
        )
