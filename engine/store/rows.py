"""From rows to what doors see."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import and_, func, or_, select

from engine.actor import Actor, Door
from engine.approval import Approval, ApprovalStatus, Consent, Vote
from engine.errors import Locked, NotFound
from engine.run import Created, RunStatus, RunView, StepStatus, StepView, Trouble
from engine.store import turns
from engine.store.models import (
    ApiKeyRow,
    ApprovalRow,
    CreatedRow,
    HoldRow,
    LockRow,
    RunRow,
    StepRow,
)
from engine.words import moment, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.run import InLine

R = TypeVar("R", StepRow, CreatedRow, LockRow, ApprovalRow)
_PLACES = re.compile(r"\{([\w.-]+?)(?::(\d+))?\}")


async def run_row(session: AsyncSession, run_id: str) -> RunRow:
    """Raises NotFound."""
    row = await session.scalar(select(RunRow).where(RunRow.id == run_id))
    if row is None:
        raise NotFound(
            f"There is no run `{run_id}`.",
            why="It never was, or it was removed after its time.",
            next_step="/luthien runs",
        )
    return row


async def created_since(
    session: AsyncSession, actor: Actor, commands: Sequence[str], since: datetime
) -> int:
    """How many runs of these commands the person has begun, their API keys included; those that
    never started do not count once they are over."""
    query = select(func.count()).where(
        # Only those of that time are looked at: no index is to be used for the commands.
        (RunRow.command + "").in_(list(commands)),
        RunRow.created_at >= since,
        or_(_by(actor.person), _by_key_of(actor.person)),
        or_(RunRow.status != RunStatus.CANCELLED, RunRow.started_at.is_not(None)),
    )
    return await session.scalar(query) or 0


def _by(person: str) -> ColumnElement[bool]:
    door, _, known_as = person.partition(":")
    named = [RunRow.actor["id"].as_string() == known_as] if known_as else []
    return and_(RunRow.actor["door"].as_string() == door, *named)


def _by_key_of(person: str) -> ColumnElement[bool]:
    """By any API key of theirs, those of which a run does not say whose they were included."""
    made = ApiKeyRow.creator == person
    if person.endswith(":"):
        made = ApiKeyRow.creator.startswith(person, autoescape=True)
    keys = select(ApiKeyRow.id).where(made)
    api = RunRow.actor["door"].as_string() == Door.API
    return and_(api, RunRow.actor["id"].as_string().in_(keys))


async def run_view(session: AsyncSession, row: RunRow) -> RunView:
    [view] = await run_views(session, [row])
    return view


def new_view(row: RunRow, steps: Sequence[StepRow]) -> RunView:
    """Of a run that was added just now: nothing else belongs to it yet."""
    return _view(row, steps, (), (), None, None, outdated=False)


async def run_views(session: AsyncSession, rows: Sequence[RunRow]) -> list[RunView]:
    """In the same order; what belongs to them is read for all of them at once."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    of = _by_run(
        await session.scalars(
            select(StepRow).where(StepRow.run_id.in_(ids)).order_by(StepRow.position)
        )
    )
    created = _by_run(
        await session.scalars(
            select(CreatedRow).where(CreatedRow.run_id.in_(ids)).order_by(CreatedRow.at)
        )
    )
    locks = _by_run(await session.scalars(select(LockRow).where(LockRow.run_id.in_(ids))))
    asked = _by_run(await session.scalars(select(ApprovalRow).where(ApprovalRow.run_id.in_(ids))))
    return [
        _view(
            row,
            of[row.id],
            created[row.id],
            [lock.name for lock in locks[row.id]],
            next(iter(asked[row.id]), None),
            await turns.place(session, row) if row.status == RunStatus.WAITING else None,
            outdated=await _outdated(session, row),
        )
        for row in rows
    ]


def _by_run(rows: Iterable[R]) -> Mapping[str, list[R]]:
    found: dict[str, list[R]] = defaultdict(list)
    for row in rows:
        found[row.run_id].append(row)
    return found


def _view(
    row: RunRow,
    steps: Sequence[StepRow],
    created: Sequence[CreatedRow],
    locks: Sequence[str],
    asked: ApprovalRow | None,
    in_line: InLine | None,
    *,
    outdated: bool,
) -> RunView:
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
                    removed_at=item.removed_at,
                )
                for item in created
            ),
            "trouble": Trouble.model_validate(row.trouble) if row.trouble else None,
            "result": row.result,
            "delivers": row.plan.get("delivers"),
            "undo": _undo(row, {step.key: step.result for step in steps}),
            "undo_label": _undo_label(row),
            "closing": _closing(row),
            "locks": tuple(locks),
            "in_line": in_line,
            "cancelled_by": row.cancelled_by,
            "thread_url": row.thread_url,
            "approval": _approval(row, asked, [step.title for step in steps]) if asked else None,
            "outdated": outdated,
        }
    )


def _closing(row: RunRow) -> str:
    """Plans that were stored in an earlier form said it in an object."""
    closing = row.plan.get("closing") or ""
    return closing if isinstance(closing, str) else str(closing.get("text") or "")


async def approval_of(session: AsyncSession, run_id: str) -> Approval:
    """Raises NotFound."""
    row = await session.get(ApprovalRow, run_id)
    run = await session.scalar(select(RunRow).where(RunRow.id == run_id))
    if row is None or run is None:
        raise NotFound(
            f"No approval of `{run_id}` was ever asked for.",
            why="Only some changes need another person's word.",
            who="Anybody may list what waits.",
            next_step="/luthien approvals",
        )
    titles = select(StepRow.title).where(StepRow.run_id == run_id).order_by(StepRow.position)
    return _approval(run, row, list(await session.scalars(titles)))


def _approval(run: RunRow, row: ApprovalRow, steps: Sequence[str]) -> Approval:
    return Approval(
        run_id=run.id,
        title=run.title,
        subject=run.subject,
        line=run.line,
        changes=tuple(run.plan.get("changes") or ()),
        steps=tuple(steps),
        notes=tuple(run.plan.get("notes") or ()),
        asker=Actor.model_validate(run.actor),
        status=ApprovalStatus(row.status),
        consent=Consent.model_validate(row.consent),
        alone=row.alone,
        digest=run.plan_digest,
        planned_at=row.planned_at,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        votes=tuple(Vote.model_validate(vote) for vote in row.votes),
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
        revision=row.revision,
    )


def _undo(row: RunRow, results: Mapping[str, Mapping[str, Any]]) -> str:
    """The plan's way back with the steps' results in it; empty while it leads nowhere."""
    way = str(row.plan.get("undo") or "")
    if row.removing or RunStatus(row.status) not in (RunStatus.SUCCEEDED, RunStatus.FAILED):
        return ""
    known = {f"{key}.{name}": v for key, result in results.items() for name, v in result.items()}
    if not {place for place, _ in _PLACES.findall(way)} <= set(known):
        return ""
    return _PLACES.sub(lambda place: str(known[place[1]])[: int(place[2] or 100)], way)


def _undo_label(row: RunRow) -> str:
    failed = row.plan.get("undo_failed_label") if row.status == RunStatus.FAILED else ""
    return str(failed or row.plan.get("undo_label") or "Undo")


_STOPPED = (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.ERRORED)


async def _outdated(session: AsyncSession, row: RunRow) -> bool:
    """Whether a run that began after this one had stopped has succeeded about the same."""
    if not row.subject or row.ended_at is None or RunStatus(row.status) not in _STOPPED:
        return False
    later = select(RunRow.id).where(
        RunRow.subject == row.subject,
        RunRow.id != row.id,
        RunRow.status == RunStatus.SUCCEEDED,
        RunRow.started_at >= row.ended_at,
    )
    return await session.scalar(later.limit(1)) is not None


async def locked(session: AsyncSession, found: LockRow | HoldRow) -> Locked:
    """Who holds it, since when, why, and what frees it."""
    if isinstance(found, HoldRow):
        return _held(found)
    run = await run_row(session, found.run_id)
    by = Actor.model_validate(run.actor)
    why = f"{by.name} started it at {found.since:%H:%M} UTC; one run at a time may change it."
    who = f"{by.name} or an admin can cancel it; else it ends by itself."
    if RunStatus(run.status).over:
        why = "It did not reach its end, and what it made is kept until somebody decides."
        who = f"{by.name} or an admin can go on with it (`retry`) or remove it (`clean-up`)."
    return Locked(
        f"`{_subject(found.name)}` is held by run `{run.id}` ({run.title}, {run.status}).",
        why=why,
        who=who,
        next_step=f"/luthien run {run.id}",
        link=run.thread_url,
    )


def _held(found: HoldRow) -> Locked:
    by, name = Actor.model_validate(found.holder["actor"]), _subject(found.name)
    return Locked(
        f"`{name}` is locked by {by.name}: {found.reason}",
        why=f"It is so since {moment(found.since)}; only {by.name} may change it meanwhile.",
        who=f"{by.name} can unlock it; others can, telling why:"
        f' `{typed(f"unlock {name} --steal")} "reason"`.',
        next_step=typed(f"status {name}"),
    )


def _subject(lock: str) -> str:
    return lock.partition(":")[2] or lock
