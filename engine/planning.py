"""What a change would do: at its submission, at its approval again, and when its turn comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from engine.approval import asked_anew
from engine.clock import StillClock
from engine.command import Change
from engine.errors import Locked, Refused
from engine.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from engine.actor import Actor, Origin
    from engine.clock import Clock
    from engine.command import Command
    from engine.registry import Registry
    from engine.secrets import SealKeys
    from engine.store.journal import Journal
    from engine.world import World

_USUAL = timedelta(minutes=1)
"""What is reckoned with for a run in line of which nobody knows yet how long it takes."""


class Views(Protocol):
    """What a command sees of the world."""

    def __call__(self, actor: Actor, origin: Origin, run_id: str) -> World: ...


@dataclass(frozen=True)
class Planning:
    """`permit` gives the actor with the role of this moment, and raises NotAllowed."""

    journal: Journal
    registry: Registry
    keys: SealKeys
    clock: Clock
    permit: Callable[[Actor, Command], Awaitable[Actor]]
    view: Views

    async def at(
        self, actor: Actor, command: Change, origin: Origin, run_id: str, at: datetime
    ) -> Plan:
        """As it is, or was, at a time: planned again for the same time, it is the same plan."""
        clock = StillClock(at, self.clock)
        return await command.plan(replace(self.view(actor, origin, run_id), clock=clock))

    async def at_or_later(
        self, actor: Actor, command: Change, origin: Origin, run_id: str, at: datetime
    ) -> Plan:
        """Of one that may wait in line. What is refused only because of a run under way is not
        refused to somebody who waits for that one: it is planned when its turn comes."""
        try:
            return await self.at(actor, command, origin, run_id, at)
        except Refused:
            try:
                await self.journal.check_locks(command.locks(), actor.person)
            except Locked:
                return _unplanned(command)
            raise

    async def now(self, run_id: str) -> Plan:
        """Of a run whose turn has come: rights and the world are looked at again."""
        wish = await self.journal.wish(run_id)
        held = self.keys.open_all(wish.sealed, about=run_id)
        command = self.registry.load_command(wish.command, wish.arguments).with_secrets(held)
        actor = await self.permit(wish.actor, command)
        if not isinstance(command, Change):
            raise TypeError(f"{command.name} is no change, so it has no plan")
        return await command.plan(self.view(actor, wish.origin, run_id))


def _unplanned(command: Change) -> Plan:
    """Stands in for the plan of a run in line that cannot be planned before its turn."""
    return Plan(
        title=asked_anew(command.line()),
        subject=command.subject,
        steps=(),
        risk=command.risk,
        expected=_USUAL,
        notes=("It is planned when its turn comes.",),
    )
