"""What completes a field of a form, while somebody types."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bot.forms import MOST_OPTIONS, option
from engine.actor import Door, Origin
from engine.errors import OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from logging import Logger

    from bot.blocks import Block
    from bot.identity import Identity
    from engine.actor import Actor
    from engine.clock import Clock
    from engine.control_plane import ControlPlane

PATIENCE = 2.0
"""Seconds; Slack wants the options within three."""
FRESH = 15.0
"""Seconds for which choices are believed while somebody types."""
MOST_KEPT = 200
"""Lists that are remembered."""
QUESTION = "complete"
"""The command that knows what may stand in a field."""

Choice = tuple[str, str]
"""Value and meaning."""
_Key = tuple[str, str, int]


class Completion:
    """Asks once for all who type, and shows what it knew when an answer takes too long."""

    def __init__(
        self, control: ControlPlane, identity: Identity, clock: Clock, log: Logger
    ) -> None:
        self._control = control
        self._identity = identity
        self._clock = clock
        self._log = log
        self._known: dict[_Key, tuple[float, list[Choice]]] = {}
        self._asking: dict[_Key, asyncio.Task[list[Choice]]] = {}

    async def choices(
        self, kind: str, typed: str, user: str, filled: Mapping[str, str]
    ) -> list[Choice]:
        """Those that contain what is typed, the ones that begin with it first. `filled` is what
        stands in the other fields of the form. Never raises: an empty list is an answer too."""
        typed = typed.strip().lower()
        try:
            actor = await self._identity.actor(user)
            known = await self._all(actor, kind, filled.get("instance", ""))
        except OpsError as refused:
            self._log.info("nothing completes %s: %s", kind, refused)
            return []
        found = [c for c in known if typed in c[0].lower() or typed in c[1].lower()]
        return sorted(found, key=lambda choice: not choice[0].lower().startswith(typed))

    async def _all(self, actor: Actor, kind: str, instance: str) -> list[Choice]:
        key = (kind, instance, int(actor.role))
        until, known = self._known.get(key, (0.0, []))
        if until > self._clock.monotonic():
            return known
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._ask(actor, key), name=f"complete {kind}")
            self._asking[key] = asking
            asking.add_done_callback(lambda task: self._done(key, task))
        done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
        # What takes longer completes the next letter.
        return asking.result() if done else known

    def _done(self, key: _Key, task: asyncio.Task[list[Choice]]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever waited has seen it

    async def _ask(self, actor: Actor, key: _Key) -> list[Choice]:
        kind, instance, _ = key
        raw = {"kind": kind} | ({"instance": instance} if instance else {})
        command = self._control.registry.command(QUESTION).parse(raw)
        answer = await self._control.ask(actor, command, Origin(door=Door.SLACK))
        choices = [(str(c["value"]), str(c["label"])) for c in answer.data["choices"]]
        self._known[key] = (self._clock.monotonic() + FRESH, choices)
        while len(self._known) > MOST_KEPT:
            self._known.pop(next(iter(self._known)))
        return choices


def options(choices: Sequence[Choice], typed: str) -> list[Block]:
    """For the menu; what was typed stands there too, so that nothing is impossible to say."""
    typed = typed.strip()
    shown = [described(v, label) for v, label in dict(choices).items() if 0 < len(v) <= 150]
    as_typed = (
        [option(typed, f"“{typed}” as typed")] if typed and typed not in dict(choices) else []
    )
    return [*shown[: MOST_OPTIONS - len(as_typed)], *as_typed]


def described(value: str, label: str) -> Block:
    """An option with its meaning below it; an id that says nothing goes below its meaning."""
    if not label:
        return option(value)
    title, below = (label, value) if len(value) >= 32 else (value, label)
    return option(value, title) | {"description": option("", below)["text"]}
