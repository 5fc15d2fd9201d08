"""The situation of each instance, and the buttons that it calls for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from commands.adopt import Adopt, lacking
from commands.credentials import may_be_shown
from commands.instances import instance_lock
from engine.actions import actions, offer, remedies
from engine.answer import Confirm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.instances import Instance
    from engine.answer import Offer
    from engine.command import Command
    from engine.control_plane import Disclosure
    from engine.locks import Hold
    from engine.policy import Kind
    from engine.rights import Rights
    from engine.situation import Situation
    from engine.world import World

MOST_OFFERS = 5
"""Buttons that do not crowd an answer out."""


class Situations:
    """Of some instances, read once: what is locked, what runs are at, what the asker may do."""

    def __init__(
        self,
        world: World,
        holds: Mapping[str, Hold],
        busy: Sequence[str],
        may: Rights,
        disclosures: Mapping[str, Disclosure],
    ) -> None:
        self._world = world
        self._holds = holds
        self._busy = frozenset(busy)
        self._rights = may
        self._disclosures = disclosures
        self._now = world.now()
        self._fitting: dict[tuple[Situation, Kind], Sequence[type[Command]]] = {}

    @classmethod
    async def read(cls, world: World) -> Situations:
        holds = {hold.lock: hold for hold in await world.locks.held()}
        busy = await world.locks.taken()
        control = world.control
        may, disclosures = await control.rights(world.actor), await control.disclosures()
        return cls(world, holds, busy, may, disclosures)

    def hold(self, instance: Instance) -> Hold | None:
        """A person's lock on it."""
        return self._holds.get(instance_lock(instance.name))

    def of(self, instance: Instance) -> Situation:
        lock, at = instance_lock(instance.name), instance.deletion_at
        hold, disclosure = self._holds.get(lock), self._disclosures.get(instance.name)
        due, busy = at is not None and at <= self._now, lock in self._busy
        disclosed = may_be_shown(self._world.actor, disclosure)
        if not due and not busy and hold is None and disclosed:
            return instance.alone
        return replace(
            instance.alone,
            due=due,
            busy=busy,
            held=hold is not None,
            barred=hold is not None and hold.by.person != self._world.actor.person,
            disclosed=disclosed,
        )

    def actions(self, instance: Instance) -> Sequence[type[Command]]:
        """What makes sense for it now, as far as the asker may do it."""
        about, name = self.of(instance), instance.name
        alike = (about, self._rights.kind(name))
        found = self._fitting.get(alike)
        if found is None:
            fitting = actions(self._world.registry.listed, about)
            found = self._fitting[alike] = [c for c in fitting if self._rights.use(c, name)]
        return found

    def as_json(self, instance: Instance) -> dict[str, Any]:
        """What `list` and `status` tell of it."""
        hold = self.hold(instance)
        return {
            "locked_by": hold.by.key if hold else None,
            "actions": [command.name for command in self.actions(instance)],
        }

    def _offer(self, command: type[Command], instance: Instance) -> Offer:
        button = offer(command, instance.name, self.of(instance))
        lacks = instance.missing
        if command is not Adopt or not lacks:
            return button
        words = lacking(instance.name, lacks)
        sure = Confirm(title="Adopt it as it is?", text=words, yes="Adopt", no="Not yet")
        return button.model_copy(update={"confirm": sure})

    def offers(self, instances: Sequence[Instance]) -> tuple[Offer, ...]:
        """What they call for, most pressing first: those that are to be deleted soonest."""
        found = [
            self._offer(command, instance)
            for instance in sorted(instances, key=_urgency)
            for command in remedies(self.actions(instance))
        ]
        return tuple(found[:MOST_OFFERS])


def _urgency(instance: Instance) -> tuple[bool, str, str]:
    at = instance.deletion_at
    return (at is None, at.isoformat() if at else "", instance.name)
