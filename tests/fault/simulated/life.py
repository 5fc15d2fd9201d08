"""One life of the bot in a simulation: the parts of `luthien serve` on simulated time, without
sockets, without DBOS (the runs table alone says what goes on) and without APScheduler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextvars import Context
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.routing import Route
from typing_extensions import override

import blueprints
import commands
from app.settings import Settings
from app.timers import ticks, watcher_of
from app.wiring import Parts, plane_settings, slack_door, tools
from engine import blueprint
from engine.capabilities import SpeaksInChannels
from engine.execute import Executor
from engine.plane import Plane
from engine.policy_file import StandingPolicy
from engine.registry import discover
from engine.store.journal import Journal
from engine.store.notices import StoredNotices
from engine.store.told import StoredTold
from engine.walk import Walk
from providers.luthien.provider import LuthienGateways
from providers.railway.provider import RailwayProvider
from providers.web.probe import WebProbe
from tests.fault.simulated.database import SimulatedDatabase
from tests.fault.simulated.loop import OWNER
from tests.fault.simulated.wire import RailwayTransport, SlackSession

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aiohttp

    from bot.door import SlackDoor
    from engine.blueprint import Blueprint
    from engine.clock import Clock
    from engine.notices import Waiting
    from engine.registry import Registry
    from engine.run import Event
    from scheduler.clock import Tick
    from tests.fault.simulated.wire import Wire

RAILWAY_URL = "http://127.0.0.1/railway/graphql/v2"


@cache
def _registry() -> Registry:
    return discover(commands)


@cache
def _blueprints() -> dict[str, Blueprint]:
    return dict(blueprint.load_all(Path(blueprints.__path__[0])))


class SimulatedExecutor(Executor):
    """Without DBOS, which dispatches and restarts by the same table."""

    @override
    async def launch(self) -> None:
        await self.resume()

    @override
    async def start(
        self, run_id: str, execution: int, *, new: bool = False, planned_here: bool = False
    ) -> None:
        if run_id in self._walks:
            return
        walk = Walk(run_id, execution, self._equipment)
        task = asyncio.create_task(walk.go(), name=f"run {run_id}")
        self._walks[run_id] = (walk, task)
        task.add_done_callback(lambda _: self._walks.pop(run_id, None))


class SimulatedJournal(Journal):
    """Followers look every second, and simulated minutes would be made of that: events, which
    nobody ever changes, are read once in a life."""

    @override
    async def events(self, *, run_id: str | None, after: int, limit: int = 500) -> list[Event]:
        database, kept = self._database, vars(self)
        assert isinstance(database, SimulatedDatabase)
        read: list[Event] = kept.setdefault("read", [])
        database.reached()
        if kept.get("commits") != database.commits:
            async with kept.setdefault("reading", asyncio.Lock()):
                newest, commits = read[-1].seq if read else 0, database.commits
                if database.has_event(newest):
                    read += await super().events(run_id=None, after=newest, limit=10_000)
                kept["commits"] = commits
        if not read or read[-1].seq <= after:
            return []
        found = [e for e in read if e.seq > after and run_id in (None, e.run_id)]
        return found[:limit]


class SimulatedNotices(StoredNotices):
    """The announcer looks every second, mostly for nothing: as long as nothing was written since
    it found nothing, there is nothing."""

    @override
    async def untold(self) -> Sequence[Waiting]:
        database, kept = self._database, vars(self)
        assert isinstance(database, SimulatedDatabase)
        database.reached()
        if kept.get("commits") == database.commits:
            return []
        commits = database.commits
        found = await super().untold()
        kept["commits"] = -1 if found else commits
        return found


class SimulatedTold(StoredTold):
    """As for notices."""

    @override
    async def untold_approvals(self) -> Sequence[str]:
        database, kept = self._database, vars(self)
        assert isinstance(database, SimulatedDatabase)
        database.reached()
        if kept.get("commits") == database.commits:
            return []
        commits = database.commits
        found = await super().untold_approvals()
        kept["commits"] = -1 if found else commits
        return found


class Life:
    """From `begin` to `kill`; the database outlives it."""

    def __init__(
        self,
        settings: Mapping[str, str],
        database: SimulatedDatabase,
        wire: Wire,
        clock: Clock,
    ) -> None:
        self._settings: dict[str, Any] = dict(settings)
        self._database = database
        self._wire = wire
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()
        self.context = Context()
        self.context.run(OWNER.set, self._tasks)
        self.application: Starlette | None = None
        self.plane: Plane | None = None
        self._door: SlackDoor | None = None

    @property
    def knows_itself(self) -> bool:
        """Slack has told who the bot is; before, it takes nothing, and says so."""
        return self._door is not None and self._door._ourselves.user != ""

    async def begin(self) -> None:
        """Returns when Slack reaches it, or when it died on the way."""
        loop = asyncio.get_running_loop()
        starting = loop.create_task(self._begin(), context=self.context)
        await asyncio.wait({starting})
        if not starting.cancelled():
            starting.result()

    async def kill(self) -> None:
        """At once: nothing is finished, nothing more reaches the database or anybody."""
        self.application = None
        self._database.cut()
        while self._tasks:
            tasks = [t for t in self._tasks if t is not asyncio.current_task()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self) -> None:
        transport = RailwayTransport(self._wire)
        clock = self._clock
        railway = RailwayProvider(
            RAILWAY_URL,
            "sandbox-account",
            None,
            "http://{domain}",
            clock=clock,
            transport=transport,
        )
        settings = Settings(_env_file=None, **self._settings)
        plane = Plane(
            plane_settings(settings, ""),
            database=self._database,
            registry=_registry(),
            toolbox=tools(railway, WebProbe(transport), LuthienGateways(transport)),
            blueprints=_blueprints(),
            clock=clock,
            checks=(),
            policy=StandingPolicy(),
        )
        plane._executor.__class__ = SimulatedExecutor
        plane.journal.__class__ = SimulatedJournal
        plane.notices.__class__ = SimulatedNotices
        parts = Parts(plane, clock, railway)
        door = slack_door(settings, parts, clock)
        plane.add_check(door.checks)
        plane.equip(SpeaksInChannels, door.rooms)
        session = SlackSession(self._wire, 15.0)
        door._narrator._stage.told.__class__ = SimulatedTold
        door._session = cast("aiohttp.ClientSession", session)
        door._voice._hook = session.hook
        self.plane, self._door = plane, door
        await plane.launch()
        await door.start()
        self._ticking = [
            asyncio.create_task(_now_and_then(tick, clock))
            for tick in ticks(parts, settings, watcher_of(parts, settings))
        ]
        handler = door.http_handler
        assert handler is not None
        self.application = Starlette(routes=[Route("/slack/events", handler, methods=["POST"])])


async def _now_and_then(tick: Tick, clock: Clock) -> None:
    while True:
        await clock.sleep(tick.every)
        with contextlib.suppress(Exception):
            await tick.act()


def quiet() -> None:
    """Trouble is what a simulation is about: nobody reads of it."""
    logging.disable(logging.CRITICAL)
