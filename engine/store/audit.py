"""The audit: append-only rows, each with a hash over its content and the hash before it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from engine.control_plane import AuditCheck, AuditEntry
from engine.store.models import AuditRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.store.database import Database

_FIRST = "0" * 64


class AuditTrail:
    """Reads the audit: `engine.control_plane.Audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(
        self,
        *,
        since: datetime | None = None,
        actor: str = "",
        subject: str = "",
        actions: Sequence[str] = (),
        limit: int = 20,
        skip: int = 0,
    ) -> Sequence[AuditEntry]:
        query = select(AuditRow).order_by(AuditRow.seq.desc()).limit(limit).offset(skip)
        if since is not None:
            query = query.where(AuditRow.at >= since)
        if actor:
            ends_so = AuditRow.actor.endswith(f":{actor}", autoescape=True)
            query = query.where(or_(AuditRow.actor == actor, ends_so))
        if subject:
            query = query.where(AuditRow.subject == subject)
        if actions:
            query = query.where(AuditRow.action.in_(actions))
        async with self._database.read() as session:
            return [
                AuditEntry(r.seq, r.at, r.actor, r.action, r.subject, r.run_id, r.detail)
                for r in await session.scalars(query)
            ]

    async def verify(self) -> AuditCheck:
        async with self._database.read() as session:
            rows = await session.scalar(select(func.count()).select_from(AuditRow)) or 0
            return AuditCheck(rows, await first_break(session))


async def append(
    session: AsyncSession,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str = "",
    run_id: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Within the caller's write transaction. `detail` must hold no secret."""
    last = (
        await session.execute(
            select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
        )
    ).first()
    seq, before = (last.seq, last.hash) if last else (0, _FIRST)
    row = AuditRow(
        seq=seq + 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        run_id=run_id,
        detail=detail or {},
        hash="",
    )
    row.hash = _hash(before, row)
    session.add(row)
    await session.flush()


async def first_break(session: AsyncSession) -> int | None:
    """The `seq` of the first row that does not follow from the one before; None: all is whole.

    A truncated end cannot be seen from the rows alone.
    """
    before, expected = _FIRST, 1
    rows = await session.stream_scalars(select(AuditRow).order_by(AuditRow.seq))
    async for row in rows:
        if row.seq != expected or row.hash != _hash(before, row):
            return expected
        before, expected = row.hash, expected + 1
    return None


def _hash(before: str, row: AuditRow) -> str:
    content = json.dumps(
        [
            row.seq,
            row.at.isoformat(),
            row.actor,
            row.action,
            row.subject,
            row.run_id,
            row.detail,
        ],
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256((before + content).encode()).hexdigest()
