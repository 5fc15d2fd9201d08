"""Railway's world: what exists, what time it is there, and what happens by itself."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.railway import records
from sandbox.railway.happenings import HAPPENINGS
from sandbox.railway.rates import Rates
from sandbox.railway.records import Due, Table
from sandbox.railway.seeded import Seeded
from sandbox.railway.settings import WorldSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.server import Settings
    from sandbox.traffic import Traffic


class World:
    """Everything that exists on the stand-in.

    Time is the wall clock; `speed` only divides how long Railway's own work takes. What is due is
    carried out, in order and at its own time, before anything else is read or changed.
    """

    def __init__(self, settings: Settings, traffic: Traffic, changed: Callable[[], None]) -> None:
        self.speed = settings.speed
        self.port = settings.port
        self.traffic = traffic
        self.chance = Seeded(settings.seed)
        self.rates = Rates(settings.speed)
        self._save = changed
        self._moment: float | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._clock: asyncio.Task[None] | None = None
        self.reset()

    def reset(self) -> None:
        """An empty account with one workspace, the same every time."""
        self.restore({})
        self.chance.counters["workspace"] = 0
        self.workspaces.add(
            records.Workspace(self.chance.uuid("workspace"), "Luthien Sandbox", self.now())
        )

    # -- persistence ----------------------------------------------------------------------------

    def restore(self, state: dict[str, Any]) -> None:
        self.settings = WorldSettings.of(state.get("settings", {}))
        # Ids go on from here: who knows us has seen those before.
        for kind, count in state.get("counters", {}).items():
            self.chance.counters[kind] = max(count, self.chance.counters.get(kind, 0))
        self.variables: dict[str, dict[str, str]] = {}
        for key, values in state.get("variables", {}).items():
            self.variables[key] = dict(values)
            self.traffic.mask.learn_variables(values)
        self.app_data: dict[str, dict[str, Any]] = dict(state.get("app_data", {}))
        self.last: dict[str, float] = dict(state.get("last", {}))
        self.http: dict[str, list[dict[str, Any]]] = {}
        self._make_tables()
        for name, table in self._tables.items():
            table.restore(state.get(name, []))
        self._agenda = [(due.at, due.id) for due in self.due.values()]
        heapq.heapify(self._agenda)

    def _make_tables(self) -> None:
        by_place = ("project_id", "environment_id", "service_id")
        self.workspaces = Table(records.Workspace)
        self.projects = Table(records.Project, "workspace_id")
        self.environments = Table(records.Environment, "project_id")
        self.services = Table(records.Service, "project_id")
        self.instances = Table(records.ServiceInstance, *by_place)
        self.deployments = Table(records.Deployment, *by_place, "instance_id")
        self.domains = Table(records.ServiceDomain, *by_place, "domain")
        self.custom_domains = Table(records.CustomDomain, *by_place, "domain")
        self.tcp_proxies = Table(records.TcpProxy, "environment_id", "service_id")
        self.triggers = Table(records.Trigger, *by_place)
        self.volumes = Table(records.Volume, "project_id")
        self.volume_instances = Table(records.VolumeInstance, "volume_id", "environment_id")
        self.backups = Table(records.Backup, "volume_instance_id")
        self.workflows = Table(records.Workflow)
        self.project_tokens = Table(records.ProjectToken, "project_id", "secret")
        self.patches = Table(records.Patch, "environment_id")
        self.events = Table(records.Event, "project_id")
        self.due = Table(records.Due, "subject")
        self._tables: dict[str, Table[Any]] = {
            name: value for name, value in vars(self).items() if isinstance(value, Table)
        }

    def snapshot(self) -> dict[str, Any]:
        self.settle()
        return {
            "settings": self.settings.as_json(),
            "counters": self.chance.counters,
            "variables": self.variables,
            "app_data": self.app_data,
            "last": self.last,
            **{name: table.snapshot() for name, table in self._tables.items()},
        }

    # -- looking up -----------------------------------------------------------------------------

    def instance(self, service_id: str, environment_id: str) -> records.ServiceInstance | None:
        for instance in self.instances.of(service_id=service_id):
            if instance.environment_id == environment_id and instance.deleted_at is None:
                return instance
        return None

    # -- time -----------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the epoch; while something that was due happens, the time it was due."""
        return times.now() if self._moment is None else self._moment

    def takes(self, seconds: float) -> float:
        """How long Railway's own work of so many seconds takes here."""
        return seconds / self.speed

    def later(self, seconds: float, action: str, subject: str) -> None:
        """Let something happen after so many of Railway's seconds."""
        due = Due(self.chance.uuid("due"), self.now() + self.takes(seconds), action, subject)
        self.due.add(due)
        heapq.heappush(self._agenda, (due.at, due.id))

    def call_off(self, action: str, subject: str) -> None:
        """Whatever of this kind was due for a subject does not happen."""
        for due in [d for d in self.due.of(subject=subject) if d.action == action]:
            self.due.discard(due)

    def settle(self) -> None:
        """Carry out everything that is due by now."""
        if self._moment is not None:
            return
        until = times.now()
        while self._agenda and self._agenda[0][0] <= until:
            at, due_id = heapq.heappop(self._agenda)
            due = self.due.get(due_id)
            if due is None:
                continue
            self.due.discard(due)
            self._moment = at
            try:
                HAPPENINGS[due.action](self, due.subject)
            finally:
                self._moment = None
            self.changed()

    def changed(self, **hint: Any) -> None:
        """Something is different now: save it, wake who waits for it, tell the page."""
        self._save()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self.traffic.publish({"type": "railway", **hint})

    async def start(self) -> None:
        self._clock = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            await asyncio.wait([self._clock])

    async def _run(self) -> None:
        """Let things happen on time even while nobody asks."""
        while True:
            self.settle()
            await self.stirred()

    async def stirred(self, at_most: float | None = None) -> None:
        """Wait until something changed or is due, or for so many seconds."""
        waits = [] if at_most is None else [at_most]
        if self._agenda:
            waits.append(max(self._agenda[0][0] - times.now(), 0.0))
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait([waiting], timeout=min(waits, default=None))
        finally:
            self._waiting.discard(waiting)
