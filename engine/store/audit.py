"""The audit: append-only rows, each with a hash over its content and the hash before it.

Where it ends is kept beside it, signed with the master key: whoever has only the database can
neither cut it off nor write it anew. Nobody signs over an end that does not bear our signature
without saying so: the row that comes next is `audit.broken`, and stays. They could put back a
state that once was; that is what an anchor outside of the database finds (`head`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import func, insert, select

from engine.control_plane import AuditCheck, AuditEntry, AuditFault
from engine.store.audit_head import END, FIRST, LAST, set_head, signer
from engine.store.models import AuditHeadRow, AuditRow, table_of
from engine.store.pages import audit_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Actor
    from engine.secrets import SealKeys
    from engine.store.database import Database

log = logging.getLogger(__name__)

KEYS = "keys"
"""Where a session holds the master keys, in `info`."""
BROKEN = "audit.broken"
"""The action of a row before which the audit did not end where we had signed it."""
GIVEN_UP = "master_key.lost"
"""The action of a row by which somebody has accepted that the key before it is lost."""
_AUDIT = table_of(AuditRow)
_ONLY = 1
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

    def __init__(self, seq: int = 0, hash: str = FIRST) -> None:  # noqa: A002 - its name
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
    actor: Actor | str,
    action: str,
    subject: str = "",
    run_id: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Within the caller's write transaction. `detail` must hold no secret. Of an API key it also
    says whose it is."""
    told = detail or {}
    if not isinstance(actor, str):
        told = told | ({"on_behalf_of": actor.behalf} if actor.behalf else {})
        actor = actor.key
    await extend(session, [Fact(at, actor, action, subject, run_id, told)])


async def extend(session: AsyncSession, facts: Sequence[Fact]) -> None:
    """In this order, within the caller's write transaction."""
    connection = await session.connection()
    await connection.run_sync(add, session.info.get(KEYS), facts)


def add(
    connection: Connection,
    keys: SealKeys | None,
    facts: Sequence[Fact],
    *,
    given_up: bool = False,
) -> None:
    """It follows from where we know that the audit ended, not from the last row that there is:
    rows that somebody took away or put there are never covered by what comes later.

    An end that does not bear our signature is signed over no more than visibly: a row says so
    first. `given_up`: the first fact says why it cannot.
    """
    if not facts:
        return
    known = connection.execute(END).first()
    ends, before = (known.seq, known.hash) if known else (0, FIRST)
    last = known.last if known else connection.scalar(LAST)
    if keys and not given_up and not (known and signer(keys, known)):
        facts = (_broken(facts[0].at, ends, before, signed=known is not None), *facts)
    rows = []
    for seq, fact in enumerate(facts, max(ends, last or 0) + 1):
        row = _Row(seq, fact)
        before = row.hash = link(before, row)
        rows.append(vars(row))
    connection.execute(insert(_AUDIT), rows)
    set_head(connection, keys, rows[-1]["seq"], before, new=known is None)


def _broken(at: datetime, ends: int, before: str, *, signed: bool) -> Fact:
    log.critical("the audit was changed outside of luthien-ops: see `luthien audit verify`")
    found = {"ends": ends, "hash": before} if signed else {"ends": None}
    return Fact(at, "luthien:audit", BROKEN, detail=found)


class _Row:
    """As it will be stored."""

    def __init__(self, seq: int, fact: Fact) -> None:
        self.seq = seq
        self.at = fact.at.astimezone(UTC)
        self.actor, self.action, self.subject = fact.actor, fact.action, fact.subject
        self.run_id, self.detail = fact.run_id, fact.detail
        self.hash = ""


async def check(session: AsyncSession, anchor: str = "") -> AuditCheck:
    """Every row against the one before it, the last one against the head, the head against the
    master key (where the database was opened with it), and a row against an earlier `anchor`.
    What was once found not to fit stays found: the mark is one of the rows."""
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
    marked = unproven = 0
    found = await session.stream(_COLUMNS.where(AuditRow.seq <= (ends or 0)))
    async for part in found.partitions(_AT_ONCE):
        for row in part:
            if not chain.add(row):
                return AuditCheck(count, chain.seq + 1, AuditFault.ALTERED)
            if row.action == BROKEN:
                marked = marked or row.seq
            elif row.action == GIVEN_UP:
                unproven = row.seq - 1
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
    if marked:
        return AuditCheck(count, max(marked - 1, 1), AuditFault.MARKED)
    if keys and not signer(keys, known):
        return AuditCheck(count, max(known.seq, 1), AuditFault.UNSIGNED)
    if not agreed:
        return AuditCheck(count, place, AuditFault.REPLACED)
    return AuditCheck(count, None, head=f"{known.seq}:{known.hash}", unproven=unproven)


async def first_break(session: AsyncSession) -> int | None:
    """The `seq` of the first row that is not as it was written; None: all is whole."""
    return (await check(session)).broken_at


def _parsed(anchor: str) -> tuple[int, str]:
    seq, _, start = anchor.partition(":")
    return int(seq or 0), start


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
