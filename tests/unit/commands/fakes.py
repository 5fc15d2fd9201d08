"""What stands around commands and steps: the context of a step, the control plane of a command."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from engine.actor import Role
from engine.approval import ApprovalStatus
from engine.control_plane import AuditCheck, AuditFault
from engine.errors import Locked, NotAllowed, NotFound
from engine.locks import Hold
from engine.memory import Remembered
from engine.notices import Notice, Waiting
from engine.run import RunStatus
from engine.step import Ref, Stopped
from tests.unit.access import FakeKeys, FakeSessions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from engine.actor import Actor, Origin
    from engine.answer import Offer
    from engine.approval import Approval
    from engine.command import Change, Command
    from engine.control_plane import AuditEntry, Disclosure
    from engine.keyring import Census
    from engine.memory import Revision
    from engine.permission import Permissions, Ruling
    from engine.policy_file import StandingPolicy
    from engine.registry import Registry
    from engine.rights import Rights
    from engine.run import RunBrief, RunView
    from engine.step import Result, Value
    from tests.unit.commands.clock import FakeClock
    from tests.unit.commands.host import FakeHost

T = TypeVar("T")


class FakeContext:
    """What a step sees, for one try of it."""

    def __init__(
        self,
        host: FakeHost,
        *,
        run_id: str = "r2run",
        results: Mapping[str, Result] | None = None,
        attempt: int = 1,
        uncertain: bool = False,
        actor: str = "slack:U0ADA",
    ) -> None:
        self.run_id = run_id
        self.actor = actor
        self.attempt = attempt
        self.notes: list[str] = []
        self.made: dict[str, str] = {}
        self.stopping = False
        self.secrets: dict[str, str] = {}
        self._host = host
        self._results = dict(results or {})
        self._uncertain = uncertain
        self._began = host.clock.now()

    @property
    def uncertain(self) -> bool:
        return self._uncertain

    def use(self, capability: type[T]) -> T:
        return self._host.toolbox().use(capability)

    def value(self, value: Value) -> str:
        if not isinstance(value, Ref):
            return value
        key, _, name = value.ref.partition(".")
        return str(self._results[key][name])

    def result(self, key: str) -> Result:
        return self._results[key]

    async def note(self, text: str, **data: Any) -> None:
        if not self.notes or self.notes[-1] != text:
            self.notes.append(text)

    async def created(self, kind: str, resource_id: str, name: str) -> None:
        self.made[resource_id] = name

    async def secret(self, name: str) -> str:
        return self.secrets[name]

    async def keep_secret(self, name: str, value: str) -> None:
        self.secrets[name] = value

    async def pause(self, duration: timedelta) -> None:
        if self.stopping:
            raise Stopped
        await self._host.clock.sleep(duration)

    def now(self) -> datetime:
        return self._host.clock.now()

    def elapsed(self) -> timedelta:
        return self.now() - self._began


@dataclass
class FakeAudit:
    """Rows as they are given, oldest first."""

    rows: Sequence[AuditEntry] = ()
    broken_at: int | None = None
    fault: AuditFault = AuditFault.ALTERED
    unproven: int = 0

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
        found = [
            row
            for row in reversed(self.rows)
            if (since is None or row.at >= since)
            and (not actor or f":{row.actor}".endswith(f":{actor}"))
            and subject in ("", row.subject)
            and (not actions or row.action in actions)
        ]
        return found[skip : skip + limit]

    async def verify(self, anchor: str = "") -> AuditCheck:
        if anchor and not self.head_now.startswith(anchor):
            fault, at = AuditFault.REPLACED, int(anchor.partition(":")[0])
            return AuditCheck(len(self.rows), at, fault)
        if self.broken_at is None:
            return AuditCheck(len(self.rows), None, head=self.head_now, unproven=self.unproven)
        return AuditCheck(len(self.rows), self.broken_at, self.fault)

    async def head(self) -> str:
        return self.head_now

    @property
    def head_now(self) -> str:
        return f"{len(self.rows)}:{'ab12' * 16}"


@dataclass
class FakeKeyring:
    """Knows what it is given; nothing changes."""

    found: Census

    async def census(self) -> Census:
        return self.found


class FakeControl:
    """The verbs of the control plane that commands use: knows the runs and rights that it is
    given, and remembers what it was asked to do."""

    def __init__(
        self,
        registry: Registry,
        *,
        runs: Sequence[RunView] = (),
        disclosures: Sequence[Disclosure] = (),
        audit: FakeAudit | None = None,
        permissions: Permissions | None = None,
        keys: FakeKeys | None = None,
        sessions: FakeSessions | None = None,
    ) -> None:
        self.registry = registry
        self.audit = audit or FakeAudit()
        self.keys = keys or FakeKeys()
        self.sessions = sessions or FakeSessions()
        self._permissions = permissions
        self.runs = {run.id: run for run in runs}
        self.disclosed = {d.subject: d for d in disclosures}
        self.recorded: list[tuple[str, str, str]] = []
        self.asked: list[tuple[str, str]] = []

    async def show(self, run_id: str) -> RunView:
        if run_id not in self.runs:
            raise NotFound(f"There is no run `{run_id}`.", next_step="/luthien runs")
        return self.runs[run_id]

    @property
    def permissions(self) -> Permissions:
        assert self._permissions is not None
        return self._permissions

    async def approve(self, actor: Actor, wanted: str) -> RunView:
        self.asked.append(("approve", wanted))
        return self._decided(wanted, ApprovalStatus.GRANTED, RunStatus.QUEUED)

    async def reject(self, actor: Actor, wanted: str, reason: str) -> RunView:
        self.asked.append(("reject", f"{wanted}: {reason}"))
        return self._decided(wanted, ApprovalStatus.REJECTED, RunStatus.CANCELLED)

    def _decided(self, wanted: str, to: ApprovalStatus, status: RunStatus) -> RunView:
        run = self.runs[wanted]
        assert run.approval is not None
        approval = run.approval.model_copy(update={"status": to})
        return run.model_copy(update={"approval": approval, "status": status})

    async def list_approvals(
        self, statuses: Sequence[ApprovalStatus], *, subject: str = "", limit: int = 100
    ) -> Sequence[Approval]:
        found = [run.approval for run in self.runs.values() if run.approval]
        return [a for a in found if a.status in statuses][:limit]

    async def policy(self) -> StandingPolicy:
        await self.permissions.policy()
        return self.permissions.standing

    async def rights(self, actor: Actor) -> Rights:
        return await self.permissions.rights(actor)

    async def explain(self, actor: Actor, command: Command | type[Command]) -> Sequence[Ruling]:
        return await self.permissions.explain(actor, command)

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]:
        found = [
            run
            for run in self.runs.values()
            if subject in (None, run.subject) and (not statuses or run.status in statuses)
        ]
        newest = sorted(found, key=lambda run: run.created_at, reverse=True)
        older = [run.id for run in newest].index(before) + 1 if before else 0
        return newest[older : older + limit]

    async def known_runs(self, ids: Collection[str]) -> dict[str, RunBrief]:
        return {run_id: self.runs[run_id] for run_id in ids if run_id in self.runs}

    async def runs_since(self, since: datetime) -> Sequence[RunBrief]:
        newest = await self.list_runs(limit=len(self.runs))
        return [run for run in newest if run.created_at >= since]

    async def holder_of(self, lock: str) -> RunView | None:
        return next((run for run in self.runs.values() if lock in run.locks), None)

    async def disclosure(self, subject: str) -> Disclosure | None:
        return self.disclosed.get(subject)

    async def disclosures(self) -> dict[str, Disclosure]:
        return self.disclosed

    async def close_disclosure(self, actor: Actor, subject: str) -> None:
        self.asked.append(("close_disclosure", subject))
        if subject in self.disclosed:
            self.disclosed[subject] = replace(self.disclosed[subject], open=False)

    async def record(self, actor: Actor, action: str, subject: str, **detail: Any) -> None:
        self.recorded.append((actor.key, action, subject))

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        return self._became("cancel", run_id, "cancelling")

    async def retry(self, actor: Actor, run_id: str) -> RunView:
        return self._became("retry", run_id, "queued")

    async def clean_up(self, actor: Actor, run_id: str) -> RunView:
        return self._became("clean_up", run_id, "queued")

    def _became(self, asked: str, run_id: str, status: str) -> RunView:
        self.asked.append((asked, run_id))
        changed = self.runs[run_id].model_dump() | {"status": status}
        self.runs[run_id] = type(self.runs[run_id]).model_validate(changed)
        return self.runs[run_id]

    async def submit(
        self, actor: Actor, command: Change, origin: Origin, *, delivery: str | None = None
    ) -> RunView:
        lock = command.locks()[0]
        await self.permissions.permit(actor, command)
        self.asked.append(("submit", f"{command.line()} by {actor.key} as {delivery}"))
        holder = await self.holder_of(lock)
        if holder is not None:
            raise Locked(f"`{lock}` is held by run {holder.id}.")
        return next(iter(self.runs.values()))


class FakeMemory:
    """What is remembered; what is to be told because of it goes to the notices."""

    def __init__(self, clock: FakeClock, notices: FakeNotices) -> None:
        self.clock = clock
        self.notices = notices
        self.entries: dict[str, dict[str, Remembered]] = defaultdict(dict)
        self.revisions = 0

    async def recall(self, kind: str) -> Mapping[str, Remembered]:
        return dict(self.entries[kind])

    async def revise(self, revisions: Sequence[Revision], notices: Sequence[Notice] = ()) -> bool:
        nothing = Remembered(0, {})
        if any(self.entries[r.kind].get(r.key, nothing).version != r.seen for r in revisions):
            return False
        for one in revisions:
            self.revisions += 1
            if one.value is None:
                del self.entries[one.kind][one.key]
            else:
                value = json.loads(json.dumps(one.value))
                self.entries[one.kind][one.key] = Remembered(one.seen + 1, value)
        for notice in notices:
            await self.notices.announce(notice)
        return True


class FakeLocks:
    """What people hold as it is given; the runs of the control plane stand in line."""

    def __init__(self, clock: FakeClock, control: FakeControl, known: Sequence[Hold]) -> None:
        self.clock = clock
        self.control = control
        self.known = {hold.lock: hold for hold in known}
        self.asked: list[str] = []

    async def held(self) -> Sequence[Hold]:
        return [self.known[lock] for lock in sorted(self.known)]

    async def held_on(self, lock: str) -> Hold | None:
        return self.known.get(lock)

    async def taken(self) -> Sequence[str]:
        return [lock for run in self.control.runs.values() for lock in run.locks]

    async def line(self, lock: str) -> Sequence[RunView]:
        found = [r for r in self.control.runs.values() if r.in_line and r.in_line.lock == lock]
        return sorted(found, key=lambda run: run.in_line.place if run.in_line else 0)

    async def lines(self) -> Sequence[str]:
        return sorted({r.in_line.lock for r in self.control.runs.values() if r.in_line})

    async def hold(self, actor: Actor, lock: str, reason: str) -> Hold:
        self.asked.append(f"hold {lock}: {reason}")
        found = self.known.get(lock)
        since = found.since if found else self.clock.now()
        self.known[lock] = Hold(lock, actor, reason, since)
        return self.known[lock]

    async def release(self, actor: Actor, lock: str, *, steal: str = "") -> Hold:
        self.asked.append(f"release {lock}: {steal}")
        return self.known.pop(lock)


@dataclass(frozen=True)
class FakeRoles:
    """Who has which role, and who created how much."""

    people: Sequence[Actor]
    created: int = 0

    async def with_role(self, role: Role) -> Sequence[str]:
        return [person.key for person in self.people if person.role >= role]

    async def role_of(self, key: str) -> Role | None:
        return next((person.role for person in self.people if person.key == key), Role.VIEWER)

    async def person(self, actor: Actor) -> str:
        return actor.person

    async def person_behind(self, key: str) -> str:
        return key

    async def not_enough(self, actor: Actor, command: Command | type[Command]) -> NotAllowed:
        return NotAllowed(f"`{command.name}` needs the role {command.role.label}.")

    async def created_since(self, actor: Actor, commands: Sequence[str], since: datetime) -> int:
        return self.created


class FakeNotices:
    """`warned` says how long ago a notice was told, by its key."""

    def __init__(self, clock: FakeClock, warned: Mapping[str, timedelta]) -> None:
        self.clock = clock
        self.waiting: dict[str, Notice] = {}
        self.remarks: dict[str, str] = {}
        self.told_at = {key: clock.now() - age for key, age in warned.items()}

    async def announce(self, notice: Notice) -> None:
        if notice.key not in self.told_at:
            self.waiting[notice.key] = notice

    async def withdraw(self, prefix: str, *, keep: Collection[str], remark: str) -> None:
        for key in list(self.waiting):
            if key.startswith(prefix) and key not in keep:
                del self.waiting[key]
        over = [key for key in self.told_at if key.startswith(prefix) and key not in keep]
        self.remarks |= dict.fromkeys(over, remark) if remark else {}

    async def forget(self, key: str) -> None:
        raise NotImplementedError(key)

    async def offering(self, word: str) -> Sequence[Notice]:
        raise NotImplementedError(word)

    async def amend(self, key: str, offers: Collection[Offer], remark: str) -> None:
        raise NotImplementedError((key, offers, remark))

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        return {key: at for key, at in self.told_at.items() if key in keys}

    async def untold(self) -> Sequence[Waiting]:
        return [Waiting(notice, self.clock.now()) for notice in self.waiting.values()]

    async def tell(self, notice: Notice) -> None:
        self.waiting.pop(notice.key, None)
        self.told_at.setdefault(notice.key, self.clock.now())
