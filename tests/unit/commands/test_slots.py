"""Slots over years, zones and changes of the clock."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.slots import Schedule, Slot, Weekday

HELSINKI = ZoneInfo("Europe/Helsinki")
NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)
FIRST = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp())
LAST = int(datetime(2040, 1, 1, tzinfo=UTC).timestamp())
ZONES = (
    "UTC",
    "Europe/Helsinki",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Pacific/Apia",  # skipped 30 December 2011 as a whole
    "Africa/Casablanca",
    "America/Santiago",  # changes at midnight
)


def daily(hour: int, minute: int = 0, zone: ZoneInfo = HELSINKI) -> Schedule:
    return Schedule(time(hour, minute), zone)


def test_an_ordinary_day() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert daily(9).latest(now).moment == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert daily(9).next(now).moment == datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert daily(15).latest(now).name == "2026-11-20T15:00"


def test_nine_stays_nine_when_clocks_change() -> None:
    before = daily(9).latest(datetime(2026, 3, 28, 12, tzinfo=UTC)).moment
    after = daily(9).latest(datetime(2026, 3, 29, 12, tzinfo=UTC)).moment
    assert (before.hour, after.hour) == (7, 6)
    assert after - before == timedelta(hours=23)


def test_a_time_that_the_day_lacks_is_its_next_minute() -> None:
    slot = Slot(date(2026, 3, 29), time(3, 30), HELSINKI)  # 03:00 becomes 04:00
    assert slot.moment.astimezone(HELSINKI) == datetime(2026, 3, 29, 4, 0, tzinfo=HELSINKI)
    assert slot.name == "2026-03-29T03:30"
    slot = Slot(date(2026, 3, 8), time(2, 0), NEW_YORK)
    assert slot.moment == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_a_time_that_the_day_has_twice_comes_once() -> None:
    slot = Slot(date(2026, 10, 25), time(3, 30), HELSINKI)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert slot.moment == first
    schedule = daily(3, 30)
    seen = {schedule.latest(first + timedelta(minutes=m)).name for m in range(24 * 60)}
    assert seen == {"2026-10-25T03:30"}


def test_a_day_that_a_zone_skipped_comes_as_the_next_one_begins() -> None:
    apia = ZoneInfo("Pacific/Apia")
    skipped, after = (Slot(date(2011, 12, day), time(9), apia).moment for day in (30, 31))
    assert skipped.astimezone(apia) == datetime(2011, 12, 31, 0, 0, tzinfo=apia)
    assert after.astimezone(apia) == datetime(2011, 12, 31, 9, 0, tzinfo=apia)


def test_once_a_week() -> None:
    schedule = Schedule(time(9), HELSINKI, Weekday.MON)
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)  # a Saturday
    assert schedule.latest(now).name == "2026-11-16T09:00"
    assert schedule.next(now).name == "2026-11-23T09:00"
    assert schedule.words == "weekly mon 09:00 Europe/Helsinki"


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_days_have_one_slot_each_in_order(zone: str) -> None:
    for at in (time(0), time(2, 30), time(9)):
        days = [date(2020, 1, 1) + number * DAY for number in range(3653)]
        moments = [Slot(day, at, ZoneInfo(zone)).moment for day in days]
        assert all(a < b for a, b in itertools.pairwise(moments))
        assert all(
            timedelta(hours=22) < b - a < timedelta(hours=26)
            for a, b in itertools.pairwise(moments)
        )


@settings(max_examples=300)
@given(
    zone=st.sampled_from(ZONES),
    at=st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None)),
    weekday=st.sampled_from([None, *Weekday]),
    now=st.integers(FIRST, LAST).map(lambda s: datetime.fromtimestamp(s, UTC)),
)
def test_latest_and_next_embrace_now(
    zone: str, at: time, weekday: Weekday | None, now: datetime
) -> None:
    schedule = Schedule(at, ZoneInfo(zone), weekday)
    latest, following = schedule.latest(now), schedule.next(now)
    assert latest.moment <= now < following.moment
    assert following.moment - latest.moment <= (8 if weekday else 2) * DAY
    assert schedule.latest(following.moment).name == following.name
    local = latest.moment.astimezone(ZoneInfo(zone))
    again = local.replace(tzinfo=None)
    assert again >= datetime.combine(latest.day, at), "never earlier than was wished for"
