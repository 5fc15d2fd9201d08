"""What may be offered to somebody at this moment: no more than they may ask for. When
they do, it is looked at again; what is counted, or agreed to by others, is only seen then."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.answer import Answer, Offers
from engine.errors import InvalidInput, NotFound, OpsError
from engine.lines import read_line
from engine.policy import Asked, includes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from engine.actor import Actor
    from engine.answer import Offer, Part
    from engine.command import Command
    from engine.policy import Kind, Policy
    from engine.registry import Registry
    from engine.run import RunView

_SUBJECT = "instance"
"""The field of a command that names the instance which it is about."""
_RUN = "run"


@dataclass(frozen=True)
class Rights:
    """One person's, by their role and by the policy in force."""

    actor: Actor
    policy: Policy
    registry: Registry
    now: datetime
    _known: dict[tuple[type[Command], Kind | None], bool] = field(default_factory=dict)
    _kinds: dict[str, Kind] = field(default_factory=dict)

    def commands(self, subject: str | None = None) -> Sequence[type[Command]]:
        """Those that are listed and that they may use: on this instance, or else on any."""
        return [c for c in self.registry.listed if self.use(c, subject)]

    def use(self, command: type[Command], subject: str | None = None) -> bool:
        """Whether they may use it: on this instance, or else on any."""
        key = (command, None if subject is None else self.kind(subject))
        if key not in self._known:
            general = subject is None and _SUBJECT in command.model_fields
            asked = Asked.of(command, subject or "")
            self._known[key] = self._somewhere(asked) if general else self._allows(asked)
        return self._known[key]

    def kind(self, subject: str) -> Kind:
        """Of two instances with the same they may do the same."""
        if subject not in self._kinds:
            self._kinds[subject] = self.policy.kind(subject)
        return self._kinds[subject]

    def ask(self, command: Command, subject: str = "") -> bool:
        """Whether they may ask for exactly this. `subject`: the instance, where the command does
        not name it."""
        return self._allows(Asked.of(command, subject))

    def _allows(self, asked: Asked) -> bool:
        _, _, who = self.policy.who_may(asked)
        return includes(who, self.actor) and not self._frozen(asked)

    def _frozen(self, asked: Asked, *, everywhere: bool = False) -> bool:
        return (asked.runs and asked.freezes) and any(
            freeze.window(self.policy.time_zone).over_at(self.now) is not None
            and not includes(freeze.still, self.actor)
            for _, freeze in self.policy.frozen(asked)
            if freeze.is_general or not everywhere
        )

    def _somewhere(self, asked: Asked) -> bool:
        """On any instance: rules about some instances may give it, and cannot take it from all."""
        if self._frozen(asked, everywhere=True):
            return False
        for rule in self.policy.rules:
            if rule.may is None or not rule.is_about(asked):
                continue
            if includes(rule.may, self.actor):
                return True
            if rule.is_general:
                return False
        return self.actor.role >= asked.needs


async def permitted(
    said: Answer, rights: Rights, show: Callable[[str], Awaitable[RunView]]
) -> Answer:
    """The same answer, offering nothing that its reader may not do. `show` gives a run by id."""
    parts: list[Part] = []
    for part in said.parts:
        if isinstance(part, Offers):
            kept = [offer for offer in part.offers if await _may(offer, rights, show)]
            parts.append(part.model_copy(update={"offers": tuple(kept)}))
        else:
            parts.append(part)
    return said.model_copy(update={"parts": tuple(parts)})


async def _may(offer: Offer, rights: Rights, show: Callable[[str], Awaitable[RunView]]) -> bool:
    if not offer.line:
        return True
    try:
        command, raw = read_line(rights.registry, shlex.split(offer.line))
    except (OpsError, ValueError):
        return True  # refused by itself, with its reason
    if command.steers:
        return rights.use(command) and await _may_steer(str(raw.get(_RUN)), rights, show)
    try:
        return rights.ask(command.parse(raw))
    except InvalidInput:
        return rights.use(command, str(raw.get(_SUBJECT) or "") or None)


async def _may_steer(
    run_id: str, rights: Rights, show: Callable[[str], Awaitable[RunView]]
) -> bool:
    try:
        run = await show(run_id)
    except NotFound:
        return True
    return rights.use(rights.registry.command(run.command), run.subject)
