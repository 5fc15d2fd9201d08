from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.words import about, ago, dollars, duration, listed, milliseconds, plural, until

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "exact", "rough"),
    [
        (timedelta(milliseconds=40), "<0.1 s", "0 s"),
        (timedelta(milliseconds=420), "0.4 s", "0 s"),
        (timedelta(milliseconds=999), "1 s", "0 s"),
        (timedelta(seconds=45.4), "45 s", "45 s"),
        (timedelta(seconds=59.7), "1 min", "59 s"),
        (timedelta(minutes=2, seconds=5), "2 min 5 s", "2 min"),
        (timedelta(hours=1), "1 h", "1 h"),
        (timedelta(hours=1, seconds=30), "1 h", "1 h"),
        (timedelta(hours=4, minutes=10), "4 h 10 min", "4 h"),
        (timedelta(days=6, hours=4, minutes=59), "6 d 4 h", "6 d"),
    ],
)
def test_durations(span: timedelta, exact: str, rough: str) -> None:
    assert duration(span) == exact
    assert about(span) == rough


def test_moments() -> None:
    assert ago(NOW - timedelta(seconds=2), NOW) == "just now"
    assert ago(NOW + timedelta(seconds=2), NOW) == "just now"
    assert ago(NOW - timedelta(minutes=3, seconds=50), NOW) == "3 min ago"
    assert until(NOW + timedelta(days=6, hours=4), NOW) == "in 6 d 4 h"
    assert until(NOW, NOW) == "due"


def test_amounts() -> None:
    assert plural(1, "run") == "1 run"
    assert plural(0, "run") == "0 runs"
    assert plural(1000, "instance") == "1,000 instances"
    assert plural(2, "entry") == "2 entries"
    assert plural(2, "day") == "2 days"
    assert dollars(Decimal("6.1")) == "$6.10"
    assert milliseconds(timedelta(milliseconds=87.4)) == "87 ms"
    assert milliseconds(timedelta(seconds=2)) == "2 s"


def test_lists() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"], last="or") == "a, b or c"
