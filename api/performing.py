"""Performing a command for somebody who may ask twice: what every HTTP door shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from api.desk import Performs
from engine.control_plane import Outcome
from engine.errors import Refused
from engine.subject import also

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.actor import Actor, Origin
    from engine.command import Command
    from engine.control_plane import Request
    from engine.form import Form
    from engine.keys import ApiKeys
    from engine.people import People
    from engine.registry import Registry
    from engine.rights import Rights
    from engine.run import Event, RunStatus, RunView
    from engine.sessions import Sessions


class Serves(Performs, Protocol):
    """The verbs of a control plane that the HTTP doors offer."""

    registry: Registry

    @property
    def keys(self) -> ApiKeys: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def people(self) -> People: ...

    async def accept(self, request: Request) -> bool: ...

    async def handle(self, delivery: str) -> Outcome | None: ...

    async def started_by(self, delivery: str) -> RunView | None: ...

    async def list_runs(
        self,
        *,
        subject: str | None = None,
        statuses: Sequence[RunStatus] = (),
        limit: int = 20,
        before: str = "",
    ) -> Sequence[RunView]: ...

    async def permit(
        self, actor: Actor, command: Command | type[Command], subject: str = ""
    ) -> None: ...

    async def rights(self, actor: Actor) -> Rights: ...

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form: ...

    def follow_all(self, after: int | None = None) -> AsyncIterator[Event]: ...


class StartedNothing(Refused):
    """It was asked before under the same id, and no run came of it."""


@dataclass(frozen=True)
class Performed(Outcome):
    """What became of something that may be asked twice."""

    again: bool = False
    """It was asked before: the run is the one that it started then."""


async def once(control: Serves, wish: Request) -> Performed:
    """A change under the asker's own id of it: a repetition is answered with the run that it
    started. Raises StartedNothing when there is none."""
    also(request=wish.delivery)
    new = await control.accept(wish)
    outcome = await control.handle(wish.delivery)
    if outcome is None:
        started = await control.started_by(wish.delivery)
        if started is None:
            raise StartedNothing(
                "This was asked already, and started nothing.",
                why="Its Idempotency-Key was used before; it was refused, or answered with what to"
                " confirm first.",
                who="You can ask again under another key.",
                next_step=f"/luthien {wish.command.line()}",
            )
        outcome = Outcome(run=started)
    return Performed(outcome.answer, outcome.run, again=not new)
