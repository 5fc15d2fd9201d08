"""Many who wait for the same commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.store.batches import MOST_AT_ONCE, Batches

if TYPE_CHECKING:
    from collections.abc import Sequence


class Disk:
    """Keeps what it is given, one commit after the other, each as slow as the test wants."""

    def __init__(self) -> None:
        self.commits: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.refuses: dict[int, Exception] = {}

    async def commit(self, numbers: Sequence[int]) -> Sequence[str]:
        await self.free.wait()
        for number in numbers:
            if number in self.refuses:
                raise self.refuses[number]
        self.commits.append(list(numbers))
        return [f"kept {number}" for number in numbers]


async def test_nobody_waits_for_company_and_who_comes_meanwhile_shares_the_next() -> None:
    disk = Disk()
    batches = Batches(disk.commit, name="test")
    disk.free.clear()
    first = asyncio.create_task(batches.put(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # its commit is under way
    others = [asyncio.create_task(batches.put(n)) for n in (1, 2, 3)]
    await asyncio.sleep(0)
    disk.free.set()
    assert await asyncio.gather(first, *others) == ["kept 0", "kept 1", "kept 2", "kept 3"]
    assert disk.commits == [[0], [1, 2, 3]]


async def test_very_many_are_several_commits() -> None:
    disk = Disk()
    batches = Batches(disk.commit, name="test")
    await asyncio.gather(*(batches.put(n) for n in range(MOST_AT_ONCE + 1)))
    assert [len(commit) for commit in disk.commits] == [MOST_AT_ONCE, 1]


async def test_what_cannot_be_kept_fails_alone() -> None:
    disk = Disk()
    disk.refuses[1] = ValueError("no JSON")
    batches = Batches(disk.commit, name="test")
    became = await asyncio.gather(*(batches.put(n) for n in range(3)), return_exceptions=True)
    assert (became[0], became[2]) == ("kept 0", "kept 2")
    assert isinstance(became[1], ValueError)


async def test_what_may_have_been_kept_is_not_kept_again() -> None:
    disk = Disk()
    disk.refuses[2] = ConnectionError("the answer to the commit was lost")
    batches = Batches(disk.commit, name="test")
    became = await asyncio.gather(*(batches.put(n) for n in range(3)), return_exceptions=True)
    assert [type(error) for error in became] == [ConnectionError] * 3
    assert disk.commits == []
    assert await batches.put(4) == "kept 4"  # and life goes on


async def test_when_the_process_ends_nobody_waits_for_ever() -> None:
    disk = Disk()
    batches = Batches(disk.commit, name="of a process that ends")
    disk.free.clear()
    waiting = [asyncio.create_task(batches.put(n)) for n in range(2)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task = next(t for t in asyncio.all_tasks() if t.get_name() == "of a process that ends")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.gather(*waiting)
    assert all(waiter.cancelled() for waiter in waiting)
