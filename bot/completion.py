"""What completes a field of a form: instances, runs, commands."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.forms import MOST_OPTIONS, option
from engine.actor import Door, Origin
from engine.command import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.blocks import Block
    from bot.identity import Identity
    from engine.clock import Clock
    from engine.control_plane import ControlPlane

PATIENCE = 2.0
"""Seconds; Slack wants the options within three."""
FRESH = 15.0
"""Seconds for which the list of instances is believed while somebody types."""


class Completion:
    """Looks up what a field may hold."""

    def __init__(self, control: ControlPlane, identity: Identity, clock: Clock) -> None:
        self._control = control
        self._identity = identity
        self._clock = clock
        self._instances: tuple[float, list[str]] = (0.0, [])

    async def values(self, kind: str, typed: str, user: str) -> list[str]:
        """Those that contain what is typed, the ones that begin with it first.

        Raises OpsError when the asker may not list them.
        """
        typed = typed.strip().lower()
        found = [v for v in await self._all(kind, user) if typed in v.lower()]
        return sorted(found, key=lambda v: not v.lower().startswith(typed))

    async def _all(self, kind: str, user: str) -> list[str]:
        match kind:
            case "command":
                return [command.name for command in self._control.registry.listed]
            case "run":
                return [view.id for view in await self._control.list_runs(limit=MOST_OPTIONS)]
            case "instance":
                return await self._instance_names(user)
            case _:
                return []

    async def _instance_names(self, user: str) -> list[str]:
        until, names = self._instances
        if until > self._clock.monotonic():
            return names
        command = self._control.registry.command("list").parse({})
        if not isinstance(command, Question):
            return []
        actor = await self._identity.actor(user)
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._control.ask(actor, command, Origin(door=Door.SLACK))
        except TimeoutError:
            return names
        names = [str(entry["name"]) for entry in answer.data.get("instances", [])]
        self._instances = (self._clock.monotonic() + FRESH, names)
        return names


def options(values: Sequence[str], typed: str) -> list[Block]:
    """For the menu; what was typed stands there too, so that nothing is impossible to say."""
    typed = typed.strip()
    shown = [option(v) for v in dict.fromkeys(values) if len(v) <= 150]
    if typed and typed not in values:
        shown.append(option(typed, f"“{typed}” as typed"))
    return shown[:MOST_OPTIONS]
