"""The tables. What a vendor already keeps is not kept a second time.

A column that came later has a default in the database, for the older replicas that do not know it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC; SQLite has no time zones of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Row(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own hook
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
    }


def table_of(row: type[Row]) -> Table:
    """For statements that need no objects: those cost more than what is done in the database."""
    table = row.__table__
    assert isinstance(table, Table)  # noqa: S101 - a declared class has one
    return table


class DeliveryRow(Row):
    """A wish as a door accepted it: committed before the door answers."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    received_at: Mapped[datetime]
    actor: Mapped[dict[str, Any]]
    command: Mapped[str] = mapped_column(String(64))
    arguments: Mapped[dict[str, Any]]
    origin: Mapped[dict[str, Any]]
    plan_only: Mapped[bool] = mapped_column(Boolean)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed: a response_url lets anybody speak as the app for 30 minutes."""
    prompt: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The command's secrets, until it is handled."""
    handled_at: Mapped[datetime | None]
    owner: Mapped[str | None] = mapped_column(String(80))
    """The replica that handles it."""

    __table_args__ = (Index("ix_deliveries_handled_at", "handled_at"),)


class RunRow(Row):
    __tablename__ = "runs"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    delivery: Mapped[str | None] = mapped_column(String(200), unique=True)
    command: Mapped[str] = mapped_column(String(64))
    arguments: Mapped[dict[str, Any]]
    line: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20))
    execution: Mapped[int] = mapped_column(Integer)
    """1 for the first; a retry or a removal makes the next."""
    removing: Mapped[bool] = mapped_column(Boolean)
    actor: Mapped[dict[str, Any]]
    origin: Mapped[dict[str, Any]]
    plan: Mapped[dict[str, Any]]
    replan: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """It waited in line: the plan is of another moment, and is made anew before the first step."""
    plan_digest: Mapped[str] = mapped_column(String(64))
    expected_s: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    trouble: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any]]
    cancelled_by: Mapped[str] = mapped_column(String(200))
    thread_url: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Secrets that its steps need, until it has ended."""

    __table_args__ = (
        Index("ix_runs_subject", "subject", "number"),
        Index("ix_runs_status", "status", "number"),
        Index("ix_runs_command", "command", "status", "number"),
        Index("ix_runs_created_at", "created_at"),
        Index("ix_runs_outcome", "subject", "status", "started_at"),
    )


class StepRow(Row):
    __tablename__ = "steps"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    definition: Mapped[dict[str, Any]]
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text)
    result: Mapped[dict[str, Any]]


class CreatedRow(Row):
    """What a run made at a vendor: the only things that clean-up may ever remove."""

    __tablename__ = "created"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    step: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class EventRow(Row):
    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    step: Mapped[str | None] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]

    __table_args__ = (Index("ix_events_run_id", "run_id", "seq"), {"sqlite_autoincrement": True})


class LockRow(Row):
    __tablename__ = "locks"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    run_id: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]


class WaitRow(Row):
    """A run in line for a lock; the numbers say who came first."""

    __tablename__ = "waits"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(200))
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"))

    __table_args__ = (Index("ix_waits_run_id", "run_id"), {"sqlite_autoincrement": True})


class HoldRow(Row):
    """A lock that a person holds: only their own runs may take it."""

    __tablename__ = "holds"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    holder: Mapped[dict[str, Any]]
    """`key`, and `actor` as a whole."""
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    asked_at: Mapped[datetime]
    """When its holder was last asked about it, or confirmed it; at first the same as `since`."""


class AuditRow(Row):
    """Append-only; each row's hash covers its content and the hash before it."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    run_id: Mapped[str] = mapped_column(String(32))
    detail: Mapped[dict[str, Any]]
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_audit_subject", "subject", "seq"),
        Index("ix_audit_actor", "actor", "seq"),
        Index("ix_audit_action", "action", "seq"),
        Index("ix_audit_at", "at"),
    )


class AuditHeadRow(Row):
    """Where the audit ends: one row, written together with each of the audit's."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Always 1."""
    seq: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
    """Of both, by the master key: whoever has only the database can make none."""
    key_id: Mapped[str | None] = mapped_column(String(16))
    """Which key that was, by its public id: tells a key that was exchanged for another one from an
    audit that was tampered with. Not itself protected."""


class DisclosureRow(Row):
    """One person's right to read an instance's credentials."""

    __tablename__ = "disclosures"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(200))
    actor: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime]
    until: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_disclosures_subject", "subject", "opened_at"),)


class ApprovalRow(Row):
    """What somebody else has to agree to before a run begins."""

    __tablename__ = "approvals"

    run_id: Mapped[str] = mapped_column(
        ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True
    )
    status: Mapped[str] = mapped_column(String(16))
    consent: Mapped[dict[str, Any]]
    """What was asked for when it was asked for: the policy may have changed since."""
    alone: Mapped[bool] = mapped_column(Boolean)
    planned_at: Mapped[datetime]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    votes: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    decided_by: Mapped[str] = mapped_column(String(200))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Integer)
    told: Mapped[bool] = mapped_column(Boolean)
    """Whether its message says what this revision does."""

    __table_args__ = (
        Index("ix_approvals_status", "status", "expires_at"),
        Index("ix_approvals_told", "told"),
    )


class ToldRow(Row):
    """A message about a run: where it stands and what it last said."""

    __tablename__ = "told"

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    channel: Mapped[str] = mapped_column(String(32))
    ts: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]

    __table_args__ = (Index("ix_told_ts", "ts", "channel"),)


class NarrationRow(Row):
    """How far a run was told: everything up to and including event `seq`."""

    __tablename__ = "narrations"

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer)


class GrantRow(Row):
    """A role given to a person or to a group, by key."""

    __tablename__ = "grants"

    grantee: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    is_group: Mapped[bool] = mapped_column(Boolean)
    role: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]


class NoticeRow(Row):
    """Something that everybody, or one person, is told without a run."""

    __tablename__ = "notices"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    addressee: Mapped[str] = mapped_column(String(200), server_default="")
    """A person's key; empty: everybody."""
    text: Mapped[str] = mapped_column(Text)
    offers: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    channel: Mapped[str] = mapped_column(String(32), server_default="")
    thread: Mapped[str] = mapped_column(String(100), server_default="")
    broadcast: Mapped[bool] = mapped_column(Boolean, server_default=false())
    at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    amended: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """Since it was told; its message is to be edited."""
    withdrawn: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """It held no longer before anybody noted that it was told; a message may be there."""

    __table_args__ = (Index("ix_notices_told_at", "told_at"),)


class MemoryRow(Row):
    """What is remembered between two looks at the world, or two firings of a timer."""

    __tablename__ = "memory"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    value: Mapped[dict[str, Any]]


class ApiKeyRow(Row):
    """A key for programs, as a keyed hash: whoever reads this table cannot use it."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(String(64))
    creator: Mapped[str] = mapped_column(String(200))
    creator_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    sealed_by: Mapped[str | None] = mapped_column(String(16))
    """The id of the master key that the digest was made with; None: one of before."""

    __table_args__ = (Index("ix_api_keys_name", "name"),)


class SignInLinkRow(Row):
    """A link that lets one person into the web page once, as a keyed hash."""

    __tablename__ = "sign_in_links"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    actor: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    sealed_by: Mapped[str | None] = mapped_column(String(16))


class WebSessionRow(Row):
    """A browser that signed in, by a keyed hash of what its cookie holds."""

    __tablename__ = "web_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    actor: Mapped[str] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    sealed_by: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (Index("ix_web_sessions_seen_at", "seen_at"),)


class ReplicaRow(Row):
    """A process that shares the work; whoever is not here is gone."""

    __tablename__ = "replicas"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    version: Mapped[str] = mapped_column(String(64))
    """Of the code: which plans it can carry out."""
    until: Mapped[datetime]
    keys: Mapped[str | None] = mapped_column(Text)
    """The ids of its master keys, the one that it seals with first."""


class ClaimRow(Row):
    """What one replica alone does: a run, its telling, the announcements."""

    __tablename__ = "claims"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    owner: Mapped[str] = mapped_column(ForeignKey("replicas.id"))


class SlotRow(Row):
    """The last time of a tick that a replica took."""

    __tablename__ = "slots"

    tick: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[int] = mapped_column(BigInteger)


class AllowanceRow(Row):
    """How far ahead of time a shared rate was spent; see `Replicas.spend`."""

    __tablename__ = "allowances"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    spent_until: Mapped[datetime]
