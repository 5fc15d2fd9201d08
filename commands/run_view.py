"""How runs are shown: the same rows, facts, buttons and JSON for every command that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commands.approval_view import approval_json, approve_offer, reject_offer
from engine.answer import Offer
from engine.errors import NotFound
from engine.run import RunStatus
from engine.ways_on import ways_on
from engine.words import ago, duration, typed

if TYPE_CHECKING:
    from datetime import datetime

    from engine.actor import Actor
    from engine.run import RunBrief, RunView, StepView
    from engine.world import World

RUN_COLUMNS = ("Run", "What", "State", "By", "Started", "Took")


def run_row(run: RunView, now: datetime) -> tuple[str, ...]:
    return (
        run.id,
        run.line,
        status_words(run.status),
        run.actor.name,
        ago(run.created_at, now),
        took(run, now),
    )


def status_words(status: RunStatus) -> str:
    """`awaiting approval`."""
    return status.value.replace("_", " ")


def took(run: RunBrief, now: datetime) -> str:
    """How long it took, or has been going on for; empty before it started."""
    return duration((run.ended_at or now) - run.started_at) if run.started_at else ""


def run_json(run: RunView) -> dict[str, Any]:
    """One entry of `runs --json`."""
    return {
        "id": run.id,
        "command": run.command,
        "line": run.line,
        "title": run.title,
        "subject": run.subject or None,
        "status": run.status,
        "by": run.actor.key,
        "on_behalf_of": run.actor.behalf or None,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "thread": run.thread_url or None,
    }


def run_details_json(run: RunView, now: datetime) -> dict[str, Any]:
    """`run --json`: the entry with its steps, what it made, and why it stopped."""
    trouble = run.trouble
    return run_json(run) | {
        "expected_s": run.expected.total_seconds(),
        "result": run.result,
        "steps": [_step_json(step) for step in run.steps],
        "created": [
            {"kind": c.kind, "id": c.id, "name": c.name, "removed": c.removed} for c in run.created
        ],
        "trouble": trouble.model_dump(mode="json") if trouble else None,
        "cancelled_by": run.cancelled_by or None,
        "undo": run.undo or None,
        "approval": approval_json(run.approval, now) if run.approval else None,
        "in_line": run.in_line.model_dump(mode="json") if run.in_line else None,
    }


def _step_json(step: StepView) -> dict[str, Any]:
    return {
        "key": step.key,
        "title": step.title,
        "status": step.status,
        "attempts": step.attempts,
        "started_at": step.started_at.isoformat() if step.started_at else None,
        "ended_at": step.ended_at.isoformat() if step.ended_at else None,
        "note": step.note,
        "result": step.result,
    }


def run_offers(run: RunView, actor: Actor, now: datetime) -> tuple[Offer, ...]:
    """What this reader can do about the run now."""
    offers = []
    if run.approval is not None and run.approval.awaits(actor, now):
        offers += [approve_offer(run.approval), reject_offer(run.approval)]
    offers += ways_on(run)
    if run.subject:
        offers.append(Offer(label="Status", line=f"status {run.subject}"))
    if run.thread_url:
        offers.append(Offer(label="Open the thread", url=run.thread_url))
    return tuple(offers)


async def find_run(world: World, wanted: str) -> RunView:
    """A run by its id, or the newest run about the instance of this name. Raises NotFound."""
    try:
        return await world.control.show(wanted)
    except NotFound:
        newest = await world.control.list_runs(subject=wanted.lower(), limit=1)
        if newest:
            return newest[0]
        raise NotFound(
            f"There is no run `{wanted}`.",
            why="Nor is there a run about an instance of that name.",
            who="Anybody may list the runs.",
            next_step=typed("runs"),
        ) from None
