"""An instance: one living copy of the blueprint, read from the host, which is the truth.

With an empty database every instance is still found: its space's name, mark and services tell all
that matters.
"""

from __future__ import annotations

import asyncio
import difflib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from commands.instance_state import InstanceStatus, state_of
from commands.marks import Mark, MarkKind
from commands.names import may_be_shortened, space_name
from engine.capabilities import DeployState, HostsSpaces, RunsServices, ServiceSettings
from engine.errors import NotFound, ProviderError
from engine.situation import Situation
from engine.words import listed, moment, typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.blueprint import Blueprint
    from engine.capabilities import Listing, Service, Space
    from engine.run import RunView
    from engine.world import World

BLUEPRINT = "luthien"
"""The blueprint that instances are copies of."""
REMOVING = ("expire", "delete")
"""Commands whose runs take an instance away."""
_RESTARTS = (DeployState.RUNNING, DeployState.CRASHED)
_LATEST = 5
"""Runs about a name that are looked at for what became of it."""


@dataclass(frozen=True)
class Instance:
    name: str
    space: Space
    mark: Mark
    blueprint: Blueprint = field(repr=False, compare=False)
    status: InstanceStatus
    reason: str = ""
    """Why it is not simply running; one line, may be empty."""
    named_dockerfile: str = ""
    """The Dockerfile that variables of what people reach name, where that was asked."""

    @property
    def deletion_at(self) -> datetime | None:
        return self.mark.deletion_at

    @cached_property
    def front(self) -> Service | None:
        """The service that people reach; None while it is missing."""
        return self.space.service(self.blueprint.front.name)

    @property
    def url(self) -> str:
        """Where it is reached; empty while it is not public."""
        return self.front.url if self.front else ""

    @cached_property
    def missing(self) -> Sequence[str]:
        """The parts of the blueprint that it lacks."""
        return [name for name in self.blueprint.parts if self.space.service(name) is None]

    @property
    def unaccounted(self) -> list[str]:
        """Those of them that nobody has accepted by adopting it without."""
        return [name for name in self.missing if name not in self.mark.without]

    @cached_property
    def missing_settings(self) -> ServiceSettings:
        """How what people reach is built and run, as far as that is not set on the host."""
        if self.status is InstanceStatus.PROVISIONING:
            return ServiceSettings()
        missing = missing_settings(self.space, self.blueprint)
        if missing.dockerfile and self.named_dockerfile:
            return replace(missing, dockerfile=self.named_dockerfile)
        return missing

    @property
    def needs_repair(self) -> bool:
        """Whether its next deployment would lack settings; not asked of one that is to go."""
        return bool(self.missing_settings.given) and self.deletion_at is None

    @cached_property
    def alone(self) -> Situation:
        """Its situation, were nobody else there and no time passing."""
        deployment = self.front.deployment if self.front else None
        return Situation(
            made=self.mark.kind is not MarkKind.CREATING,
            creating=self.status is InstanceStatus.PROVISIONING,
            whole=not self.missing,
            accepted=not self.unaccounted,
            served=self.front is not None,
            configured=not self.needs_repair,
            deployed=deployment is not None and deployment.state in _RESTARTS,
            leaving=self.deletion_at is not None,
        )

    def as_json(self) -> dict[str, Any]:
        """The shape that `list` and `status` share."""
        return dict(self._json)

    @cached_property
    def _json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "project_id": self.space.id,
            "status": self.status,
            "url": self.url or None,
            "services": {s.name.lower(): service_json(s) for s in _sorted(self.space.services)},
            "created_at": self.space.created_at.isoformat(),
            "deletion_scheduled_at": self.deletion_at.isoformat() if self.deletion_at else None,
            "missing_settings": list(self.missing_settings.given),
        }


def missing_settings(space: Space, blueprint: Blueprint) -> ServiceSettings:
    """How what people reach is built and run, as far as that is not set on the host."""
    front = space.service(blueprint.front.name)
    if front is None or front.settings is None:
        return ServiceSettings()
    return blueprint.front.settings.missing_from(front.settings)


def service_json(service: Service) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name,
        "status": _SERVICE_WORDS[
            service.deployment.state if service.deployment else DeployState.NONE
        ],
        "url": service.url or None,
    }


_SERVICE_WORDS = {
    DeployState.NONE: "unknown",
    DeployState.PENDING: "deploying",
    DeployState.BUILDING: "deploying",
    DeployState.DEPLOYING: "deploying",
    DeployState.RUNNING: "running",
    DeployState.FAILED: "failed",
    DeployState.CRASHED: "failed",
    DeployState.REMOVED: "stopped",
}
"""The tool that came before said it in these words; scripts may rely on them."""


def instance_lock(name: str) -> str:
    """What a run about this instance holds."""
    return f"instance:{name}"


_found: WeakKeyDictionary[Listing, Sequence[Instance]] = WeakKeyDictionary()
"""The instances of a listing, for as long as that is shown."""


async def all_instances(world: World, *, recent: bool = False) -> list[Instance]:
    """Every instance that the host knows, by name; `recent`: to be shown, not to decide by."""
    blueprint = world.blueprint(BLUEPRINT)
    listing = await world.use(HostsSpaces).spaces(recent=recent)
    if listing not in _found:
        found = await _read(world, [s for s in listing if is_instance(s, blueprint)])
        _found[listing] = sorted(found, key=lambda i: (i.name, i.space.created_at))
    return await _as_of_now(world, _found[listing])


async def find_instance(world: World, name: str) -> Instance:
    """Raises NotFound, offering the nearest names."""
    blueprint, hosts = world.blueprint(BLUEPRINT), world.use(HostsSpaces)
    wanted = space_name(blueprint.space_prefix, name, hosts.space_name_limit)
    space = await hosts.find_space(wanted)
    if space is None or not is_instance(space, blueprint):
        raise await _not_found(world, name)
    [instance] = await dockerfiles_asked(world, await instances_in(world, [space]))
    return instance


async def dockerfiles_asked(
    world: World, instances: Sequence[Instance], *, most: int = 1
) -> list[Instance]:
    """The instances, with the Dockerfile that a variable names where the setting is missing. Takes
    a request for each of those, of which only the first `most` are asked; what cannot be read
    stays unknown."""
    lacking = [i for i in instances if i.missing_settings.dockerfile and i.front][:most]
    asked = await asyncio.gather(*(_named_dockerfile(world, i) for i in lacking))
    named = {i.space.id: name for i, name in zip(lacking, asked, strict=True)}
    return [replace(i, named_dockerfile=named.get(i.space.id, "")) for i in instances]


async def _named_dockerfile(world: World, instance: Instance) -> str:
    assert instance.front is not None  # noqa: S101 - only of those
    try:
        return await world.use(RunsServices).named_dockerfile(instance.space, instance.front.id)
    except ProviderError:
        return ""


async def instances_in(world: World, spaces: Sequence[Space]) -> list[Instance]:
    """The instance that each space holds."""
    return await _as_of_now(world, await _read(world, spaces))


async def _read(world: World, spaces: Sequence[Space]) -> list[Instance]:
    """The same, as far as the host alone tells it."""
    blueprint, now = world.blueprint(BLUEPRINT), world.now()
    found = []
    for space, name in zip(spaces, await _names(world, spaces, blueprint), strict=True):
        status, reason = state_of(space, blueprint, run=None, now=now)
        found.append(Instance(name, space, Mark.parse(space.mark), blueprint, status, reason))
    return found


async def _as_of_now(world: World, instances: Sequence[Instance]) -> list[Instance]:
    """How it is with those that are being made, our database and the clock tell, too."""
    wanted = {i.mark.run_id for i in instances if i.mark.kind is MarkKind.CREATING}
    if not wanted:
        return list(instances)
    runs, now = await world.control.known_runs(wanted), world.now()

    def state(instance: Instance) -> Instance:
        run = runs.get(instance.mark.run_id)
        status, reason = state_of(instance.space, instance.blueprint, run=run, now=now)
        return replace(instance, status=status, reason=reason)

    return [state(i) if i.mark.kind is MarkKind.CREATING else i for i in instances]


def _gone(name: str, removed: RunView) -> NotFound:
    at = f" on {moment(removed.ended_at)}" if removed.ended_at else ""
    return NotFound(
        f"`{name}` is gone.",
        why=f"`{removed.line}` by {removed.actor.name} (run {removed.id}) deleted it with"
        f" everything in it{at}; what is deleted cannot be kept or brought back.",
        who="Anybody with the role deployer can make a new one of this name.",
        next_step=typed(f"create {name}"),
        link=removed.thread_url,
    )


async def _not_found(world: World, name: str) -> NotFound:
    holder = await world.control.holder_of(instance_lock(name))
    latest = await world.control.list_runs(subject=name, limit=_LATEST)
    removed = next((run for run in latest if run.result.get("status") == "gone"), None)
    if removed is not None and (holder is None or holder.id == removed.id):
        return _gone(name, removed)
    if holder is not None:
        being_deleted = holder.command in REMOVING
        return NotFound(
            f"`{name}` is just being deleted."
            if being_deleted
            else f"There is no instance `{name}` yet.",
            why=f"Run {holder.id} (`{holder.line}`) is {holder.status.replace('_', ' ')}.",
            who=f"{holder.actor.name} asked for it.",
            next_step=typed(f"run {holder.id}"),
            link=holder.thread_url,
        )
    known = [i.name for i in await all_instances(world)]
    inside = [n for n in known if name in n]
    near = list(dict.fromkeys([*difflib.get_close_matches(name, known, n=3), *inside]))[:3]
    if near:
        return NotFound(
            f"There is no instance `{name}`.",
            why=f"{'The nearest name is' if len(near) == 1 else 'Near names are'} "
            f"{listed([f'`{n}`' for n in near])}.",
            who="Anybody may list the instances.",
            next_step=typed(f"status {near[0]}"),
        )
    return NotFound(
        f"There is no instance `{name}`.",
        why="None has a similar name." if known else "There are no instances yet.",
        who="Anybody may list the instances.",
        next_step=typed("list"),
    )


def is_instance(space: Space, blueprint: Blueprint) -> bool:
    """Named as ours, and either marked by us or holding the service that people reach."""
    if len(space.name) <= len(blueprint.space_prefix):
        return False
    if not space.name.startswith(blueprint.space_prefix):
        return False
    ours = Mark.parse(space.mark).kind not in (MarkKind.EMPTY, MarkKind.FOREIGN)
    return ours or space.service(blueprint.front.name) is not None


async def instance_name(world: World, space: Space, blueprint: Blueprint) -> str:
    """The mark tells a shortened name in full; while a deletion is scheduled the mark has no room
    for it, and the variable on the service tells it."""
    [name] = await _names(world, [space], blueprint)
    return name


async def _names(world: World, spaces: Sequence[Space], blueprint: Blueprint) -> list[str]:
    limit = world.use(HostsSpaces).space_name_limit
    told = [_told_name(space, blueprint, limit) for space in spaces]
    unknown = [space for space, name in zip(spaces, told, strict=True) if name is None]
    asked = await asyncio.gather(*(_asked_name(world, s, blueprint, limit) for s in unknown))
    rest = iter(asked)
    return [next(rest) if name is None else name for name in told]


def _told_name(space: Space, blueprint: Blueprint, limit: int) -> str | None:
    """None: the space itself does not tell."""
    told = Mark.parse(space.mark).name
    if told and space_name(blueprint.space_prefix, told, limit) == space.name:
        return told
    if may_be_shortened(space.name, limit):
        return None
    return space.name.removeprefix(blueprint.space_prefix)


async def _asked_name(world: World, space: Space, blueprint: Blueprint, limit: int) -> str:
    short = space.name.removeprefix(blueprint.space_prefix)
    front = space.service(blueprint.front.name)
    tells = next((n for n, v in blueprint.front.variables.items() if v.value == "{instance}"), "")
    if front is None or not tells:
        return short
    try:
        told = (await world.use(RunsServices).variables(space, front.id)).get(tells, "")
    except ProviderError:
        return short
    return told if space_name(blueprint.space_prefix, told, limit) == space.name else short


def _sorted(services: Sequence[Service]) -> list[Service]:
    return sorted(services, key=lambda s: s.name.lower())
