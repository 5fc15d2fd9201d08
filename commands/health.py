"""How an instance is, from one look to the next, and what of it is told. Pure.

A change is believed when it is seen twice. What goes up and down too often is said once, and then
nothing until it has kept still for a while, which grows each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from engine.words import duration, plural

CONFIRM = timedelta(seconds=2)
"""At least, between the two looks that see the same: those of two processes are one."""
TOGETHER = timedelta(hours=1)
"""What changes again within this belongs to the same thread, and counts towards flapping."""
TURNS = 5
"""Turns within that time that are too many: down, up, down, up, down."""
STILL = timedelta(minutes=15)
"""How long something that flaps has to keep still; doubles each time, up to the longest."""
LONGEST_STILL = timedelta(hours=4)
FORGOTTEN = timedelta(days=1)
"""After so long without flapping the first time is the first one again."""


class Health(BaseModel):
    """What is remembered of one instance between two looks."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    name: str
    trouble: str = ""
    """What is wrong with it, as it was believed last; empty: nothing."""
    since: datetime
    doubt: str | None = None
    """What was seen once that differs from it."""
    doubted_at: datetime | None = None
    story: str = ""
    """Key of the notice that began the thread about it."""
    turns: tuple[datetime, ...] = ()
    """When it lately went from well to ill or back."""
    flapping: bool = False
    times: int = 0
    """How often it was found to be flapping, of late."""
    flapped_at: datetime | None = None

    @property
    def restless(self) -> bool:
        """Worth another look soon."""
        return self.doubt is not None or bool(self.trouble) or self.flapping

    @property
    def still(self) -> timedelta:
        return min(STILL * 2.0 ** (max(self.times, 1) - 1), LONGEST_STILL)


class Kind(StrEnum):
    """What a report is about."""

    ILL = "ill"
    OTHERWISE = "otherwise"
    WELL = "well"
    FLAPS = "flaps"
    STEADY = "steady"
    GONE = "gone"


@dataclass(frozen=True)
class Report:
    """Something to tell about an instance."""

    kind: Kind
    name: str
    text: str
    again: bool = False
    """It belongs into the thread that there is."""
    lasted: timedelta = timedelta()


@dataclass(frozen=True)
class Excuse:
    """Runs of ours that explain what is seen."""

    busy: bool = False
    """One is at work on it."""
    just_ended: bool = False
    """One went wrong since the last look, and told that itself."""


def observe(
    known: Health | None, name: str, trouble: str, excuse: Excuse, now: datetime
) -> tuple[Health | None, Report | None]:
    """What is remembered from now on, and what is to be told. `trouble` empty: it is well."""
    if excuse.busy:
        return known, None
    if known is not None and known.doubt == _GONE:
        known = known.model_copy(update={"doubt": None, "doubted_at": None})
    if known is None:
        fresh = Health(name=name, since=now)
        if trouble and not excuse.just_ended:
            return fresh.model_copy(update={"doubt": trouble, "doubted_at": now}), None
        return fresh.model_copy(update={"trouble": trouble}), None
    if excuse.just_ended and not known.story and trouble != known.trouble:
        update = {"trouble": trouble, "since": now, "doubt": None, "doubted_at": None}
        return known.model_copy(update=update), None
    if trouble == known.trouble:
        calm = known.model_copy(update={"doubt": None, "doubted_at": None})
        return _calmed(calm, now)
    if not _seen_before(known, trouble, now):
        if known.doubt is not None and bool(known.doubt) == bool(trouble):
            return known, None  # too soon after the first look that saw it
        return known.model_copy(update={"doubt": trouble, "doubted_at": now}), None
    return _believe(known, trouble, now)


def gone(known: Health, now: datetime) -> tuple[Health | None, Report | None]:
    """It is not there any more, and no run of ours took it away."""
    if known.doubt == _GONE and known.doubted_at and now - known.doubted_at >= CONFIRM:
        text = (
            f"🕳️ *{known.name}* is gone: its project exists no more, and it was not deleted"
            " from here."
        )
        return None, Report(Kind.GONE, known.name, text, again=bool(known.story))
    if known.doubt == _GONE:
        return known, None
    return known.model_copy(update={"doubt": _GONE, "doubted_at": now}), None


_GONE = "gone"


def _seen_before(known: Health, trouble: str, now: datetime) -> bool:
    """Another reason of the same trouble does not begin anew."""
    if known.doubt is None or known.doubted_at is None:
        return False
    return bool(known.doubt) == bool(trouble) and now - known.doubted_at >= CONFIRM


def _believe(known: Health, trouble: str, now: datetime) -> tuple[Health, Report | None]:
    began = known.doubted_at or now
    changed: dict[str, object] = {
        "trouble": trouble,
        "since": known.since if trouble and known.trouble else began,
        "doubt": None,
        "doubted_at": None,
    }
    if trouble and known.trouble:
        report = Report(Kind.OTHERWISE, known.name, f"🔴 {known.name}: now {trouble}.", again=True)
        return known.model_copy(update=changed), None if known.flapping else report
    turns = (*(t for t in known.turns if now - t < TOGETHER), began)
    again = bool(known.story) and (bool(known.trouble) or len(turns) > 1)
    changed |= {"turns": turns} | ({} if again else {"story": ""})
    if known.flapping:
        return known.model_copy(update=changed), None
    if len(turns) >= TURNS:
        lately = known.flapped_at is not None and now - known.flapped_at < FORGOTTEN
        changed |= {"flapping": True, "flapped_at": now}
        changed["times"] = known.times + 1 if lately else 1
        flapping = known.model_copy(update=changed)
        return flapping, _flaps(flapping, again)
    return known.model_copy(update=changed), _turned(known, trouble, began, again)


def _turned(known: Health, trouble: str, began: datetime, again: bool) -> Report | None:
    if trouble:
        once_more = " again" if again else ""
        text = f"🔴 *{known.name}* is unhealthy{once_more}: {trouble}."
        return Report(Kind.ILL, known.name, text, again=again)
    if not known.story:
        return None  # that it was ill was never told
    lasted = began - known.since
    text = f"🟢 *{known.name}* is healthy again after {duration(lasted)}."
    return Report(Kind.WELL, known.name, text, again=True, lasted=lasted)


def _flaps(known: Health, again: bool) -> Report:
    span = known.turns[-1] - known.turns[0]
    downs = (len(known.turns) + 1) // 2
    text = (
        f"🟠 *{known.name}* goes up and down: {plural(downs, 'time')} in {duration(span)}."
        f" I say no more until it has kept still for {duration(known.still)}."
    )
    return Report(Kind.FLAPS, known.name, text, again=again)


def _calmed(known: Health, now: datetime) -> tuple[Health, Report | None]:
    last = known.turns[-1] if known.turns else known.since
    if not known.flapping or now - last < known.still:
        return known, None
    state = f"it stays unhealthy: {known.trouble}" if known.trouble else "it is healthy"
    icon = "🔴" if known.trouble else "🟢"
    text = f"{icon} *{known.name}* has kept still for {duration(now - last)}: {state}."
    report = Report(Kind.STEADY, known.name, text, again=bool(known.story))
    return known.model_copy(update={"flapping": False, "turns": ()}), report
