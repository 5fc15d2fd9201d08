"""When an instance whose deletion is scheduled may really go, and what is told before. Pure.

Nobody is to be surprised: an instance goes only when its time has come, by two clocks, and its
first warning was told long enough ago. Where that could not be told in time, it stays longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from commands.scheduled import keep_offer
from engine.notices import Notice
from engine.words import duration, moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from commands.instances import Instance
    from engine.capabilities import HostsSpaces
    from engine.errors import NotAllowed
    from engine.world import World

APART = timedelta(minutes=5)
"""Two clocks further apart than this: one of them is wrong, and nobody knows which."""
WARNINGS = "deletion:"
"""What the keys of warnings begin with."""
_TOLD = ("first", "last", "held")
"""A day and an hour ahead; and that it does not go when it should."""


@dataclass(frozen=True)
class Leads:
    """How long before a deletion it is told: a day and an hour, less when the grace is short."""

    first: timedelta
    last: timedelta

    @classmethod
    def of(cls, grace: timedelta) -> Leads:
        return cls(min(timedelta(hours=24), grace / 7), min(timedelta(hours=1), grace / 28))


@dataclass(frozen=True)
class Expiry:
    """One scheduled instance, and when its warnings were told."""

    instance: Instance
    leads: Leads
    first_told: datetime | None
    last_told: datetime | None

    @property
    def scheduled(self) -> datetime:
        at = self.instance.deletion_at
        assert at is not None  # noqa: S101 - only of scheduled instances
        return at

    def due_at(self, now: datetime) -> datetime:
        """When it may go; `now` counts as the time of a first warning that was not told yet."""
        return max(self.scheduled, (self.first_told or now) + self.leads.first)

    def is_due(self, now: datetime) -> bool:
        return self.first_told is not None and self.due_at(now) <= now

    def warning(self, now: datetime) -> Notice | None:
        """What is to be told now, a little ahead so that telling it does not delay anything."""
        if self.first_told is None:
            early = self.leads.first / 24
            if self.scheduled - self.leads.first - early > now:
                return None
            return self._notice("first", now)
        due = self.due_at(now)
        early = self.leads.last / 6
        if self.last_told is None and due - self.leads.last - early <= now < due:
            return self._notice("last", now)
        return None

    def held(self, why: NotAllowed) -> Notice:
        """It was told to go now, and something keeps the bot from it."""
        name = self.instance.name
        return Notice(
            key=keys(self.instance)["held"],
            text=f"🗑️ {name} was to be deleted on {moment(self.scheduled)} and stays for now."
            f" {why.summary} {why.why} It is deleted as soon as that is over, unless somebody"
            " keeps it.",
            offers=(keep_offer(name),),
        )

    def _notice(self, which: str, now: datetime) -> Notice:
        name, due = self.instance.name, self.due_at(now)
        late = " It stays longer than was said: this could not be told in time."
        return Notice(
            key=keys(self.instance)[which],
            text=f"🗑️ {name} is deleted with everything in it on {moment(due)},"
            f" in {duration(due - now)}, unless somebody keeps it."
            + (late if due - self.scheduled > self.leads.first / 24 else ""),
            offers=(keep_offer(name),),
        )


def keys(instance: Instance) -> dict[str, str]:
    """Of what is told about this very deletion: one that is scheduled anew has others."""
    at = instance.deletion_at
    when = f"{at:%Y%m%dT%H%M%S.%f}" if at else ""
    return {which: f"{WARNINGS}{instance.space.id}:{when}:{which}" for which in _TOLD}


def expiry_of(world: World, instance: Instance, told: Mapping[str, datetime]) -> Expiry:
    key = keys(instance)
    leads = Leads.of(world.limits.delete_grace)
    return Expiry(instance, leads, told.get(key["first"]), told.get(key["last"]))


def clock_trouble(now: datetime, hosts: HostsSpaces) -> str:
    """Why nothing may be deleted by these clocks; empty when they agree. To be asked right after
    a read."""
    theirs = hosts.host_time()
    if theirs is None:
        return "The host does not say what time it is."
    if abs(theirs - now) > APART:
        return f"Our clock says {moment(now)}, the host's says {moment(theirs)}."
    return ""
