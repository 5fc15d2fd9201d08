"""The only verbs a door may use.

A door turns what somebody wants into a command and calls `ask` (questions) or `submit` (changes),
or, when it must promise durability before it answers, `accept` and later `handle`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from engine.approval import ApprovalStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime, timedelta

    from engine.actor import Actor, Origin
    from engine.answer import Answer
    from engine.approval import Approval
    from engine.command import Change, Command
    from engine.form import Form
    from engine.keys import ApiKeys
    from engine.people import People
    from engine.permission import Ruling
    from engine.plan import Plan
    from engine.policy_file import StandingPolicy
    from engine.registry import Registry
    from engine.rights import Rights
    from engine.run import Event, RunBrief, RunStatus, RunView
    from engine.sessions import Sessions


@dataclass(frozen=True)
class Request:
    """A wish as a door accepted it. `delivery` is the door's own id of this very delivery
    (Slack: trigger_id or event_id); a second one with the same id starts nothing."""

    delivery: str
    actor: Actor
    command: Command
    origin: Origin
    plan_only: bool = False
    reply: str = ""
    """Where the door can answer privately later (Slack: response_url). Kept sealed."""
    prompt: str = ""
    """What else the door needs to remember; no secrets."""


@dataclass(frozen=True)
class Outcome:
    """What became of a command: exactly one of the two."""

    answer: Answer | None = None
    run: RunView | None = None


class Tell(Protocol):
    """Answers whoever asked."""

    async def __call__(self, came: Outcome | Exception, /) -> None: ...


@dataclass(frozen=True)
class Disclosure:
    """One person's right to read an instance's credentials, until a time."""

    run_id: str
    subject: str
    actor: str
    until: datetime
    open: bool


@dataclass(frozen=True)
class AuditEntry:
    """One row of the audit. `detail` holds no secret."""

    seq: int
    at: datetime
    actor: str
    """`slack:U0ADA`, `cli:root`."""
    action: str
    subject: str
    run_id: str
    detail: Mapping[str, Any]


class AuditFault(StrEnum):
    """How the audit is not as it was written."""

    ALTERED = "altered"
    """A row was changed, moved or removed, or put between others."""
    CUT_OFF = "cut_off"
    """Rows at the end are missing."""
    ADDED = "added"
    """Rows at the end are not ours."""
    UNSIGNED = "unsigned"
    """Its end is not signed by a master key that is known here."""
    MARKED = "marked"
    """Its end was not signed by us when an entry was to be added, which an entry says for ever."""
    REPLACED = "replaced"
    """It follows in itself, and is another one than the anchor is of."""


@dataclass(frozen=True)
class AuditCheck:
    """Whether the audit is as it was written."""

    rows: int
    broken_at: int | None
    """The number of the first row from which on it is not; None: all is whole."""
    fault: AuditFault | None = None
    head: str = ""
    """`1204:9f86…`: the last row's number and hash, to be kept elsewhere; only of a whole one."""
    unproven: int = 0
    """Up to this row nothing but the chain itself proves it: somebody has accepted that the master
    key of then is lost. 0: there is none such."""


class Audit(Protocol):
    """What was done, by whom; written by the control plane and only read here."""

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
        """Newest first. `actor` is a whole key (`slack:U0ADA`) or only the id in it; without
        `actions` all of them."""

    async def verify(self, anchor: str = "") -> AuditCheck:
        """`anchor`: a head that was seen earlier, or the beginning of it."""

    async def head(self) -> str:
        """Where it ends now: `1204:9f86…`."""


class ControlPlane(Protocol):
    """Every method raises Refused when the actor may not, or when it makes no sense now."""

    registry: Registry

    @property
    def people(self) -> People:
        """Who may do what."""

    @property
    def audit(self) -> Audit: ...

    @property
    def keys(self) -> ApiKeys: ...

    @property
    def sessions(self) -> Sessions: ...

    async def ask(self, actor: Actor, command: Command, origin: Origin) -> Answer:
        """Answer what only asks. Raises OpsError."""

    async def approve(self, actor: Actor, wanted: str) -> RunView:
        """Agree to a run that waits: by its id, or the name of the instance. The run begins with
        the last word that is needed; one that was decided already is refused, saying by whom."""

    async def reject(self, actor: Actor, wanted: str, reason: str) -> RunView:
        """Its run never begins. Raises InvalidInput without a reason."""

    async def list_approvals(
        self,
        statuses: Sequence[ApprovalStatus] = (ApprovalStatus.WAITING,),
        *,
        subject: str = "",
        limit: int = 100,
    ) -> Sequence[Approval]:
        """Newest first; empty `statuses`: all. `Approval.awaits` tells whose word is wanted,
        `lapsed` whose time is over."""

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None:
        """Raises NotAllowed; `ask` and `submit` do by themselves. `subject`: the instance, where
        the command does not name it."""

    async def rights(self, actor: Actor) -> Rights:
        """What may be offered to them; the offers in an answer are no others anyway."""

    async def complete(self, command: Command) -> None:
        """Raises InvalidInput where the policy wants more typed before this may begin."""

    async def policy(self) -> StandingPolicy:
        """The policy in force, looked at anew."""

    async def explain(self, actor: Actor, command: Command | type[Command]) -> Sequence[Ruling]:
        """What the policy says about it, allowed or not."""

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form:
        """What a command that has a form asks for, given these fields. Raises OpsError."""

    async def preview(self, actor: Actor, command: Change, origin: Origin) -> Plan:
        """What `submit` would do, without doing it."""

    async def submit(
        self, actor: Actor, command: Change, origin: Origin, *, delivery: str | None = None
    ) -> RunView:
        """Plan, take the locks, and start a run; returns as soon as that is durable.

        `delivery`: the run that it started before, if it did.
        """

    async def perform(
        self, actor: Actor, command: Command, origin: Origin, *, plan_only: bool = False
    ) -> Outcome:
        """`ask` or `submit`, or with `plan_only` the plan as an answer."""

    async def accept(self, request: Request) -> bool:
        """Commit the request durably; False when this delivery is known already. Raises Refused,
        and keeps nothing, for what must not be stored."""

    async def handle(self, delivery: str, tell: Tell | None = None) -> Outcome | None:
        """Perform an accepted request and mark it handled, whatever comes of it; None when it was
        handled already. Raises OpsError like `perform`. Idempotent over restarts: a request that
        started a run before the process died returns that run.

        `tell` is given what came of it, an error of the request's own included (which is not
        raised then), before it counts as handled: whoever goes on with what a dead process left
        answers, too.
        """

    async def unhandled(self) -> Sequence[Request]:
        """Accepted requests that no process has handled yet, oldest first (for start-up)."""

    async def started_by(self, delivery: str) -> RunView | None:
        """The run that an accepted request started, so that a door can answer its repetition."""

    async def forget_deliveries(self, before: datetime) -> int:
        """Drop handled requests received before this moment; returns how many. A delivery that is
        repeated later than that would be new."""

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        """Stop before the next step. Idempotent while it is stopping."""

    async def retry(self, actor: Actor, run_id: str) -> RunView:
        """Go on from the first unfinished step."""

    async def clean_up(self, actor: Actor, run_id: str) -> RunView:
        """Remove what the run made: only ids that it created."""

    async def show(self, run_id: str) -> RunView:
        """Raises NotFound."""

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]:
        """Newest first. `before`: only runs older than this one. Raises NotFound when there is no
        such run."""

    async def known_runs(self, ids: Collection[str]) -> Mapping[str, RunBrief]:
        """Those of these runs that there are, by id, read at once."""

    async def runs_since(self, since: datetime) -> Sequence[RunBrief]:
        """Every run that was asked for then or later, newest first, however many they are."""

    async def holder_of(self, lock: str) -> RunView | None:
        """The run that holds a lock, if any."""

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Events of one run, from the start (or after `seq`), then live; ends after ENDED when
        the run is over."""

    def follow_all(self, after: int | None = None) -> AsyncIterator[Event]:
        """Events of every run, live; None: from now on. Never ends."""

    async def disclosure(self, subject: str) -> Disclosure | None:
        """The newest right to read this instance's credentials, open or not."""

    async def disclosures(self) -> Mapping[str, Disclosure]:
        """The newest one of every instance, by its name."""

    async def close_disclosure(self, actor: Actor, subject: str) -> None:
        """`Saved, forget them`. Idempotent; audited."""

    async def record(self, actor: Actor, action: str, subject: str, **detail: Any) -> None:
        """Append to the audit something that is neither a run nor a step (a showing)."""

    @property
    def credentials_window(self) -> timedelta:
        """How long credentials may be shown again after a run."""
