"""The control plane: the implementation of the verbs in `control_plane.py`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine import chronicle
from engine.actor import Actor, Origin
from engine.approval import Approval, ApprovalStatus, asked_anew
from engine.approvals import Approvals
from engine.command import Change, Command
from engine.context import Equipment, Retries
from engine.control_plane import Disclosure, Outcome, Request
from engine.deliveries import Deliveries
from engine.errors import OpsError
from engine.execute import APPLICATION_VERSION, Executor
from engine.feed import ALONE, LOOK_EVERY, Feed
from engine.following import follow, follow_all
from engine.keyring import Keyring
from engine.last_good import LastGood
from engine.lease import Lease
from engine.locks import Locks
from engine.people import People
from engine.performing import Performing
from engine.permission import Permissions
from engine.plan import Plan
from engine.planning import Planning
from engine.policy_file import StandingPolicy
from engine.roles import FixedRoles
from engine.run import RunStatus
from engine.steering import Steering
from engine.store.approvals import StoredApprovals
from engine.store.audit import AuditTrail
from engine.store.database import Database, open_database
from engine.store.forgetting import Forgetting
from engine.store.grants import StoredGrants
from engine.store.inbox import Inbox
from engine.store.journal import Journal
from engine.store.keyring import StoredKeyring
from engine.store.keys import StoredKeys
from engine.store.memory import StoredMemory
from engine.store.notices import StoredNotices
from engine.store.replicas import Replicas
from engine.store.sessions import StoredSessions
from engine.store.signals import CANCEL, EVENTS, GRANTS
from engine.submission import Submission
from engine.telemetry import expect_runs
from engine.world import Limits, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from datetime import datetime

    from engine.answer import Answer
    from engine.blueprint import Blueprint
    from engine.clock import Clock
    from engine.control_plane import Tell
    from engine.form import Form
    from engine.keyring import KeyPlace
    from engine.permission import Ruling
    from engine.registry import Registry
    from engine.rights import Rights
    from engine.run import Event, RunBrief, RunView
    from engine.secrets import SealKeys
    from engine.world import Check, Toolbox


GRANTS_LOOKED_AT = timedelta(seconds=1)
"""A role that another process gave or took counts after this time, should its signal be lost."""


@dataclass(frozen=True)
class PlaneSettings:
    """`database_url` is SQLAlchemy's asynchronous form; `dispatch_url` is where DBOS keeps its
    own tables. `roles` are those that nobody can take away from within; `pace` says how much
    faster than the real ones the vendors are."""

    database_url: str
    dispatch_url: str
    keys: SealKeys
    limits: Limits
    roles: FixedRoles = field(default_factory=FixedRoles)
    retries: Retries = field(default_factory=Retries)
    lease: Lease = field(default_factory=Lease)
    pace: float = 1.0
    key_place: KeyPlace | None = None
    """Where `keys` are kept; None: they were given as a setting."""


class Plane:
    """Made by `open_plane`; every door holds this one object."""

    def __init__(
        self,
        settings: PlaneSettings,
        *,
        database: Database,
        registry: Registry,
        toolbox: Toolbox,
        blueprints: Mapping[str, Blueprint],
        clock: Clock,
        checks: Sequence[Check],
        policy: StandingPolicy,
    ) -> None:
        self.registry = registry
        changes = [known.name for known in registry.commands if issubclass(known, Change)]
        expect_runs(changes, [status for status in RunStatus if status.over])
        self.database = database
        self.audit = AuditTrail(database)
        self.seals = settings.keys
        self.keys = StoredKeys(database, settings.keys, clock)
        self.sessions = StoredSessions(database, settings.keys, clock)
        self._settings = settings
        self._toolbox = toolbox
        self._blueprints = blueprints
        self._clock = clock
        self._checks = list(checks)
        self._feed = Feed(ALONE if database.embedded else LOOK_EVERY)
        self.journal = Journal(database, self._feed, clock, settings.pace)
        self.memory = StoredMemory(database, clock)
        self.notices = StoredNotices(database, clock)
        self.forgetting = Forgetting(database)
        grants = StoredGrants(database, clock, None if database.embedded else GRANTS_LOOKED_AT)
        self.people = People(settings.roles, grants, keys=self.keys)
        self.permissions = Permissions(
            policy,
            self.notices,
            self.people,
            self.journal,
            registry,
            clock,
            LastGood(self.memory),
        )
        self.replicas = Replicas(
            database,
            f"{APPLICATION_VERSION}-{registry.fingerprint}",
            settings.lease.check,
            settings.keys,
        )
        self.keyring = StoredKeyring(database, settings.keys, settings.key_place, clock)
        toolbox.add(Keyring, self.keyring)
        self._lease = settings.lease
        database.on_lost = settings.lease.lost
        self._inbox = Inbox(database, settings.keys, registry, clock, self.replicas.id)
        planning = Planning(
            self.journal, registry, settings.keys, clock, self._permit, self._world
        )
        equipment = Equipment(
            self.journal,
            registry,
            toolbox,
            clock,
            settings.limits,
            settings.retries,
            settings.keys,
            planning.now,
        )
        self._executor = Executor(settings.dispatch_url, equipment, self.replicas)
        self.approvals = Approvals(
            self.journal,
            StoredApprovals(database),
            self._executor,
            registry,
            self.permissions,
            settings.keys,
            plan=planning.at,
            current=self.people.now,
        )
        self.replicas.on(EVENTS, lambda _: self._feed.wake_soon())
        self.replicas.on(CANCEL, self._executor.stop)
        self.replicas.on(GRANTS, lambda _: grants.changed())
        self.journal.on_turn = self._executor.start_soon
        self.locks = Locks(self.journal)
        self._steering = Steering(self.journal, self._executor, registry, self._permit)
        self._submission = Submission(
            self.journal, self._executor, self.permissions, self.approvals, planning
        )
        self._performing = Performing(
            self.journal,
            registry,
            self.people,
            self.permissions,
            self._submission,
            self._permit,
            self._world,
        )
        self._deliveries = Deliveries(self._inbox, self.journal, self._feed, self._delivered)
        self._launched = False

    # ── life ──────────────────────────────────────────────────────────────────────────────────

    async def join(self) -> None:
        """Become one of the processes that share the database; before anything is accepted."""
        await self._lease.hold(self.replicas, self._at_each_beat)

    async def launch(self) -> None:
        """Take up what an earlier process left, and be ready for more."""
        if not self.replicas.joined:
            await self.join()
        await self._executor.launch()
        self._launched = True

    async def resume(self) -> None:
        """Take up runs that should be going on and are not; safe at any time."""
        if self._launched and not self._submission.draining:
            await self._executor.resume()

    async def _at_each_beat(self) -> None:
        """What other replicas left or asked for; the only process of an embedded database need
        not look."""
        if not self.database.embedded:
            await self.resume()
            await self._executor.heed()

    async def close(self) -> None:
        """Refuse new work, finish writes under way, leave the rest to the next start."""
        self._submission.draining = True
        await self._executor.drain()
        await self._lease.release()
        await self.database.close()

    def equip(self, capability: type[Any], provider: object) -> None:
        """For what only a door can do (speak in a channel)."""
        self._toolbox.add(capability, provider)

    def add_check(self, check: Check) -> None:
        """For parts that exist only after the plane does (doors)."""
        self._checks.append(check)

    # ── commands ──────────────────────────────────────────────────────────────────────────────

    async def ask(self, actor: Actor, command: Command, origin: Origin) -> Answer:
        return await self._performing.ask(actor, command, origin)

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None:
        await self._permit(actor, command, subject)

    async def rights(self, actor: Actor) -> Rights:
        return await self._performing.rights(actor)

    async def complete(self, command: Command) -> None:
        if isinstance(command, Change) and not command.asks and command.settled:
            await self.permissions.check_name(command)

    async def policy(self) -> StandingPolicy:
        await self.permissions.policy()
        return self.permissions.standing

    async def explain(self, actor: Actor, command: Command | type[Command]) -> Sequence[Ruling]:
        return await self.permissions.explain(await self.people.now(actor), command)

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form:
        return await self._performing.form(actor, command, raw, origin)

    async def preview(self, actor: Actor, command: Change, origin: Origin) -> Plan:
        return await self._performing.preview(actor, command, origin)

    async def submit(
        self, actor: Actor, command: Change, origin: Origin, *, delivery: str | None = None
    ) -> RunView:
        return await self._submission(actor, command, origin, delivery)

    async def perform(
        self,
        actor: Actor,
        command: Command,
        origin: Origin,
        *,
        plan_only: bool = False,
        delivery: str | None = None,
    ) -> Outcome:
        return await self._performing.perform(
            actor, command, origin, plan_only=plan_only, delivery=delivery
        )

    # ── deliveries ────────────────────────────────────────────────────────────────────────────

    async def accept(self, request: Request) -> bool:
        actor, origin = request.actor, request.origin
        try:
            command = request.command.checked(self._world(actor, origin))
        except OpsError as error:
            chronicle.refused(
                error, actor=actor.key, command=request.command.name, request=request.delivery
            )
            raise
        new = await self._inbox.add(replace(request, command=command))
        if new:
            chronicle.accepted(
                door=origin.door,
                command=asked_anew(command.line()),
                actor=actor.key,
                request=request.delivery,
            )
        return new

    async def handle(self, delivery: str, tell: Tell | None = None) -> Outcome | None:
        return await self._deliveries.handle(delivery, tell)

    async def _delivered(self, request: Request) -> Outcome:
        return await self.perform(
            request.actor,
            request.command,
            request.origin,
            plan_only=request.plan_only,
            delivery=request.delivery,
        )

    async def unhandled(self) -> Sequence[Request]:
        return await self._inbox.pending()

    async def started_by(self, delivery: str) -> RunView | None:
        return await self.journal.by_delivery(delivery)

    async def forget_deliveries(self, before: datetime) -> int:
        return await self._inbox.forget(before)

    async def forget_runs(self, before: datetime) -> int:
        """Runs that ended before then and hold nothing any more, with everything about them, the
        executor's own rows included; the audit stays. Returns how many."""
        forgotten = await self.forgetting.runs(before)
        await self._executor.forget(before)
        return forgotten

    async def forget_notices(self, before: datetime) -> int:
        """Those that were told before then, or waited all that time. Returns how many."""
        return await self.forgetting.notices(before)

    # ── runs ──────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, actor: Actor, run_id: str) -> RunView:
        return await self._steering.cancel(actor, run_id)

    async def retry(self, actor: Actor, run_id: str) -> RunView:
        return await self._steering.again(actor, run_id, removing=False)

    async def clean_up(self, actor: Actor, run_id: str) -> RunView:
        return await self._steering.again(actor, run_id, removing=True)

    async def show(self, run_id: str) -> RunView:
        return await self.journal.run(run_id)

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]:
        return await self.journal.runs(
            subject=subject, statuses=statuses, limit=limit, before=before
        )

    async def known_runs(self, ids: Collection[str]) -> Mapping[str, RunBrief]:
        return {run.id: run for run in await self.journal.briefs(ids)}

    async def runs_since(self, since: datetime) -> Sequence[RunBrief]:
        return await self.journal.runs_since(since)

    async def holder_of(self, lock: str) -> RunView | None:
        run_id = await self.journal.holder(lock)
        return await self.journal.run(run_id) if run_id else None

    # ── approvals ─────────────────────────────────────────────────────────────────────────────

    async def approve(self, actor: Actor, wanted: str) -> RunView:
        return await self.approvals.approve(actor, wanted)

    async def reject(self, actor: Actor, wanted: str, reason: str) -> RunView:
        return await self.approvals.reject(actor, wanted, reason)

    async def list_approvals(
        self,
        statuses: Sequence[ApprovalStatus] = (ApprovalStatus.WAITING,),
        *,
        subject: str = "",
        limit: int = 100,
    ) -> Sequence[Approval]:
        return await self.approvals.book.listed(statuses, subject=subject, limit=limit)

    async def expire_approvals(self) -> int:
        await self.permissions.policy()  # so that a change of it is told although nobody asks
        return await self.approvals.expire(self._clock.now())

    # ── events ────────────────────────────────────────────────────────────────────────────────

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        return follow(self.journal, self._feed, run_id, after)

    def follow_all(self, after: int | None = None) -> AsyncIterator[Event]:
        return follow_all(self.journal, self._feed, after)

    # ── disclosures and audit ─────────────────────────────────────────────────────────────────

    async def disclosure(self, subject: str) -> Disclosure | None:
        return await self._inbox.disclosure(subject)

    async def disclosures(self) -> Mapping[str, Disclosure]:
        return await self._inbox.disclosures()

    async def close_disclosure(self, actor: Actor, subject: str) -> None:
        await self._inbox.close_disclosure(actor, subject)

    async def record(self, actor: Actor, action: str, subject: str, **detail: Any) -> None:
        async with self.journal.transaction() as tx:
            await tx.audit(actor, action, subject=subject, **detail)

    @property
    def credentials_window(self) -> timedelta:
        return self._settings.limits.credentials_window

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    async def _permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> Actor:
        """The actor with the role of this moment. Raises NotAllowed."""
        actor = await self.people.now(actor)
        await self.permissions.permit(actor, command, subject)
        return actor

    def _world(
        self, actor: Actor, origin: Origin, run_id: str = "", delivery: str | None = None
    ) -> World:
        return World(
            actor=actor,
            origin=origin,
            run_id=run_id,
            delivery=delivery or "",
            control=self,
            registry=self.registry,
            toolbox=self._toolbox,
            blueprints=self._blueprints,
            clock=self._clock,
            limits=self._settings.limits.seen_from(actor.door),
            notices=self.notices,
            memory=self.memory,
            people=self.people,
            locks=self.locks,
            checks=self._checks,
        )


async def open_plane(
    settings: PlaneSettings,
    *,
    registry: Registry,
    toolbox: Toolbox,
    blueprints: Mapping[str, Blueprint],
    clock: Clock,
    checks: Sequence[Check] = (),
    policy: StandingPolicy | None = None,
) -> Plane:
    """Opens and migrates the database. Call `launch` when the doors are ready, `close` at last.
    Without a `policy` the built-in one is in force."""
    database = open_database(settings.database_url, settings.keys)
    try:
        await database.migrate()
        plane = Plane(
            settings,
            database=database,
            registry=registry,
            toolbox=toolbox,
            blueprints=blueprints,
            clock=clock,
            checks=checks,
            policy=policy or StandingPolicy(),
        )
        await plane.replicas.agree()
        await (
            plane.permissions.policy()
        )  # kept before anybody asks, and told if it is not the file
    except BaseException:
        await database.close()
        raise
    return plane
