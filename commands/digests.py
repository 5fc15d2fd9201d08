"""Which digests there are, which are due, and how each is told once."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from commands.digest_content import gather, written
from commands.slots import Schedule, Weekday
from engine.memory import Revision
from engine.notices import Notice
from engine.words import moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.capabilities import Channel
    from engine.memory import Remembered
    from engine.world import World

KIND = "digest"
LATE = timedelta(minutes=10)
"""From then on it is said that it comes late."""


class Digest(BaseModel):
    """One channel's, as it is remembered."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    channel: str
    channel_name: str
    when: str
    """`daily 09:00 Europe/Helsinki`, `weekly mon 09:00 UTC`."""
    by: str
    done: datetime
    """Slots up to then are told, or lie before it was set."""
    told_at: datetime | None = None
    seen: dict[str, str] = Field(default_factory=dict)
    """Instance → state, when it was told last."""

    @property
    def key(self) -> str:
        """A channel can have one a day and one a week."""
        return f"{self.channel}:{self.when.split()[0]}"

    @property
    def schedule(self) -> Schedule:
        words = self.when.split()
        weekday = Weekday(words[1]) if words[0] == "weekly" else None
        hour, minute = words[-2].split(":")
        at = datetime.min.time().replace(hour=int(hour), minute=int(minute))
        return Schedule(at, ZoneInfo(words[-1]), weekday)

    @property
    def since(self) -> datetime:
        """What is new is newer than this; for the first one, it is a day or a week old."""
        span = timedelta(days=7 if self.schedule.weekday else 1)
        return self.told_at or self.done - span


async def known(world: World) -> Mapping[str, Remembered]:
    return await world.memory.recall(KIND)


async def keep(world: World, digest: Digest, before: Remembered | None) -> bool:
    """False when somebody else was faster."""
    seen = before.version if before else 0
    value = digest.model_dump(mode="json")
    return await world.memory.revise([Revision(KIND, digest.key, seen, value)])


async def forget(world: World, entries: Mapping[str, Remembered]) -> bool:
    return await world.memory.revise(
        [Revision(KIND, key, entry.version, None) for key, entry in entries.items()]
    )


async def tell_due(world: World) -> list[str]:
    """Every digest whose slot has come and was not told: once, however many processes ask, and
    of several slots that were missed only the latest."""
    now = world.now()
    due = []
    for key, entry in (await known(world)).items():
        digest = Digest.model_validate(entry.value)
        slot = digest.schedule.latest(now)
        if slot.moment > digest.done:
            due.append((key, entry, digest, slot))
    if not due:
        return []
    state = await gather(world, min(digest.since for _, _, digest, _ in due))
    told = []
    for key, entry, digest, slot in due:
        late = ""
        if now - slot.moment > LATE:
            late = f"It comes late: it was due on {moment(slot.moment)}, while I was not at work."
        local = slot.moment.astimezone(digest.schedule.zone)
        title = f"📋 *Digest* of {local:%a %d %b %Y, %H:%M} ({digest.schedule.zone.key})"
        notice_key = f"digest:{digest.channel}:{slot.name}"
        text, parts, offers = written(state, title, late, digest.since, digest.seen)
        notice = Notice(notice_key, text, offers, parts, digest.channel)
        changed = {"done": slot.moment, "told_at": now, "seen": state.states}
        value = digest.model_copy(update=changed).model_dump(mode="json")
        if await world.memory.revise([Revision(KIND, key, entry.version, value)], [notice]):
            told.append(notice_key)
    return told


async def tell_now(world: World, channel: Channel, last: Digest | None) -> None:
    """One more, once for each wish; it changes nothing about the next."""
    now = world.now()
    since = last.since if last else now - timedelta(days=1)
    state = await gather(world, since)
    title = f"📋 *Digest* of {moment(now)}, asked for by {world.actor.name}"
    text, parts, offers = written(state, title, "", since, last.seen if last else {})
    this = sha256((world.delivery or now.isoformat()).encode()).hexdigest()[:24]
    key = f"digest:{channel.id}:now:{this}"
    await world.notices.announce(Notice(key, text, offers, parts, channel.id))
