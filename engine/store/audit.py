"""The audit: append-only rows, each with a hash over its content and the hash before it.

Where it ends is kept beside it, signed with the master key: whoever has only the database can
neither cut it off nor write it anew. They could put back a state that once was; that is what an
anchor outside of the database finds (`head`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import func, insert, select, update

from engine.control_plane import AuditCheck, AuditEntry, AuditFault
from engine.store.models import AuditHeadRow, AuditRow, table_of
from engine.store.pages import audit_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.secrets import SealKeys
    from engine.store.database import Database

KEYS = "keys"
"""Where a session holds the master keys, in `info`."""
_FIRST = "0" * 64
_ONLY = 1
_AUDIT, _HEAD = table_of(AuditRow), table_of(AuditHeadRow)
_LAST = select(func.max(_AUDIT.c.seq))
_END = select(_HEAD.c.seq, _HEAD.c.hash, _LAST.scalar_subquery().label("last"))
_AT_ONCE = 500
_COLUMNS = select(
    AuditRow.seq,
    AuditRow.at,
    AuditRow.actor,
    AuditRow.action,
    AuditRow.subject,
    AuditRow.run_id,
    AuditRow.detail,
    AuditRow.hash,
).order_by(AuditRow.seq)


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
        async with self._database.read() as session:
            found = await audit_page(
                session,
                since=since,
                actor=actor,
                subject=subject,
                actions=actions,
                limit=limit,
                skip=skip,
            )
        return [
            AuditEntry(r.seq, r.at, r.actor, r.action, r.subject, r.run_id, r.detail)
            for r in found
        ]

    async def verify(self, anchor: str = "") -> AuditCheck:
        async with self._database.read(one_moment=True) as session:
            return await check(session, anchor)

    async def head(self) -> str:
        async with self._database.read() as session:
            head = await session.get(AuditHeadRow, _ONLY)
        return f"{head.seq}:{head.hash}" if head else "0:"


class Entry(Protocol):
    """What a row's hash covers, and the hash."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    run_id: str
    detail: dict[str, Any]
    hash: str


class Chain:
    """How far rows follow from one another, from the first or from any that is known."""

    def __init__(self, seq: int = 0, hash: str = _FIRST) -> None:  # noqa: A002 - its name
        self.seq = seq
        self.hash = hash

    def add(self, row: Entry) -> bool:
        """Whether this one is the next; if not, the chain stays as it was."""
        if row.seq != self.seq + 1 or row.hash != link(self.hash, row):
            return False
        self.seq, self.hash = row.seq, row.hash
        return True


@dataclass(frozen=True)
class Fact:
    """What somebody did; `detail` must hold no secret."""

    at: datetime
    actor: str
    action: str
    subject: str = ""
    run_id: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


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
    await extend(session, [Fact(at, actor, action, subject, run_id, detail or {})])


async def extend(session: AsyncSession, facts: Sequence[Fact]) -> None:
    """In this order, within the caller's write transaction."""
    connection = await session.connection()
    await connection.run_sync(add, session.info.get(KEYS), facts)


def add(connection: Connection, keys: SealKeys | None, facts: Sequence[Fact]) -> None:
    """It follows from where we know that the audit ended, not from the last row that there is:
    rows that somebody took away or put there are never covered by what comes later."""
    if not facts:
        return
    known = connection.execute(_END).first()
    ends, before = (known.seq, known.hash) if known else (0, _FIRST)
    last = known.last if known else connection.scalar(_LAST)
    rows = []
    for seq, fact in enumerate(facts, max(ends, last or 0) + 1):
        row = _Row(seq, fact)
        before = row.hash = link(before, row)
        rows.append(vars(row))
    connection.execute(insert(_AUDIT), rows)
    set_head(connection, keys, rows[-1]["seq"], before, new=known is None)


class _Row:
    """As it will be stored."""

    def __init__(self, seq: int, fact: Fact) -> None:
        self.seq = seq
        self.at = fact.at.astimezone(UTC)
        self.actor, self.action, self.subject = fact.actor, fact.action, fact.subject
        self.run_id, self.detail = fact.run_id, fact.detail
        self.hash = ""


def set_head(
    connection: Connection,
    keys: SealKeys | None,
    seq: int,
    hash: str,  # noqa: A002 - its name
    *,
    new: bool,
) -> None:
    """Say that the audit ends here, signed with the present key."""
    values = {"seq": seq, "hash": hash, "seal": seal(keys, seq, hash)}
    if new:
        connection.execute(insert(_HEAD), {"id": _ONLY} | values)
    else:
        connection.execute(update(_HEAD), values)


def begin(connection: Connection, keys: SealKeys | None) -> None:
    """The first head, over whatever rows there are: once, when its table is made."""
    columns = select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
    seq, last = connection.execute(columns).first() or (0, _FIRST)
    values = {"id": _ONLY, "seq": seq, "hash": last, "seal": seal(keys, seq, last)}
    connection.execute(insert(AuditHeadRow).values(values))


def seal(keys: SealKeys | None, seq: int, hash: str) -> str:  # noqa: A002
    return _seals(keys, seq, hash)[0] if keys else ""


async def check(session: AsyncSession, anchor: str = "") -> AuditCheck:
    """Every row against the one before it, the last one against the head, the head against the
    master key (where the database was opened with it), and a row against an earlier `anchor`."""
    last = select(func.max(AuditRow.seq)).scalar_subquery()
    rows = select(func.count()).select_from(AuditRow).scalar_subquery()
    # One statement is one moment; what is added after it is not looked at.
    head = (
        await session.execute(select(AuditHeadRow, last, rows).where(AuditHeadRow.id == _ONLY))
    ).first()
    if head is None:
        count = await session.scalar(select(func.count()).select_from(AuditRow)) or 0
        return AuditCheck(count, 1, AuditFault.UNSIGNED)
    known, ends, count = head
    place, wanted = _parsed(anchor)
    chain, agreed = Chain(), not anchor
    found = await session.stream(_COLUMNS.where(AuditRow.seq <= (ends or 0)))
    async for part in found.partitions(_AT_ONCE):
        for row in part:
            if not chain.add(row):
                return AuditCheck(count, chain.seq + 1, AuditFault.ALTERED)
            if chain.seq == place:
                agreed = chain.hash.startswith(wanted)
            if chain.seq == known.seq and chain.hash != known.hash:
                return AuditCheck(count, chain.seq, AuditFault.ALTERED)
        await asyncio.sleep(0)  # others may have their turn
    if chain.seq < known.seq:
        return AuditCheck(count, chain.seq + 1, AuditFault.CUT_OFF)
    if chain.seq > known.seq:
        return AuditCheck(count, known.seq + 1, AuditFault.ADDED)
    keys: SealKeys | None = session.info.get(KEYS)
    if keys and not any(
        secrets.compare_digest(known.seal, one) for one in _seals(keys, known.seq, known.hash)
    ):
        return AuditCheck(count, known.seq, AuditFault.UNSIGNED)
    if not agreed:
        return AuditCheck(count, place, AuditFault.REPLACED)
    return AuditCheck(count, None, head=f"{known.seq}:{known.hash}")


async def first_break(session: AsyncSession) -> int | None:
    """The `seq` of the first row that is not as it was written; None: all is whole."""
    return (await check(session)).broken_at


def _parsed(anchor: str) -> tuple[int, str]:
    seq, _, start = anchor.partition(":")
    return int(seq or 0), start


def _seals(keys: SealKeys, seq: int, hash: str) -> tuple[str, ...]:  # noqa: A002
    return keys.digests(f"{seq}:{hash}", about="audit head")


def link(before: str, row: Entry) -> str:
    """The row's hash, given the one before it."""
    content = _encoder.encode(
        [
            row.seq,
            row.at.isoformat(),
            row.actor,
            row.action,
            row.subject,
            row.run_id,
            row.detail,
        ]
    )
    return hashlib.sha256((before + content).encode()).hexdigest()


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
