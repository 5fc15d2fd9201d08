"""Windows of time by the wall clock of a zone, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.windows import Moment, Window

HELSINKI = ZoneInfo("Europe/Helsinki")


def window(start: str, end: str, zone: ZoneInfo = HELSINKI) -> Window:
    return Window(Moment.parse(start), Moment.parse(end), zone)


def at(text: str) -> datetime:
    """By Helsinki's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


@pytest.mark.parametrize(
    ("now", "over"),
    [
        ("2026-11-20 15:59", None),
        ("2026-11-20 16:00", "2026-11-23 08:00"),
        ("2026-11-22 23:59:59", "2026-11-23 08:00"),
        ("2026-11-23 07:59:59", "2026-11-23 08:00"),
        ("2026-11-23 08:00", None),
    ],
)
def test_a_weekend(now: str, over: str | None) -> None:
    ends = window("fri 16:00", "Monday 08:00").over_at(at(now))
    assert ends == (at(over) if over else None)
    assert ends is None or ends.tzinfo is UTC


@pytest.mark.parametrize(
    ("now", "over"),
    [
        ("2026-11-20 21:59", None),
        ("2026-11-20 22:00", "2026-11-21 06:00"),
        ("2026-11-21 05:59", "2026-11-21 06:00"),
        ("2026-11-21 06:00", None),
    ],
)
def test_every_night(now: str, over: str | None) -> None:
    ends = window("daily 22:00", "daily 06:00").over_at(at(now))
    assert ends == (at(over) if over else None)


def test_between_two_dates() -> None:
    christmas = window("2026-12-23 00:00", "2027-01-02 00:00")
    assert christmas.over_at(at("2026-12-22 23:59")) is None
    assert christmas.over_at(at("2026-12-31 12:00")) == at("2027-01-02 00:00")
    assert christmas.over_at(at("2027-01-02 00:00")) is None


@pytest.mark.parametrize("changes", ["2026-03-29", "2026-10-25"])
def test_wall_time_holds_where_clocks_are_changed(changes: str) -> None:
    """From Saturday to Sunday over the night in which an hour is left out or comes twice."""
    night = window("sat 20:00", "sun 08:00")
    sunday = at(f"{changes} 00:00")
    before, after = sunday - timedelta(hours=2), at(f"{changes} 07:59")
    assert night.over_at(before) == night.over_at(after) == at(f"{changes} 08:00")
    assert night.over_at(at(f"{changes} 08:00")) is None


def test_the_zone_decides_what_day_it_is() -> None:
    sunday = window("sun 00:00", "mon 00:00")
    assert sunday.over_at(datetime(2026, 11, 21, 22, 30, tzinfo=UTC)) == at("2026-11-23 00:00")
    assert (
        window("sun 00:00", "mon 00:00", ZoneInfo("UTC")).over_at(at("2026-11-22 00:30")) is None
    )


@pytest.mark.parametrize(
    "text", ["friday", "fri", "fri 24:00", "16:00", "31.12. 00:00", "fry 1:00"]
)
def test_what_is_no_moment_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="no moment like `fri 16:00`"):
        Moment.parse(text)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("fri 16:00", "daily 08:00"),
        ("fri 16:00", "fri 16:00"),
        ("2026-12-23 00:00", "2026-12-22 00:00"),
    ],
)
def test_what_is_no_window_is_refused(start: str, end: str) -> None:
    with pytest.raises(ValueError, match="must"):
        window(start, end)
