"""Tell a channel regularly how everything is."""

from __future__ import annotations

import difflib
import re
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationInfo, field_validator, model_validator

from commands import digests
from commands.digests import Digest
from commands.slots import Schedule, Weekday
from engine.actor import Role
from engine.answer import Answer, Fact, Facts, Offer, Offers, Table
from engine.capabilities import SpeaksInChannels
from engine.command import Argument, Question, Risk
from engine.errors import NotConfigured, Refused
from engine.words import listed, moment, plural, typed, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.capabilities import Channel
    from engine.memory import Remembered
    from engine.world import World

_ALONE = ("list", "due")
_VERBS = ("daily", "weekly", "now", "off")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class TellDigest(Question):
    """Tell a channel regularly how everything is: states, changes, deletions, failures, cost.

    `digest #ops daily 09:00 Europe/Helsinki` or `weekly mon 09:00` (UTC unless a zone is named);
    `now` tells it once, `off` ends it, and `digest list` shows all. A time that a day lacks when
    clocks change is its next minute; what was missed comes once, late. The bot itself asks for
    those that are `due`.
    """

    name: ClassVar[str] = "digest"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = (
        "digest #ops daily 09:00 Europe/Helsinki",
        "digest #ops weekly mon 09:00",
        "digest #ops now",
        "digest #ops off",
        "digest list",
    )

    channel: Annotated[str, Argument()] = Field(
        default="", description="Which channel, or `list`", examples=["#ops"]
    )
    when: Annotated[tuple[str, ...], Argument()] = Field(
        default=(),
        description="daily HH:MM [zone], weekly DAY HH:MM [zone], now or off",
        examples=["daily 09:00 Europe/Helsinki"],
    )

    @model_validator(mode="before")
    @classmethod
    def _here(cls, raw: Any) -> Any:
        """Without a channel it is the one where it is typed."""
        if isinstance(raw, dict) and str(raw.get("channel", "")).lower() in _VERBS:
            rest = raw.get("when") or ()
            rest = rest.split() if isinstance(rest, str) else rest
            return raw | {"channel": "", "when": (raw["channel"], *rest)}
        if isinstance(raw, dict) and isinstance(raw.get("when"), str):
            return raw | {"when": tuple(raw["when"].split())}
        return raw

    @field_validator("channel")
    @classmethod
    def _bare(cls, text: str) -> str:
        escaped = re.fullmatch(r"<#([A-Z0-9]+)(\|[^>]*)?>", text.strip())
        return escaped[1] if escaped else text.strip().removeprefix("#")

    @field_validator("when")
    @classmethod
    def _understood(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """As it is kept and said again. Raises ValueError with what is wrong."""
        if not words:
            return words
        if str(info.data.get("channel", "")).lower() in _ALONE:
            raise ValueError(f"is not for `{info.data['channel']}`, which stands alone")
        verb, *rest = words
        verb = verb.lower()
        if verb in ("now", "off"):
            if rest:
                raise ValueError(f"`{verb}` stands alone")
            return (verb,)
        return tuple(_schedule(verb, rest).words.split())

    @property
    def schedule(self) -> Schedule | None:
        """None for `now`, `off` and questions."""
        if not self.when or self.when[0] in ("now", "off"):
            return None
        return _schedule(self.when[0], list(self.when[1:]))

    async def answer(self, world: World) -> Answer:
        if self.channel.lower() == "due":
            return await _due(world)
        known = await digests.known(world)
        if self.channel.lower() == "list" or not (self.channel or self.when):
            return _list(world, known)
        channel = await self._channel(world)
        here = {key: entry for key, entry in known.items() if _of(entry).channel == channel.id}
        schedule = self.schedule
        if schedule is not None:
            return await _set(world, channel, schedule, known)
        if self.when == ("now",):
            return await _now(world, channel, here)
        if self.when == ("off",):
            return await _off(world, channel, here)
        return _list(world, here, channel)

    async def _channel(self, world: World) -> Channel:
        """Where the bot can speak. Raises Refused."""
        wanted = self.channel or world.origin.channel or ""
        if not wanted:
            raise Refused(
                "In which channel?",
                why="Only in Slack it goes without saying: where it is typed.",
                who="You can name it.",
                next_step=typed(f"digest #ops {' '.join(self.when)}"),
            )
        try:
            speaker = world.use(SpeaksInChannels)
        except NotConfigured:
            raise NotConfigured(
                "Nobody speaks in channels here.",
                why="The bot is not running, so it cannot be known whether it may speak there.",
                who="Whoever runs luthien-ops starts it with `luthien serve`.",
                next_step=typed(self.line()),
            ) from None
        found = await speaker.find_channel(wanted)
        if found is not None and (self.when == ("off",) or found.open):
            return found
        shown = f"#{found.name}" if found else f"#{wanted}"
        raise Refused(
            f"I cannot speak in {shown}.",
            why="I am not a member there." if found else "I see no such channel as a member.",
            who=f"Anybody there can type `{speaker.invitation}` in that channel.",
            next_step=typed(self.line()),
        )


def _schedule(verb: str, words: list[str]) -> Schedule:
    """Raises ValueError."""
    weekday = None
    if verb == "weekly":
        if not words:
            raise ValueError("needs a day of the week and a time, e.g. weekly mon 09:00")
        weekday = _weekday(words.pop(0))
    elif verb != "daily":
        raise ValueError(f"begins with daily, weekly, now or off, not `{verb[:20]}`")
    found = _TIME.fullmatch(words[0]) if words else None
    if found is None:
        raise ValueError("needs a time of day, e.g. 09:00")
    if len(words) > 2:
        raise ValueError("has one time and one zone, e.g. 09:00 Europe/Helsinki")
    zone = _zone(words[1]) if len(words) == 2 else ZoneInfo("UTC")
    return Schedule(time(int(found[1]), int(found[2])), zone, weekday)


def _weekday(word: str) -> Weekday:
    try:
        return Weekday(word.lower()[:3])
    except ValueError:
        days = listed([f"`{day}`" for day in Weekday], "or")
        raise ValueError(f"needs a day of the week: {days}") from None


def _zone(word: str) -> ZoneInfo:
    """By its name, or by its city where only one zone is called so."""
    zones = {zone.lower(): zone for zone in available_timezones()}
    wanted = word.lower().replace(" ", "_")
    if wanted in zones:
        return ZoneInfo(zones[wanted])
    cities = sorted({z for key, z in zones.items() if key.endswith(f"/{wanted}")}, key=len)
    if cities:
        return ZoneInfo(cities[0])
    near = difflib.get_close_matches(wanted, zones, n=2, cutoff=0.6)
    hint = listed([f"`{zones[key]}`" for key in near] or ["`Europe/Helsinki`"], "or")
    raise ValueError(f"names no time zone with `{word[:40]}`; {hint} is one")


def _of(entry: Remembered) -> Digest:
    return Digest.model_validate(entry.value)


async def _set(
    world: World, channel: Channel, schedule: Schedule, known: Mapping[str, Remembered]
) -> Answer:
    now = world.now()
    digest = Digest(
        channel=channel.id,
        channel_name=channel.name,
        when=schedule.words,
        by=world.actor.name,
        done=now,
    )
    before = known.get(digest.key)
    if before is not None:
        seen = _of(before)
        digest = digest.model_copy(update={"seen": seen.seen, "told_at": seen.told_at})
    if not await digests.keep(world, digest, before):
        raise _outrun(f"digest {channel.id} {schedule.words}")
    await world.control.record(world.actor, "digest.set", channel.name, when=schedule.words)
    following = schedule.next(now).moment
    local = following.astimezone(schedule.zone)
    return Answer(
        title=f"#{channel.name} gets a digest {schedule.words}",
        parts=(
            Facts(
                facts=(
                    Fact(label="Next", value=f"{local:%a %d %b %Y %H:%M} there"),
                    Fact(label="In UTC", value=f"{moment(following)} ({until(following, now)})"),
                )
            ),
            Offers(
                offers=(
                    Offer(label="Show one now", line=f"digest {channel.id} now"),
                    Offer(label="Turn off", line=f"digest {channel.id} off"),
                )
            ),
        ),
        data={"digests": [_json(digest, schedule, world)]},
    )


async def _off(world: World, channel: Channel, here: Mapping[str, Remembered]) -> Answer:
    if not here:
        raise Refused(
            f"#{channel.name} gets no digest.",
            why="None was set, or it was turned off already.",
            who="Anybody with the role deployer can set one.",
            next_step=typed("digest list"),
        )
    if not await digests.forget(world, here):
        raise _outrun(f"digest {channel.id} off")
    words = listed([_of(entry).when for entry in here.values()])
    await world.control.record(world.actor, "digest.off", channel.name, when=words)
    offers = tuple(
        Offer(label="Take it back", line=f"digest {channel.id} {_of(entry).when}")
        for entry in here.values()
    )
    return Answer(
        title=f"#{channel.name} gets no digest any more",
        parts=(Facts(facts=(Fact(label="Was", value=words),)), Offers(offers=offers)),
        data={"digests": []},
    )


async def _now(world: World, channel: Channel, here: Mapping[str, Remembered]) -> Answer:
    last = next(iter(here.values()), None)
    await digests.tell_now(world, channel, _of(last) if last else None)
    offers = (Offer(label="List digests", line="digest list"),)
    return Answer(
        title=f"The digest is on its way to #{channel.name}",
        parts=(Offers(offers=offers),),
        data={"channel": channel.id},
    )


async def _due(world: World) -> Answer:
    told = await digests.tell_due(world)
    count = plural(len(told), "digest")
    return Answer(title=f"{count} on the way" if told else "No digest is due", data={"told": told})


def _list(world: World, known: Mapping[str, Remembered], channel: Channel | None = None) -> Answer:
    found = sorted(
        (_of(entry) for entry in known.values()), key=lambda d: (d.channel_name, d.when)
    )
    rows = []
    for digest in found:
        following = digest.schedule.next(world.now()).moment
        rows.append(
            (f"#{digest.channel_name}", digest.when, until(following, world.now()), digest.by)
        )
    where = f" in #{channel.name}" if channel else ""
    return Answer(
        title=f"{plural(len(found), 'digest')}{where}" if found else f"No digest{where} yet",
        parts=(
            Table(
                columns=("Channel", "When", "Next", "Set by"),
                rows=tuple(rows),
                empty="`/luthien digest #ops daily 09:00 Europe/Helsinki` sets one.",
            ),
        ),
        data={"digests": [_json(digest, digest.schedule, world) for digest in found]},
    )


def _json(digest: Digest, schedule: Schedule, world: World) -> dict[str, Any]:
    return {
        "channel": digest.channel,
        "channel_name": digest.channel_name,
        "when": digest.when,
        "next": schedule.next(world.now()).moment.isoformat(),
        "by": digest.by,
    }


def _outrun(line: str) -> Refused:
    return Refused(
        "Nothing was changed.",
        why="Somebody else changed the same digest at this moment.",
        who="You can try again.",
        next_step=typed(line),
    )
