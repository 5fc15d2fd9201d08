"""How long something should take: as recent runs of the same command took, else as declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import select

from engine.plan import critical_path
from engine.run import RunStatus, StepStatus
from engine.store.models import RunRow, StepRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.plan import Plan

RECENT = 10
"""The newest runs that are measured."""
ENOUGH = 3
"""Fewer measurements than these say less than what is declared."""


@dataclass(frozen=True)
class Estimate:
    """What people are told about a plan."""

    whole: timedelta
    steps: Mapping[str, timedelta]
    """By the key of the step."""


async def estimate(session: AsyncSession, command: str, plan: Plan, pace: float) -> Estimate:
    """The median of each step over recent runs that succeeded. `pace` divides what is declared:
    vendors that run faster than the real ones are faster there, too."""
    query = select(RunRow).where(
        RunRow.command == command,
        RunRow.status == RunStatus.SUCCEEDED,
        RunRow.started_at.is_not(None),
        RunRow.ended_at.is_not(None),
    )
    query = query.order_by(RunRow.number.desc()).limit(RECENT)
    columns = query.with_only_columns(RunRow.id, RunRow.started_at, RunRow.ended_at)
    recent = (await session.execute(columns)).all()
    if not plan.steps:  # it is planned when its turn comes
        lasted = [run.ended_at - run.started_at for run in recent]
        return Estimate(_usual(lasted) or plan.expected / pace, {})
    steps = {step.key: step.expected / pace for step in plan.steps}
    known = await _measured(session, [run.id for run in recent])
    if not steps.keys() & known.keys():
        return Estimate(plan.expected / pace, steps)
    steps |= {key: lasts for key, lasts in known.items() if key in steps}
    return Estimate(critical_path(plan.steps, steps), steps)


async def _measured(session: AsyncSession, run_ids: Sequence[str]) -> dict[str, timedelta]:
    """How long their steps usually took."""
    query = select(StepRow.key, StepRow.started_at, StepRow.ended_at).where(
        StepRow.run_id.in_(run_ids), StepRow.status == StepStatus.DONE
    )
    measured: dict[str, list[timedelta]] = {}
    for step in await session.execute(query):
        if step.started_at and step.ended_at:
            measured.setdefault(step.key, []).append(step.ended_at - step.started_at)
    usual = {key: _usual(lasted) for key, lasted in measured.items()}
    return {key: lasts for key, lasts in usual.items() if lasts is not None}


def _usual(lasted: Sequence[timedelta]) -> timedelta | None:
    if len(lasted) < ENOUGH:
        return None
    return timedelta(seconds=median(one.total_seconds() for one in lasted))
