"""An approval: what somebody else has to agree to before a run begins. It bears the run's id, is
bound to the digest of its plan, and can be given once, until a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from engine.actor import Actor, person_of
from engine.policy import SelfApprove, includes
from engine.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApprovalStatus(StrEnum):
    """It waits, or it is decided for good."""

    WAITING = "waiting"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    """Nobody decided in time."""
    SUPERSEDED = "superseded"
    """The world, or what was asked for, is not any more what people were shown."""
    WITHDRAWN = "withdrawn"
    """The run was cancelled before it began."""


class Consent(BaseModel):
    """What the policy, or the command's definition, asks for before a run may begin."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    needed: int
    """How many people have to agree; 0: nobody."""
    approvers: tuple[str, ...]
    """Roles and keys of those who may."""
    self_approve: SelfApprove
    expire: timedelta
    channel: str = ""
    """Where it is asked for; empty: where the run is told."""
    said_by: str = ""
    """The line that asks for it, or the definition."""
    self_said_by: str = ""
    """The line that says whether the asker may agree."""
    about: str = ""
    """Why."""


class Vote(BaseModel):
    """Somebody agreed."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    by: str
    """The actor's key."""
    person: str = ""
    """Whose word it is: `Actor.person`; empty where that was not kept yet."""
    at: datetime


class Approval(BaseModel):
    """Everything a door may show of one."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    run_id: str
    title: str
    subject: str
    line: str
    changes: tuple[str, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    asker: Actor
    status: ApprovalStatus
    consent: Consent
    alone: bool
    """When it was asked for, nobody but the asker could agree."""
    digest: str
    """Of the plan that people are shown."""
    planned_at: datetime
    asked_at: datetime
    expires_at: datetime
    votes: tuple[Vote, ...] = ()
    decided_by: str = ""
    """The actor's key; empty while it waits, and when nobody did."""
    decided_at: datetime | None = None
    reason: str = ""
    """Why it was rejected or superseded."""
    revision: int = 1
    """Grows with every change, so that what was told of it can be told from what was not."""

    @property
    def anew(self) -> str:
        """The command line that asks for it again."""
        return asked_anew(self.line)

    def lapsed(self, now: datetime) -> bool:
        """Its time is over, although nothing has written that down yet."""
        return self.status is ApprovalStatus.WAITING and self.expires_at <= now

    def awaits(self, actor: Actor, now: datetime) -> bool:
        """Whether this actor's word is wanted."""
        if self.status is not ApprovalStatus.WAITING or self.lapsed(now):
            return False
        if not includes(self.consent.approvers, actor):
            return False
        if actor.person in [vote.person or vote.by for vote in self.votes]:
            return False
        itself = actor.person == self.asker.person
        return not itself or may_agree_oneself(self.consent, alone=self.alone)


def asked_anew(line: str) -> str:
    """Without what said yes to something that was shown before."""
    return re.sub(r" --(confirm|type-name) \S+", "", line)


def may_agree_oneself(consent: Consent, *, alone: bool) -> bool:
    if consent.self_approve is SelfApprove.WHEN_ALONE:
        return alone
    return consent.self_approve is SelfApprove.ALWAYS


def others(able: Sequence[str], asker: str) -> list[str]:
    """Those who could agree besides the person who asked."""
    return [key for key in able if person_of(key) != asker]


class Quorum(BaseModel):
    """Who could agree, at one moment."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    others: int
    """People besides the asker."""
    oneself: bool
    """The asker may, too."""
    needed: int

    @property
    def alone(self) -> bool:
        return not self.others

    @property
    def enough(self) -> bool:
        return self.others + self.oneself >= self.needed

    def lacking(self, asker: str) -> str:
        """Who could, where these are too few. `asker`: how the asker is called."""
        return (
            f"Nobody but {asker}" if self.alone else f"Only {plural(self.others, 'other person')}"
        )


def quorum(consent: Consent, able: Sequence[str], asker: Actor) -> Quorum:
    """`able`: keys of the approvers."""
    rest = len({person_of(key) for key in others(able, asker.person)})
    oneself = may_agree_oneself(consent, alone=not rest) and includes(consent.approvers, asker)
    return Quorum(others=rest, oneself=oneself, needed=consent.needed)
