"""Wires the parts: one clock, the providers, the blueprints, the commands, the control plane."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import blueprints
from app import checks, own_deployment
from app.data import DataFolder, close_to_others, key_place, seal_keys
from app.reading import Reading, misconfigured
from engine import blueprint
from engine.actor import Actor, Door, Role
from engine.capabilities import (
    AdministersGateways,
    HostsSpaces,
    KeepsDatabases,
    MeasuresUse,
    ProbesUrls,
    ReadsRepositories,
    RunsServices,
    TellsAccess,
)
from engine.clock import SystemClock
from engine.errors import NotConfigured
from engine.last_good import LastGood
from engine.lease import Lease
from engine.plane import Plane, PlaneSettings, open_plane
from engine.policy_file import StandingPolicy
from engine.precedence import CALLS_APART, Precedence
from engine.roles import FixedRoles
from engine.store.database import open_database
from engine.store.memory import StoredMemory
from engine.store.told import StoredTold
from engine.world import Limits, Toolbox
from providers.luthien.provider import LuthienGateways
from providers.railway.provider import RailwayProvider
from providers.web.probe import WebProbe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

    from api.callers import Knows
    from api.web.app import WebSettings
    from app.settings import Settings
    from bot.door import SlackDoor
    from engine.clock import Clock
    from engine.people import People
    from engine.registry import Registry
    from engine.secrets import SealKeys

T = TypeVar("T")

CREDENTIALS_WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Parts:
    """What the doors are given."""

    plane: Plane
    clock: Clock
    railway: RailwayProvider | None = None
    precedence: Precedence = field(default_factory=Precedence)
    """Of acknowledgements over all other work."""


class _Unconfigured(Toolbox):
    """Lets commands that need no provider work, and tells the others what is not set."""

    def __init__(self, reading: Reading) -> None:
        super().__init__({})
        self._faults = reading.faults + reading.missing(serving=False)

    def use(self, capability: type[T]) -> T:
        if self.has(capability):
            return super().use(capability)
        raise misconfigured(self._faults)


@contextlib.asynccontextmanager
async def control_plane(
    reading: Reading,
    registry: Registry,
    *,
    keeping: Settings | None = None,
    local_url: str = "",
) -> AsyncIterator[Parts]:
    """The control plane over this data folder, whose lock the caller holds. Raises NotConfigured.

    `keeping`: the settings of another place for what it keeps. `local_url`: where this
    machine reaches the web page, when this process serves it. What it needs is made here and
    closed in the opposite order.
    """
    settings = reading.settings
    clock = SystemClock(settings.luthien_pace)
    lease = Lease(settings.luthien_lease)
    precedence = Precedence(calls_apart=CALLS_APART / settings.luthien_pace)
    plans = blueprint.load_all(Path(blueprints.__path__[0]))
    async with contextlib.AsyncExitStack() as closing:
        found = [checks.settings(reading)]
        if reading.faulty.isdisjoint({"DATABASE_URL", "LUTHIEN_DATA_DIR"}):
            found.append(checks.database(settings.database))
            if "LUTHIEN_MASTER_KEY" not in reading.faulty:
                found.append(checks.master_key(settings))
        toolbox: Toolbox = _Unconfigured(reading)
        railway: RailwayProvider | None = None
        if settings.railway_api_token is not None and "RAILWAY_API_URL" not in reading.faulty:
            railway = RailwayProvider(
                settings.railway_api_url,
                settings.railway_api_token.get_secret_value(),
                settings.railway_workspace_id,
                settings.luthien_gateway_url,
                clock=clock,
                peers=lambda: lease.peers,
                before_each=precedence.call,
            )
            closing.push_async_callback(railway.aclose)
            web = await closing.enter_async_context(WebProbe())
            gateways = await closing.enter_async_context(LuthienGateways())
            toolbox = tools(railway, web, gateways)
            found += [checks.railway(railway), checks.repositories(railway, plans)]
            if settings.own_place is not None:
                found.append(own_deployment.check(railway, settings.own_place))
        policy = await _policy(settings, registry, lenient=keeping is not None)
        found.append(checks.policy(policy))
        plane = await open_plane(
            plane_settings(keeping or settings, local_url, lease),
            registry=registry,
            toolbox=toolbox,
            blueprints=plans,
            clock=clock,
            checks=found,
            policy=policy if isinstance(policy, StandingPolicy) else None,
        )
        closing.push_async_callback(plane.close)
        yield Parts(plane, clock, railway, precedence)


def tools(railway: RailwayProvider, web: WebProbe, gateways: LuthienGateways) -> Toolbox:
    """Who is asked for what."""
    return Toolbox(
        {
            HostsSpaces: railway,
            RunsServices: railway,
            KeepsDatabases: railway,
            MeasuresUse: railway,
            ReadsRepositories: railway,
            TellsAccess: railway,
            ProbesUrls: web,
            AdministersGateways: gateways,
        }
    )


async def _policy(
    settings: Settings, registry: Registry, *, lenient: bool
) -> StandingPolicy | NotConfigured:
    """The file's, or what it said when it was last good. Raises NotConfigured when neither can be
    used, unless `doctor` is to say so."""
    path, commands = settings.luthien_policy, {c.name: c for c in registry.commands}
    try:
        try:
            return StandingPolicy(path, commands)
        except NotConfigured:
            return StandingPolicy(path, commands, await _last_good(settings))
    except NotConfigured as broken:
        if not lenient:
            raise
        return broken


async def _last_good(settings: Settings) -> str | None:
    """Also for a process that keeps nothing."""
    if settings.luthien_policy is None:
        return None
    try:
        opened = open_database(settings.database)
        try:
            return await LastGood(StoredMemory(opened, SystemClock())).recall(
                settings.luthien_policy
            )
        finally:
            await opened.close()
    except Exception:  # noqa: BLE001 (the database has a finding of its own)
        return None


def slack_door(settings: Settings, parts: Parts, clock: Clock | None = None) -> SlackDoor:
    """Not started yet. The settings have been found usable for serving. `clock`: Slack's, which
    runs in real time unless told otherwise."""
    # Imported late: most commands of the command line never speak to Slack.
    from bot.door import SlackDoor, SlackSettings

    return SlackDoor(
        parts.plane,
        StoredTold(parts.plane.database, parts.clock),
        parts.plane.notices,
        SlackSettings(
            bot_token=_revealed(settings.slack_bot_token) or "",
            app_token=_revealed(settings.slack_app_token),
            signing_secret=_revealed(settings.slack_signing_secret),
            api_url=settings.slack_api_url,
            channel=settings.luthien_channel,
            per_second=settings.luthien_person_rate,
        ),
        parts.plane.seals,
        clock,
        peers=parts.plane.replicas,
        precedence=parts.precedence,
    )


def web(keys: SealKeys, page: str) -> WebSettings:
    """Cookies and forms are signed with keys of their own, made from the master keys: what an
    earlier one signed is believed for as long as that is kept."""
    from api.web.app import WebSettings

    return WebSettings(
        keys=lambda: keys.digests("cookies and forms", about="web page"),
        secure=page.startswith("https://"),
    )


def knows(people: People) -> Knows:
    """Who is behind an actor's key, with the role they have at this moment."""

    async def known(key: str, name: str) -> Actor:
        door, _, known_as = key.partition(":")
        # The owner of the data folder may do everything; of others the role is looked up.
        role = Role.ADMIN if door == Door.CLI else Role.VIEWER
        return await people.now(Actor(door=Door(door), id=known_as, name=name, role=role))

    return known


@contextlib.asynccontextmanager
async def throw_away_plane(reading: Reading, registry: Registry) -> AsyncIterator[Parts]:
    """A control plane that keeps nothing: `doctor` and `help` work with any settings."""
    with tempfile.TemporaryDirectory(prefix="luthien-") as folder:
        harmless = {
            "luthien_data_dir": Path(folder),
            "database_url": None,
            "luthien_master_key": None,
        }
        keeping = reading.settings.model_copy(update=harmless)
        async with control_plane(reading, registry, keeping=keeping) as parts:
            yield parts


def _slack_key(user: str) -> str:
    """How the engine names somebody of whom the settings have the Slack id."""
    return f"{Door.SLACK}:{user}"


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def plane_settings(
    settings: Settings, local_url: str = "", lease: Lease | None = None
) -> PlaneSettings:
    data = DataFolder(settings.luthien_data_dir)
    data.make()
    if settings.sqlite_file is not None:
        close_to_others(settings.sqlite_file)
    embedded = settings.database.startswith("sqlite")
    return PlaneSettings(
        database_url=settings.database,
        dispatch_url=f"sqlite:///{(data.path / 'dispatch.db').absolute()}"
        if embedded
        else settings.database,
        keys=seal_keys(settings),
        key_place=key_place(settings),
        limits=Limits(
            delete_grace=settings.luthien_delete_grace,
            credentials_window=CREDENTIALS_WINDOW,
            public_url=settings.public_url if local_url else "",
            local_url=local_url,
            publishing=own_deployment.publishing(settings.own_place),
        ),
        roles=FixedRoles(
            admins=frozenset(map(_slack_key, settings.luthien_admins)),
            deployers=frozenset(map(_slack_key, settings.luthien_deployers)),
            default=settings.luthien_default_role,
        ),
        lease=lease or Lease(settings.luthien_lease),
        pace=settings.luthien_pace,
    )
