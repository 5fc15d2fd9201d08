"""A simulation, in one process and on a simulated clock: up to eight operations at once and
everything that can go wrong meanwhile. What is simulated and what is real stands in
docs/faults.md; the schedules of `test_faults.py` are the ones with real processes.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

import pytest

from tests.fault.simulated.life import quiet
from tests.fault.simulated.schedule import Schedule, run, shrunk

SEED = int(os.environ.get("SEED", "1"))
SIMULATED = int(os.environ.get("SIMULATED", "0"))
"""How many schedules, drawn from SEED on."""
SIMULATE = os.environ.get("SIMULATE", "")
"""The number of one schedule to repeat, or what was printed of a shrunk one."""
A_FEW = 16
TOGETHER = 20

pytestmark = pytest.mark.timeout(24 * 3600)


def failures_of(first: int, count: int) -> list[str]:
    """In a process of its own: what failed, shrunk, with the line that repeats it."""
    quiet()
    failures = []
    for number in range(first, first + count):
        schedule = Schedule.drawn(number)
        if run(schedule):
            least = shrunk(schedule)
            failures.append(f"make faults SIMULATE='{least}'\n    {run(least)}")
            print(failures[-1], flush=True)
    return failures


@pytest.mark.skipif(bool(SIMULATE), reason="one schedule is repeated")
def test_simulated_schedules() -> None:
    first, failures = SEED * 1_000_000, list[str]()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        count = SIMULATED or A_FEW
        chunks = range(0, count, TOGETHER if SIMULATED else A_FEW)
        work = [
            pool.submit(failures_of, first + begin, min(chunks.step, count - begin))
            for begin in chunks
        ]
        for done in as_completed(work):
            failures += done.result()
    assert not failures, "\n\n".join([f"{len(failures)} of {count}", *failures])


@pytest.mark.skipif(not SIMULATE, reason="nothing is repeated")
def test_one_simulated_schedule() -> None:
    said = run(Schedule.parse(SIMULATE))
    assert not said, said
