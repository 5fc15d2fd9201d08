"""When something that comes every day or every week at a local time is due. Pure.

A local time that a day does not have, because clocks are put forward, is its next valid minute;
one that a day has twice is the first of them. Every day and every week has exactly one slot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


class Weekday(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"

    @property
    def number(self) -> int:
        """As `date.weekday` counts."""
        return list(Weekday).index(self)


@dataclass(frozen=True)
class Schedule:
    """Every day, or on one day of every week, at a local time."""

    at: time
    zone: ZoneInfo
    weekday: Weekday | None = None

    @property
    def words(self) -> str:
        """As it is typed: `daily 09:00 Europe/Helsinki`."""
        when = f"weekly {self.weekday}" if self.weekday else "daily"
        return f"{when} {self.at:%H:%M} {self.zone.key}"

    def latest(self, now: datetime) -> Slot:
        """The slot whose moment has come last."""
        return next(slot for slot in self._backwards(now) if slot.moment <= now)

    def next(self, now: datetime) -> Slot:
        """The slot that comes next."""
        coming = None
        for slot in self._backwards(now):
            if slot.moment <= now:
                break
            coming = slot
        assert coming is not None  # noqa: S101 - the first ones lie days ahead
        return coming

    def _backwards(self, now: datetime) -> Iterator[Slot]:
        """From more than a week ahead; zones are a day apart at most, and one may skip a day."""
        day = now.astimezone(self.zone).date() + 9 * _DAY
        while True:
            if self.weekday is None or day.weekday() == self.weekday.number:
                yield Slot(day, self.at, self.zone)
            day -= _DAY


@dataclass(frozen=True)
class Slot:
    """One turn of a schedule, known by the day and time as they were wished for."""

    day: date
    at: time
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """`2026-03-29T09:00`: the same for every process, whatever the clocks do."""
        return f"{self.day:%Y-%m-%d}T{self.at:%H:%M}"

    @property
    def moment(self) -> datetime:
        """When it comes, in UTC."""
        local = datetime.combine(self.day, self.at)
        while True:
            moment = local.replace(tzinfo=self.zone, fold=0).astimezone(UTC)
            if moment.astimezone(self.zone).replace(tzinfo=None, fold=0) == local:
                return moment
            local += _MINUTE
