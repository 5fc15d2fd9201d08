"""What remains of the hour, and how it widens polls."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from providers.railway.budget import Budget, moment, retry_after
from providers.railway.rate_policy import hourly_quota
from tests.unit.providers.fakes import START, FakeClock

TICK = timedelta(seconds=2)


def budget(clock: FakeClock, remaining: int, minutes: float = 60) -> Budget:
    found = Budget(clock)
    resets = START + timedelta(seconds=clock.elapsed, minutes=minutes)
    found.learn({"x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": str(resets)})
    return found


@pytest.mark.parametrize(
    ("remaining", "minutes", "seconds"),
    [
        (10_000, 60, 2),  # 3,000 polls an hour: more than one each 2 s would ever need
        (3_000, 60, 4),  # 900 polls an hour
        (1_000, 60, 12),
        (1_000, 10, 2),
        (100, 60, 120),
    ],
)
async def test_a_poll_takes_at_most_thirty_percent_of_what_remains(
    clock: FakeClock, remaining: int, minutes: float, seconds: float
) -> None:
    await budget(clock, remaining, minutes).pause(TICK)
    assert clock.elapsed == pytest.approx(seconds, abs=0.1)


async def test_polls_share_what_remains(clock: FakeClock) -> None:
    shared = budget(clock, 3_000)
    with shared.polling(), shared.polling():
        assert shared.spacing == timedelta(seconds=8)
    assert shared.spacing == timedelta(seconds=4)


async def test_a_poll_of_several_requests_waits_longer(clock: FakeClock) -> None:
    await budget(clock, 3_000).pause(TICK, requests=3)
    assert clock.elapsed == pytest.approx(12, abs=0.1)


@pytest.mark.parametrize(("remaining", "seconds"), [(1_000, 1), (400, 1), (300, 40)])
async def test_a_short_poll_is_not_slowed_while_all_of_it_is_affordable(
    clock: FakeClock, remaining: int, seconds: float
) -> None:
    await budget(clock, remaining).pause(timedelta(seconds=1), at_most=120)
    assert clock.elapsed == pytest.approx(seconds, abs=0.1)


async def test_nothing_is_left_until_the_reset(clock: FakeClock) -> None:
    await budget(clock, 0, minutes=5).pause(TICK)
    assert clock.elapsed == pytest.approx(300, abs=0.1)


async def test_nobody_waits_beyond_the_reset(clock: FakeClock) -> None:
    """Two requests for thirty polls: each can afford a fiftieth of one."""
    shared = budget(clock, 2, minutes=5)
    with contextlib.ExitStack() as polls:
        for _ in range(30):
            polls.enter_context(shared.polling())
        await shared.pause(TICK, requests=3)
    assert clock.elapsed == pytest.approx(300, abs=0.1)


async def test_after_the_reset_polls_are_fast_again(clock: FakeClock) -> None:
    spent = budget(clock, 1, minutes=1)
    await clock.sleep(timedelta(minutes=2))
    before = clock.elapsed
    await spent.pause(TICK)
    assert clock.elapsed - before == pytest.approx(2)


async def test_without_headers_the_tick_stays(clock: FakeClock) -> None:
    await Budget(clock).pause(TICK)
    assert clock.elapsed == 2


class Hurried(FakeClock):
    """LUTHIEN_PACE=10: our own waits take a tenth."""

    async def sleep(self, duration: timedelta) -> None:
        await super().sleep(duration / 10)


async def test_the_pace_divides_our_tick_but_not_railways_limit() -> None:
    quick = Hurried()
    await budget(quick, 10_000).pause(TICK)
    assert quick.elapsed == pytest.approx(1.2, abs=0.1)  # 3,600 s / 3,000, not 0.2 s
    patient = Hurried()
    await Budget(patient).pause(TICK)
    assert patient.elapsed == pytest.approx(0.2)


async def test_a_hold_is_real_time_at_any_pace() -> None:
    clock = Hurried()
    held = Budget(clock)
    held.hold(timedelta(seconds=10))
    await held.ready()
    assert clock.elapsed == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("Thu, 01 Jan 2026 00:01:00 GMT", 60), (None, None)],
)
def test_retry_after_in_each_form(
    clock: FakeClock, value: str | None, seconds: float | None
) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(value, clock) == expected


def test_a_retry_after_that_says_nothing(clock: FakeClock) -> None:
    assert retry_after("soon", clock) is None


@pytest.mark.parametrize(
    "value",
    ["2026-01-01T00:10:00Z", "2026-01-01T00:10:00", "600", "1767226200", "1767226200000"],
)
def test_a_reset_in_each_form(clock: FakeClock, value: str) -> None:
    assert moment(value, clock) == datetime(2026, 1, 1, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", ["", "later", None, "nan"])
def test_a_reset_that_says_nothing(clock: FakeClock, value: str | None) -> None:
    assert moment(value, clock) is None


def test_headers_that_say_nothing_change_nothing(clock: FakeClock) -> None:
    known = budget(clock, 500)
    known.learn({"x-ratelimit-remaining": "many", "x-ratelimit-reset": "?"})
    assert known.remaining == 500
    assert known.resets_at == START + timedelta(hours=1)


# -- RateLimit-Policy -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "an_hour"),
    [
        ('"default";q=1000;w=3600', 1_000),
        ('"burst";q=50;w=1, "default";q=10000;w=3600', 10_000),
        ('"default";q=10000;w=3600,"workspace";q=400;w=3600', 400),
        ('"minute";q=10;w=60 ,\t"day";q=2400;w=86400', 100),
        ('"minute";q=10;w=60', 600),
        ('"day";q=1;w=86400', 1),
        ('"a;q=1,\\"b\\"";q=7;w=3600;x="q;=,";y;pk=:YWJj:;z=?1;f=-1.5', 7),
        ('"default"; q=7;  w=3600', 7),
        ("default;q=7;w=3600", 7),
        ('"bytes";q=9;w=3600;qu="content-bytes", "default";q=7;w=1800;qu="requests"', 14),
        ('"twice";q=1;q=7;w=3600', 7),
    ],
)
def test_a_policy_tells_the_requests_an_hour(policy: str, an_hour: int) -> None:
    assert hourly_quota(policy) == an_hour


@pytest.mark.parametrize(
    "policy",
    [
        None,
        "",
        " ",
        "many",
        '"default"',
        '"default";q=1000',
        '"default";w=3600',
        '"default";q=0;w=3600',
        '"default";q=-5;w=3600',
        '"default";q=5;w=0',
        '"default";q=1.5;w=3600',
        '"default";q="5";w=3600',
        '"default";q=٣;w=3600',
        '"default";q=9999999999999999;w=3600',
        '"default;q=1000;w=3600',
        '"default";q=1000;w=3600,',
        ',"default";q=1000;w=3600',
        '"default";q=1000;w=3600 "other";q=1;w=3600',
        '"default";q=1000;w=3600;',
        '"default";Q=1000;w=3600',
        "1000;w=3600",
        '"default";q=1000;w=3600' + ";x" * 1000,
        '"' + "\\" * 1999,
        '"a";q=1;w=3600,' * 100 + "?",
    ],
)
def test_a_policy_that_cannot_be_understood_is_ignored(
    clock: FakeClock, policy: str | None
) -> None:
    assert hourly_quota(policy) is None
    known = Budget(clock)
    known.learn({"x-ratelimit-limit": "50", "ratelimit-policy": policy or ""})
    assert known.limit == 50


def test_the_policy_counts_before_the_limit_of_the_current_window(clock: FakeClock) -> None:
    known = Budget(clock)
    known.learn({"x-ratelimit-limit": "50"})
    assert known.limit == 50
    known.learn({"x-ratelimit-limit": "50", "ratelimit-policy": '"default";q=1000;w=3600'})
    assert known.limit == 1_000
    known.learn({})
    assert known.limit == 1_000
