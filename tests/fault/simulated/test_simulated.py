"""A simulation, in one process and on a simulated clock: up to eight operations at once and
everything that can go wrong meanwhile. What is simulated and what is real stands in
docs/faults.md; the schedules of `test_faults.py` are the ones with real processes.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import pytest

from tests.fault.ledger import Ledger
from tests.fault.simulated.carrying import run
from tests.fault.simulated.life import quiet
from tests.fault.simulated.schedule import Schedule, shrunk
from tests.fault.simulated.wishes import OPERATIONS
from tests.fault.tap import Kind

SEED = int(os.environ.get("SEED", "1"))
SIMULATED = int(os.environ.get("SIMULATED") or 0)
"""How many schedules, drawn from SEED on."""
SIMULATE = os.environ.get("SIMULATE", "")
"""The number of one schedule to repeat, or what was printed of a shrunk one."""
RESULTS = os.environ.get("RESULTS", "")
"""A file that remembers what held, which is then not tried again."""
WORKERS = int(os.environ.get("LANES") or 0) or os.cpu_count()
A_FEW = 16
TOGETHER = 20
DRAWING = hashlib.sha256(repr([Schedule.drawn(n) for n in range(50)]).encode()).hexdigest()[:8]
"""Of numbers: what was tried of another one says nothing about the schedules of this one."""

pytestmark = pytest.mark.timeout(24 * 3600)


def tried(first: int, count: int) -> tuple[list[str], Counter[str]]:
    """In a process of its own: what failed, shrunk, with the line that repeats it; and what
    struck how often."""
    quiet()
    gc.freeze()  # what is loaded stays: the collector need not walk it for each schedule
    gc.set_threshold(20_000, 20, 20)
    failures, struck = list[str](), Counter[str]()
    for number in range(first, first + count):
        schedule = Schedule.drawn(number)
        report = run(schedule)
        struck += report.struck
        if report.failure:
            least = shrunk(schedule, lambda smaller: run(smaller).failure)
            failures.append(f"make faults SIMULATE='{least}'\n    {run(least).failure}")
            print(failures[-1], flush=True)
    return failures, struck


@pytest.mark.skipif(bool(SIMULATE), reason="one schedule is repeated")
def test_simulated_schedules() -> None:
    begin, failures = SEED * 1_000_000, list[str]()
    ledger, count = Ledger.at(RESULTS), SIMULATED or A_FEW
    together = TOGETHER if SIMULATED else A_FEW
    chunks = {
        name: first
        for first in range(begin, begin + count, together)
        if not ledger.held(name := f"simulated {first}+{together} of {DRAWING}")
    }
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        work = {pool.submit(tried, first, together): name for name, first in chunks.items()}
        for done in as_completed(work):
            failed, struck = done.result()
            ledger.note(work[done], failed, struck, kind="simulated", operation="", count=together)
            failures += failed
    assert not failures, "\n\n".join([f"{len(failures)} of {count}", *failures])


@pytest.mark.skipif(not SIMULATE, reason="nothing is repeated")
def test_one_simulated_schedule() -> None:
    said = run(Schedule.parse(SIMULATE)).failure
    assert not said, said


FOUND = {
    "died before a commit: a follower swallowed its cancellation": """
        {"number": 1000052,
         "wishes": [[6.09, "rollback", "n0", [1.93, 1.27]], [1.68, "expire", "n1", [0.01]]],
         "troubles": [["kill-before", 0.0, "database", 12, 0.0]]}""",
    "an answer that drips was read for ever": """
        {"number": 7, "wishes": [[1.0, "create", "n0", [0.01]]],
         "troubles": [["drip", 0.0, "railway", 5, 0.0]]}""",
    "died between announcing a digest and closing the delivery: it was told twice": """
        {"number": 7, "wishes": [[1.0, "digest", "n0", [0.01]]],
         "troubles": [["kill-after", 0.0, "database", 2, 0.0]]}""",
}
"""Schedules that failed once, shrunk."""


@pytest.mark.parametrize("schedule", FOUND.values(), ids=FOUND)
def test_what_failed_once_holds(schedule: str) -> None:
    report = run(Schedule.parse(schedule))
    assert not report.failure, report.failure
    [trouble] = Schedule.parse(schedule).troubles
    assert report.struck[f"{trouble.kind} {trouble.party}"] == 1


def test_a_schedule_is_read_as_it_is_printed() -> None:
    drawn = [Schedule.drawn(number) for number in range(50)]
    assert [Schedule.parse(str(schedule)) for schedule in drawn] == drawn
    assert len({str(schedule) for schedule in drawn}) == 50


def test_everything_that_can_go_wrong_is_drawn() -> None:
    """Every kind of fault at every party that can have it, everything that happens at a time,
    every operation, up to eight at once, and payloads that come up to four times in any order."""
    drawn = [Schedule.drawn(number) for number in range(2_000)]
    troubles = [trouble for schedule in drawn for trouble in schedule.troubles]
    wishes = [wish for schedule in drawn for wish in schedule.wishes]
    calls = {
        (str(kind), party)
        for party in ("railway", "slack", "response_url", "gateway")
        for kind in Kind
        if kind is not Kind.THROTTLE or party == "railway"
    }
    deaths = {(str(kind), "database") for kind in Kind if kind.kills}
    assert {(t.kind, t.party) for t in troubles if t.party} == calls | deaths
    assert {t.kind for t in troubles if not t.party} == {
        "kill",
        "database down",
        "disk full",
        "clock jump",
        "slack limited",
        "replies dead",
        "lag",
    }
    assert 85 < max(t.size for t in troubles if t.kind == "lag") <= 90
    assert 55 < max(t.size for t in troubles if t.kind == "slack limited") <= 60
    jumps = [t.size for t in troubles if t.kind == "clock jump"]
    assert min(jumps) < -3600 < 3600 < max(jumps)
    assert {len(schedule.wishes) for schedule in drawn} == {1, 2, 3, 4, 6, 8}
    assert {wish.operation for wish in wishes} == OPERATIONS.keys()
    assert {len(wish.copies) for wish in wishes} == {1, 2, 3, 4}
    assert any([*wish.copies] != sorted(wish.copies) for wish in wishes)


def test_a_failing_schedule_is_shrunk_to_what_matters() -> None:
    """Here: to one wish and one trouble, whatever else was drawn."""

    def fails(schedule: Schedule) -> bool:
        creates = any(wish.operation == "create" for wish in schedule.wishes)
        return creates and any(trouble.kind == "kill" for trouble in schedule.troubles)

    number = next(n for n in range(10_000) if fails(s := Schedule.drawn(n)) and len(s.wishes) > 3)
    least = shrunk(Schedule.drawn(number), fails)
    assert [wish.operation for wish in least.wishes] == ["create"]
    assert [trouble.kind for trouble in least.troubles] == ["kill"]
    assert all(wish.copies == (0.01,) for wish in least.wishes)
