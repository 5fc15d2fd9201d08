"""What the command line is handed: who asks, what can be asked, and something that performs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.actor import Actor, Door, Origin, Role

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.command import Command
    from engine.control_plane import Outcome
    from engine.registry import Registry
    from engine.run import Event, RunView


class Performs(Protocol):
    """The verbs of a control plane that the command line uses; a running server has them too."""

    async def perform(
        self, actor: Actor, command: Command, origin: Origin, *, plan_only: bool = False
    ) -> Outcome: ...

    async def show(self, run_id: str) -> RunView: ...

    def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]: ...


@dataclass(frozen=True)
class Session:
    """`outlives`: runs go on when this process ends, because a server carries them out."""

    control: Performs
    outlives: bool


@dataclass(frozen=True)
class Desk:
    """`connect` finds a running server or opens a control plane for one command; `known` gives
    the values that complete `instance` or `run`, quickly or not at all."""

    registry: Registry
    connect: Callable[[Command], AbstractAsyncContextManager[Session]]
    known: Callable[[str, str], Sequence[str]]
    log_file: Callable[[], Path]
    user: str

    @property
    def actor(self) -> Actor:
        """The owner of the data folder may do everything."""
        return Actor(door=Door.CLI, id=self.user, name=self.user, role=Role.ADMIN)

    @property
    def origin(self) -> Origin:
        return Origin(door=Door.CLI)


@dataclass(frozen=True)
class Manner:
    """The flags that every command has."""

    plan: bool = False
    no_wait: bool = False
    json: bool = False
    yes: bool = False
    follow: bool = False
