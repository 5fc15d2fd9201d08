"""A run: one execution of one plan, what happens to it, and what doors see of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.actor import Actor, Origin
from engine.approval import Approval, ApprovalStatus


class RunStatus(StrEnum):
    """`-ing` means asked for, `-ed` means true."""

    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    WAITING = "waiting"
    """In line for a lock."""
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    ROLLED_BACK = "rolled_back"

    @property
    def over(self) -> bool:
        """Nothing happens any more unless a person asks for it."""
        return self in (
            RunStatus.CANCELLED,
            RunStatus.SUCCEEDED,
            RunStatus.FAILED,
            RunStatus.ERRORED,
            RunStatus.ROLLED_BACK,
        )


S = RunStatus

MOVES: dict[tuple[RunStatus, RunStatus], str] = {
    (S.PLANNED, S.AWAITING_APPROVAL): "the policy wants another person's word",
    (S.PLANNED, S.QUEUED): "nobody else has to agree",
    (S.AWAITING_APPROVAL, S.QUEUED): "it was approved",
    (S.AWAITING_APPROVAL, S.CANCELLED): "it was rejected, withdrawn, or expired",
    (S.WAITING, S.QUEUED): "its turn came: the lock is its own",
    (S.WAITING, S.CANCELLED): "nobody wants to wait any more",
    (S.QUEUED, S.RUNNING): "the engine took it up",
    (S.QUEUED, S.CANCELLED): "it was cancelled before its first step",
    (S.RUNNING, S.CANCELLING): "somebody asked to stop it",
    (S.RUNNING, S.SUCCEEDED): "every step is done",
    (
        S.RUNNING,
        S.FAILED,
    ): "the world said no; what it had made is removed unless it was to be kept",
    (S.RUNNING, S.ERRORED): "we could not do it, or do not know what happened",
    (S.RUNNING, S.ROLLED_BACK): "a person asked to remove what it had made, and that is done",
    (S.CANCELLING, S.CANCELLED): "the steps under way have stopped",
    (S.CANCELLING, S.SUCCEEDED): "the last step was done before the stop took hold",
    (S.CANCELLING, S.FAILED): "the world said no to the step under way",
    (S.CANCELLING, S.ERRORED): "the step under way ended in doubt",
    (S.CANCELLED, S.QUEUED): "retry, or removal of what it had made",
    (S.FAILED, S.QUEUED): "retry, or removal of what it had made",
    (S.ERRORED, S.QUEUED): "retry, or removal of what it had made",
}
"""Every legal move between two statuses, and when it happens."""


class StepStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ERRORED = "errored"
    STOPPED = "stopped"
    """Interrupted at a safe point by a cancel or by another step's failure."""


class EventKind(StrEnum):
    """What is told about a run, in the order in which it happened."""

    APPROVAL_ASKED = "approval_asked"
    """data: needed, approvers, until"""
    APPROVED = "approved"
    """data: by, given, needed"""
    APPROVAL_CLOSED = "approval_closed"
    """data: status, by, reason; it will never begin"""
    WAITING = "waiting"
    """It joined a line, or the line moved; where it stands says the run's view."""
    QUEUED = "queued"
    PLANNED = "planned"
    """It was planned anew after waiting."""
    STARTED = "started"
    STEP_STARTED = "step_started"
    STEP_NOTE = "step_note"
    """data: text"""
    STEP_RETRIED = "step_retried"
    """data: reason, wait_s, attempt"""
    STEP_DONE = "step_done"
    """data: duration_s, result"""
    STEP_STOPPED = "step_stopped"
    STEP_FAILED = "step_failed"
    """data: summary, why, phase?, log?, incident?"""
    CLEANUP_STARTED = "cleanup_started"
    REMOVED = "removed"
    """data: kind, id, name"""
    LEFT_BEHIND = "left_behind"
    """data: kind, id, name, reason"""
    CANCELLING = "cancelling"
    """data: by"""
    ENDED = "ended"
    """data: status; the last event of an execution (a retry appends more)"""


class Event(BaseModel):
    """`seq` grows over all runs; a follower names the last one it saw."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    seq: int
    run_id: str
    at: datetime
    kind: EventKind
    step: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class Created(BaseModel):
    """Something that a run made at a vendor."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    kind: str
    id: str
    name: str
    step: str
    removed_at: datetime | None = None

    @property
    def removed(self) -> bool:
        return self.removed_at is not None


class StepView(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)

    key: str
    kind: str
    title: str
    status: StepStatus
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    note: str = ""
    """The latest progress note, e.g. `BUILDING`."""
    expected: timedelta
    result: dict[str, Any] = Field(default_factory=dict)


class Trouble(BaseModel):
    """Why a run failed or errored."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    step: str
    step_title: str
    summary: str
    why: str = ""
    next_step: str = ""
    """An exact command; empty: trying again is the natural one."""
    link: str = ""
    """Where the vendor shows more, while what it is about exists."""
    phase: str = ""
    log: tuple[str, ...] = ()
    errored: bool = False
    """We could not do it or do not know; else the world said no."""
    refused: bool = False
    """Its turn came, and what was asked made no sense any more: nothing was begun."""
    code: str = Field(default="", exclude_if=lambda code: not code)
    """The kind of error, as the runbook has a page about it."""
    incident: str = ""
    """Set when it is our bug: the id under which the log has the stack trace."""


class InLine(BaseModel):
    """Where a waiting run stands, and what holds the lock that it waits for."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    lock: str
    place: int
    """1: the next."""
    held_by: Actor | None = None
    since: datetime | None = None
    reason: str = ""
    """Why a person holds it."""
    run_id: str = ""
    """The run that holds it; empty: a person does."""
    run_line: str = ""
    run_status: RunStatus | None = None
    expected_at: datetime | None = None
    """When its turn should come; None: nobody knows, because it is up to a person."""


class RunBrief(BaseModel):
    """A run as one of many: what is counted and listed of it. Holds no secret."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    id: str
    command: str
    line: str
    """What was asked, as a command line without the leading `/luthien`."""
    status: RunStatus
    actor: Actor
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RunView(RunBrief):
    """Everything a door may show of a run."""

    title: str
    subject: str
    removing: bool
    """This execution removes what the run had made."""
    origin: Origin
    expected: timedelta
    steps: tuple[StepView, ...]
    created: tuple[Created, ...] = ()
    trouble: Trouble | None = None
    result: dict[str, Any] = Field(default_factory=dict)
    delivers: str | None = None
    undo: str = ""
    """A command line that leads back from where it ended; empty: there is none."""
    undo_label: str = "Undo"
    closing: str = ""
    locks: tuple[str, ...] = ()
    in_line: InLine | None = None
    """Only while it waits."""
    cancelled_by: str = ""
    thread_url: str = ""
    """Where its progress is told, when known."""
    approval: Approval | None = None
    """What somebody else has, or had, to agree to before it began."""
    outdated: bool = False
    """It did not reach its end, and a later run has changed the same since: going on where it
    stopped would go on from something that is not there any more."""

    @property
    def refused(self) -> bool:
        """It waited, and was refused when its turn came: the same would be refused again."""
        return self.trouble is not None and self.trouble.refused

    @property
    def forbidden(self) -> bool:
        """It needed an approval that was never given, so it can never begin."""
        return self.approval is not None and self.approval.status not in (
            ApprovalStatus.WAITING,
            ApprovalStatus.GRANTED,
        )

    @property
    def left(self) -> tuple[Created, ...]:
        """What it made that still exists, unless it succeeded."""
        return tuple(c for c in self.created if not c.removed)

    @property
    def removed_now(self) -> tuple[Created, ...]:
        """What this execution removed; an earlier one may have removed other things."""
        since = self.started_at
        return tuple(
            c for c in self.created if c.removed_at and (since is None or c.removed_at >= since)
        )
