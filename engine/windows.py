"""Windows of time as people write them: `fri 16:00` to `mon 08:00`, every day, or between two
dates; by the wall clock of a time zone. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLES = ("fri 16:00", "daily 22:00", "2026-12-23 00:00")

_DAY = 24 * 60


class Recurs(StrEnum):
    """How often a moment comes."""

    WEEKLY = "weekly"
    DAILY = "daily"
    ONCE = "once"

    @property
    def period(self) -> int:
        """Minutes until it comes again; 0: never."""
        return {Recurs.WEEKLY: 7 * _DAY, Recurs.DAILY: _DAY, Recurs.ONCE: 0}[self]


@dataclass(frozen=True)
class Moment:
    """A point of the wall clock; `minute` counts from the start of its week or day, `date` is set
    where it comes once."""

    recurs: Recurs
    minute: int
    date: datetime | None = None

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Raises ValueError."""
        found = re.fullmatch(r"(\S+) ([01]?\d|2[0-3]):([0-5]\d)", text.strip().lower())
        if found is None:
            raise ValueError(_misread(text))
        day, minute = found[1], int(found[2]) * 60 + int(found[3])
        if day == Recurs.DAILY:
            return cls(Recurs.DAILY, minute)
        if day[:3] in DAYS and day in (day[:3], *_FULL):
            return cls(Recurs.WEEKLY, DAYS.index(day[:3]) * _DAY + minute)
        try:
            date = datetime.fromisoformat(day) + timedelta(minutes=minute)
        except ValueError:
            raise ValueError(_misread(text)) from None
        return cls(Recurs.ONCE, minute, date)


@dataclass(frozen=True)
class Window:
    """From one moment until another of the same kind."""

    start: Moment
    end: Moment
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.start.recurs is not self.end.recurs:
            raise ValueError("must have `from` and `until` of one kind (weekly, daily or dates)")
        same = self.start.minute == self.end.minute and self.start.recurs is not Recurs.ONCE
        backwards = self.start.date and self.end.date and self.start.date >= self.end.date
        if same or backwards:
            raise ValueError("must end after it begins")

    def over_at(self, now: datetime) -> datetime | None:
        """When the window that `now` lies in ends, in UTC; None: it lies in none."""
        wall = now.astimezone(self.zone).replace(tzinfo=None)
        if self.start.date and self.end.date:
            ends = self.end.date if self.start.date <= wall < self.end.date else None
        else:
            period = timedelta(minutes=self.start.recurs.period)
            since = (wall - _before(wall, self.start)) % period
            length = timedelta(minutes=self.end.minute - self.start.minute) % period
            ends = wall - since + length if since < length else None
        return ends.replace(tzinfo=self.zone).astimezone(UTC) if ends else None


_FULL = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _before(wall: datetime, moment: Moment) -> datetime:
    """The moment in the week or on the day of `wall`."""
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    if moment.recurs is Recurs.WEEKLY:
        midnight -= timedelta(days=wall.weekday())
    return midnight + timedelta(minutes=moment.minute)


def _misread(text: str) -> str:
    shown = ", ".join(f"`{example}`" for example in EXAMPLES)
    return f"is `{text}`, which is no moment like {shown}"
