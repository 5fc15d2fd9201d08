"""Which calls each operation makes, as learned: `calls/*.json` is what gets broken."""

from __future__ import annotations

import os
from functools import reduce
from typing import TYPE_CHECKING

import pytest

from tests.fault.lane import open_lane
from tests.fault.operations import OPERATIONS
from tests.fault.schedule import BY_CHANCE, Calls, learn, learned, watch

if TYPE_CHECKING:
    from pathlib import Path


LOOKS = 3
"""Ticks fall into an operation now and then: one of a few looks shows it as it was learned."""


@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_calls_of_an_operation_are_known(name: str, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    async with open_lane(tmp_path / "lane", **operation.settings) as lane:
        if os.environ.get("UPDATE_GOLDEN"):
            learn(name, reduce(Calls.both, [await watch(lane, operation) for _ in range(4)]))
        known = learned(name)
        seen = []
        for _ in range(LOOKS):
            once = await watch(lane, operation)
            assert once.changes == known.changes
            seen.append(_difference(once, known))
            if not seen[-1]:
                return
    raise AssertionError(f"never as learned: {seen}")


def _difference(once: Calls, known: Calls) -> list[str]:
    """Which calls are new, gone, or made less often than was learned."""
    names = (once.calls.keys() ^ known.calls.keys()) - {*BY_CHANCE}
    rarer = {n for n, count in known.calls.items() if once.calls.get(n, 0) < count} - {*BY_CHANCE}
    return sorted(names | rarer)
