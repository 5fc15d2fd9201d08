"""Approvals in the database. What becomes of one, and of its run, commits together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from engine.approval import ApprovalStatus, Consent, Vote, asked_anew
from engine.run import EventKind, RunStatus, Trouble
from engine.store.models import ApprovalRow, RunRow
from engine.store.rows import approval_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.actor import Actor
    from engine.approval import Approval
    from engine.store.database import Database
    from engine.store.transaction import Transaction


_BECAME = {
    ApprovalStatus.REJECTED: "It was rejected",
    ApprovalStatus.EXPIRED: "Nobody decided in time",
    ApprovalStatus.SUPERSEDED: "What was asked for is not true any more",
    ApprovalStatus.WITHDRAWN: "It was withdrawn",
}


class StoredApprovals:
    """Reads them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, run_id: str) -> Approval:
        """Raises NotFound."""
        async with self._database.read() as session:
            return await approval_of(session, run_id)

    async def listed(
        self, statuses: Sequence[ApprovalStatus], *, subject: str = "", limit: int = 100
    ) -> list[Approval]:
        """Newest first."""
        query = select(ApprovalRow.run_id).join(RunRow, RunRow.id == ApprovalRow.run_id)
        query = query.order_by(RunRow.number.desc()).limit(limit)
        if statuses:
            query = query.where(ApprovalRow.status.in_([str(s) for s in statuses]))
        if subject:
            query = query.where(RunRow.subject == subject)
        async with self._database.read() as session:
            return [await approval_of(session, run_id) for run_id in await session.scalars(query)]

    async def overdue(self, now: datetime) -> list[str]:
        """Those that wait and whose time is over."""
        query = select(ApprovalRow.run_id).where(
            ApprovalRow.status == ApprovalStatus.WAITING, ApprovalRow.expires_at <= now
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def untold(self) -> list[str]:
        """Those of which not everything was told."""
        query = select(ApprovalRow.run_id).where(ApprovalRow.told.is_(False))
        async with self._database.read() as session:
            return list(await session.scalars(query.order_by(ApprovalRow.asked_at)))

    async def tell(self, run_id: str, revision: int) -> None:
        """This much of it was told; what has come since was not."""
        async with self._database.write() as session:
            await session.execute(
                update(ApprovalRow)
                .where(ApprovalRow.run_id == run_id, ApprovalRow.revision == revision)
                .values(told=True)
            )


async def ask(
    tx: Transaction, run_id: str, consent: Consent, planned_at: datetime, *, alone: bool
) -> None:
    """Of a run that was just added."""
    expires_at = tx.now + consent.expire
    tx.session.add(
        ApprovalRow(
            run_id=run_id,
            status=ApprovalStatus.WAITING,
            consent=consent.model_dump(mode="json"),
            alone=alone,
            planned_at=planned_at,
            asked_at=tx.now,
            expires_at=expires_at,
            votes=[],
            decided_by="",
            decided_at=None,
            reason="",
            revision=1,
            told=False,
        )
    )
    await tx.session.flush()
    await tx.tell(
        run_id,
        EventKind.APPROVAL_ASKED,
        needed=consent.needed,
        approvers=list(consent.approvers),
        until=expires_at.isoformat(),
    )


async def waiting(tx: Transaction, run_id: str) -> ApprovalRow | None:
    """The row while it waits; what is done with it then, nobody else does."""
    query = select(ApprovalRow).where(ApprovalRow.run_id == run_id).with_for_update()
    row = await tx.session.scalar(query)
    return row if row is not None and row.status == ApprovalStatus.WAITING else None


async def agree(tx: Transaction, row: ApprovalRow, actor: Actor) -> bool:
    """Count a word, each person's once; True once there are enough, and the run begins."""
    if actor.person in [vote.person for vote in map(Vote.model_validate, row.votes)]:
        return False  # given at the same moment in another process
    vote = Vote(by=actor.key, person=actor.person, at=tx.now)
    row.votes = [*row.votes, vote.model_dump(mode="json")]
    needed = Consent.model_validate(row.consent).needed
    await _touch(tx, row)
    detail = {"given": len(row.votes), "needed": needed}
    await tx.tell(row.run_id, EventKind.APPROVED, by=actor.key, **detail)
    run = await tx.row(row.run_id)
    digest = run.plan_digest
    await tx.audit(
        actor,
        "approval.given",
        subject=run.subject,
        run_id=row.run_id,
        plan_digest=digest,
        **detail,
    )
    if len(row.votes) < needed:
        return False
    row.status, row.decided_by, row.decided_at = ApprovalStatus.GRANTED, actor.key, tx.now
    await tx.move(row.run_id, RunStatus.QUEUED)
    await tx.tell(row.run_id, EventKind.QUEUED)
    return True


async def close(
    tx: Transaction,
    row: ApprovalRow,
    to: ApprovalStatus,
    *,
    actor: Actor | None = None,
    reason: str = "",
) -> None:
    """It will never be given, and its run never begins."""
    by = actor.key if actor else ""
    row.status, row.decided_by, row.decided_at, row.reason = to, by, tx.now, reason
    await _touch(tx, row)
    run = await tx.row(row.run_id)
    trouble = Trouble(
        step="",
        step_title="Approval",
        summary=f"{_BECAME[to]}{f' ({reason})' if reason else ''}, so nothing was done.",
        next_step=f"/luthien {asked_anew(run.line)}",
    )
    await tx.move(
        row.run_id,
        RunStatus.CANCELLED,
        ended_at=tx.now,
        trouble=trouble.model_dump(mode="json"),
        cancelled_by=by if to is ApprovalStatus.WITHDRAWN else "",
        sealed=None,
    )
    await tx.tell(row.run_id, EventKind.APPROVAL_CLOSED, status=to, by=by, reason=reason)
    await tx.tell(row.run_id, EventKind.ENDED, status=RunStatus.CANCELLED)
    await tx.audit(
        actor or "engine",
        f"approval.{to}",
        subject=run.subject,
        run_id=row.run_id,
        **({"reason": reason} if reason else {}),
    )


async def same_wish(tx: Transaction, command: str, subject: str) -> Sequence[tuple[str, str]]:
    """Run id and digest of what waits already for the same command about the same instance."""
    query = (
        select(RunRow.id, RunRow.plan_digest)
        .join(ApprovalRow, ApprovalRow.run_id == RunRow.id)
        .where(
            ApprovalRow.status == ApprovalStatus.WAITING,
            RunRow.command == command,
            RunRow.subject == subject,
        )
    )
    found: Any = await tx.session.execute(query)
    return [(row.id, row.plan_digest) for row in found]


async def _touch(tx: Transaction, row: ApprovalRow) -> None:
    row.revision += 1
    row.told = False
    await tx.session.flush()
