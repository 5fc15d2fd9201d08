"""What is told of an instance's health, and what is not. The clock is simulated."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands.health import STILL, Excuse, Health, Kind, Report, gone, observe
from tests.unit.commands.clock import NOW

CRASHED = "gateway: the last deployment crashed"
LOOK = timedelta(seconds=30)


@dataclass
class Watched:
    """One instance, looked at every half a minute."""

    health: Health | None = None
    now: datetime = NOW
    told: list[Report] = field(default_factory=list)

    def looks(self, trouble: str = "", *, times: int = 1, excuse: Excuse = Excuse()) -> None:  # noqa: B008
        for _ in range(times):
            self.now += LOOK
            self.health, report = observe(self.health, "acme", trouble, excuse, self.now)
            if report:
                self.told.append(report)
                if not report.again and self.health:
                    self.health = self.health.model_copy(update={"story": f"at {self.now}"})

    @property
    def kinds(self) -> list[Kind]:
        return [report.kind for report in self.told]

    @property
    def texts(self) -> list[str]:
        return [report.text for report in self.told]


def test_trouble_is_told_once_and_ends_with_how_long_it_lasted() -> None:
    acme = Watched()
    acme.looks(times=3)
    acme.looks(CRASHED, times=24)
    acme.looks(times=10)
    assert acme.texts == [
        f"🔴 *acme* is unhealthy: {CRASHED}.",
        "🟢 *acme* is healthy again after 12 min.",
    ]
    assert [report.again for report in acme.told] == [False, True]


def test_what_is_seen_only_once_is_never_told() -> None:
    acme = Watched()
    acme.looks()
    for _ in range(20):
        acme.looks(CRASHED)
        acme.looks(times=2)
    assert acme.told == []


def test_two_looks_at_the_same_moment_are_one() -> None:
    acme = Watched()
    acme.looks()
    acme.looks(CRASHED)
    before = acme.health
    acme.health, report = observe(acme.health, "acme", CRASHED, Excuse(), acme.now)
    assert (acme.health, report) == (before, None)


def test_another_reason_is_told_in_the_thread() -> None:
    acme = Watched()
    acme.looks()
    acme.looks(CRASHED, times=4)
    acme.looks("Postgres missing", times=4)
    assert acme.kinds == [Kind.ILL, Kind.OTHERWISE]
    assert acme.told[1].text == "🔴 acme: now Postgres missing."
    acme.looks(times=2)
    assert acme.told[2].text == "🟢 *acme* is healthy again after 4 min."


def test_what_was_broken_before_the_first_look_is_told() -> None:
    acme = Watched()
    acme.looks(CRASHED, times=2)
    assert acme.kinds == [Kind.ILL]


def test_while_a_run_is_at_work_nothing_is_told_nor_remembered() -> None:
    acme = Watched()
    acme.looks()
    before = acme.health
    acme.looks(CRASHED, times=20, excuse=Excuse(busy=True))
    assert acme.health == before
    acme.looks(times=5)
    assert acme.told == []


def test_what_a_run_broke_was_told_by_that_run() -> None:
    acme = Watched()
    acme.looks()
    acme.looks(CRASHED, times=3, excuse=Excuse(just_ended=True))
    acme.looks(CRASHED, times=50)
    acme.looks(times=5)
    assert acme.told == [], "nor is its end told, whose beginning was not"


def test_a_run_that_heals_ends_the_thread() -> None:
    acme = Watched()
    acme.looks()
    acme.looks(CRASHED, times=4)
    acme.looks(CRASHED, times=4, excuse=Excuse(busy=True))
    acme.looks(times=2)
    assert acme.kinds == [Kind.ILL, Kind.WELL]


def test_flapping_is_said_once_and_then_there_is_silence() -> None:
    acme = Watched()
    acme.looks()
    for _ in range(40):
        acme.looks(CRASHED, times=3)
        acme.looks(times=3)
    assert acme.kinds == [Kind.ILL, Kind.WELL, Kind.ILL, Kind.WELL, Kind.FLAPS]
    assert acme.texts[-1] == (
        "🟠 *acme* goes up and down: 3 times in 6 min."
        " I say no more until it has kept still for 15 min."
    )
    assert [report.again for report in acme.told] == [False, True, True, True, True]
    acme.looks(times=int(STILL / LOOK) + 2)
    assert acme.kinds[5:] == [Kind.STEADY]
    assert acme.texts[-1].endswith("has kept still for 15 min: it is healthy.")
    acme.looks(times=500)
    assert len(acme.told) == 6


def test_who_flaps_again_has_to_keep_still_for_longer() -> None:
    acme = Watched()
    acme.looks()
    needed = []
    for _ in range(7):
        while not (acme.health and acme.health.flapping):
            acme.looks(CRASHED, times=3)
            acme.looks(times=3)
        needed.append(acme.health.still)
        acme.looks(times=600)
    assert [span / STILL for span in needed] == [1, 2, 4, 8, 16, 16, 16]
    acme.looks(times=int(timedelta(days=2) / LOOK))
    while not (acme.health and acme.health.flapping):
        acme.looks(CRASHED, times=3)
        acme.looks(times=3)
    assert acme.health.still == STILL, "after a quiet day it begins anew"


def test_what_stays_broken_after_flapping_is_told() -> None:
    acme = Watched()
    acme.looks()
    for _ in range(4):
        acme.looks(CRASHED, times=3)
        acme.looks(times=3)
    acme.looks(CRASHED, times=100)
    assert acme.kinds[-2:] == [Kind.FLAPS, Kind.STEADY]
    assert acme.texts[-1].endswith(f"it stays unhealthy: {CRASHED}.")
    acme.looks(times=3)
    assert acme.kinds[-1] is Kind.WELL


def test_trouble_of_another_day_has_a_thread_of_its_own() -> None:
    acme = Watched()
    acme.looks()
    for _ in range(2):
        acme.looks(CRASHED, times=3)
        acme.looks(times=200)
    assert [report.again for report in acme.told] == [False, True, False, True]


def test_what_is_gone_is_told_when_it_is_missed_twice() -> None:
    acme = Watched()
    acme.looks()
    assert acme.health is not None
    once, report = gone(acme.health, NOW + LOOK)
    assert once is not None
    assert report is None
    back, _ = observe(once, "acme", CRASHED, Excuse(), NOW + 2 * LOOK)
    assert back is not None
    assert back.doubt == CRASHED, "it was there after all"
    after, report = gone(once, NOW + 2 * LOOK)
    assert after is None
    assert report is not None
    assert "acme* is gone" in report.text


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["", CRASHED, "Redis missing"]), max_size=300))
def test_whatever_happens_the_channel_is_not_flooded(states: list[str]) -> None:
    """At most a few messages before silence; every healing follows a trouble that was told."""
    acme = Watched()
    for state in states:
        acme.looks(state)
    loud = itertools.takewhile(lambda kind: kind is not Kind.FLAPS, acme.kinds)
    turns = [kind for kind in loud if kind is not Kind.OTHERWISE]
    assert all(a is not b for a, b in itertools.pairwise(turns))
    assert not turns or turns[0] is Kind.ILL
    hours = len(states) * LOOK / timedelta(hours=1)
    assert len(turns) <= 4 * (hours + 2)


@pytest.mark.parametrize("trouble", ["", CRASHED])
def test_looking_again_at_the_same_changes_nothing(trouble: str) -> None:
    acme = Watched()
    acme.looks(trouble, times=2)
    before = acme.health
    acme.looks(trouble, times=100)
    assert acme.health == before
