"""What a command may look at: the providers, the blueprints, the runs, the clock and who asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from engine.actor import Door
from engine.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from engine.actor import Actor, Origin
    from engine.blueprint import Blueprint
    from engine.clock import Clock
    from engine.control_plane import ControlPlane
    from engine.locks import Locks
    from engine.memory import Memory
    from engine.notices import Notices
    from engine.people import People
    from engine.registry import Registry

T = TypeVar("T")


class Toolbox:
    """Which provider answers for which capability; built once by `app`."""

    def __init__(self, providers: Mapping[type[Any], object]) -> None:
        self._providers = dict(providers)

    def add(self, capability: type[T], provider: T) -> None:
        """What only a part that is made later has."""
        self._providers[capability] = provider

    def has(self, capability: type[Any]) -> bool:
        return capability in self._providers

    def use(self, capability: type[T]) -> T:
        """Raises NotConfigured when no provider has it."""
        found = self._providers.get(capability)
        if found is None:
            raise NotConfigured(
                f"Nothing here can do `{capability.__name__}`.",
                why="No provider with this capability is configured.",
                next_step="luthien doctor",
            )
        return cast("T", found)


@dataclass(frozen=True)
class Finding:
    """What one check of `doctor` found. `fix` says what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    page: str = ""
    """Of the runbook, about it."""


class Check(Protocol):
    """One check of `doctor`; never raises."""

    async def __call__(self) -> Sequence[Finding]: ...


@dataclass(frozen=True)
class Limits:
    """Settings that commands depend on."""

    delete_grace: timedelta
    credentials_window: timedelta
    public_url: str = ""
    """Where people reach the web page; empty while it is not served, or only to this machine."""
    local_url: str = ""
    """Where this machine reaches the web page; empty while nothing serves it."""
    publishing: str = ""
    """How the person who runs luthien-ops gives the page a public address, in sentences."""

    def seen_from(self, door: Door) -> Limits:
        """The limits for somebody at this door: the command line is used on this machine, so an
        address of this machine is one for its user, and for nobody else."""
        if self.public_url or door is not Door.CLI:
            return self
        return replace(self, public_url=self.local_url)


@dataclass(frozen=True)
class World:
    """One asker's view. `run_id` is the id that the run will have; empty for questions."""

    actor: Actor
    origin: Origin
    run_id: str
    control: ControlPlane
    registry: Registry
    toolbox: Toolbox
    blueprints: Mapping[str, Blueprint]
    clock: Clock
    limits: Limits
    notices: Notices
    memory: Memory
    people: People
    locks: Locks
    checks: Sequence[Check] = ()
    delivery: str = ""
    """How the wish arrived, the same when it is carried out again because a process died over it;
    empty where nobody would do that."""

    def use(self, capability: type[T]) -> T:
        """The provider of a capability. Raises NotConfigured when there is none."""
        return self.toolbox.use(capability)

    def blueprint(self, name: str) -> Blueprint:
        """Raises KeyError."""
        return self.blueprints[name]

    def now(self) -> datetime:
        return self.clock.now()
