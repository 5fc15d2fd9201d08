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


@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_calls_of_an_operation_are_known(name: str, tmp_path: Path) -> None:
    operation = OPERATIONS[name]
    learning = bool(os.environ.get("UPDATE_GOLDEN"))
    async with open_lane(tmp_path / "lane", **operation.settings) as lane:
        made = [await watch(lane, operation) for _ in range(4 if learning else 2)]
    if learning:
        learn(name, reduce(Calls.both, made))
    known, once = learned(name), reduce(Calls.most, made)
    assert once.changes == known.changes
    assert once.calls.keys() - BY_CHANCE == known.calls.keys() - BY_CHANCE
    rarer = {n for n, count in known.calls.items() if once.calls.get(n, 0) < count} - {*BY_CHANCE}
    assert not rarer, "made less often than was learned"
