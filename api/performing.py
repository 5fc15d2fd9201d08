"""Performing a command for somebody who may ask twice: what every HTTP door shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from api.desk import Performs
from engine.control_plane import Outcome
from engine.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.actor import Actor, Origin
    from engine.command import Command
    from engine.control_plane import Request
    from engine.form import Form
    from engine.keys import ApiKeys
    from engine.people import People
    from engine.registry import Registry
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

    async def form(
        self, actor: Actor, command: type[Command], raw: Mapping[str, Any], origin: Origin
    ) -> Form: ...

    def follow_all(self, after: int | None = None) -> AsyncIterator[Event]: ...


async def once(control: Serves, wish: Request) -> Outcome:
    """A change under the asker's own id of it: a repetition is answered with the run that it
    started. Raises Refused when it was refused then."""
    await control.accept(wish)
    outcome = await control.handle(wish.delivery)
    if outcome is not None:
        return outcome
    started = await control.started_by(wish.delivery)
    if started is None:
        raise Refused(
            "This request was refused already.",
            why="Its Idempotency-Key was used before; it started nothing.",
            who="You can ask again under another key.",
            next_step=f"/luthien {wish.command.line()}",
        )
    return Outcome(run=started)
