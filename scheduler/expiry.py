"""Expiry: every few minutes, warn of deletions that are near and delete what is due."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from engine.actor import Actor, Door, Origin, Role
from engine.errors import OpsError
from scheduler.clock import Tick

if TYPE_CHECKING:
    from engine.command import Command
    from engine.control_plane import Outcome
    from engine.registry import Registry

log = logging.getLogger(__name__)

SCHEDULER = Actor(door=Door.TIMER, id="scheduler", name="scheduler", role=Role.ADMIN)
LONGEST = timedelta(minutes=10)
SHORTEST = timedelta(seconds=1)


class Performs(Protocol):
    """The verb of the control plane that this tick uses."""

    registry: Registry

    async def perform(self, actor: Actor, command: Command, origin: Origin) -> Outcome:
        """Raises OpsError."""


def expiry(control: Performs, grace: timedelta) -> Tick:
    """`grace` is what a deletion is put off by: the shorter, the closer it has to be watched."""

    async def act() -> None:
        sweep = control.registry.command("sweep").parse({})
        try:
            await control.perform(SCHEDULER, sweep, Origin(door=Door.TIMER))
        except OpsError as missed:
            log.warning("scheduled deletions not looked at: %s", missed)

    return Tick(name="expiry", every=min(LONGEST, max(SHORTEST, grace / 100)), act=act)
