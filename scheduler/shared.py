"""A tick of which every replica has a copy: whoever comes first takes this time of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scheduler.clock import EPOCH, Tick

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.peers import Peers


def shared(tick: Tick, peers: Peers, clock: Clock) -> Tick:
    """The same tick, acted on by one replica each time. One that dies at it leaves it undone until
    the next time."""

    async def act() -> None:
        if await peers.take_slot(tick.name, (clock.now() - EPOCH) // tick.every):
            await tick.act()

    return replace(tick, act=act)
