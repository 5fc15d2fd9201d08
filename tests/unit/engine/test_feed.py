"""Followers wait for what is new: woken, at the latest after a time, and gone when cancelled."""

from __future__ import annotations

import asyncio

import pytest

from engine.feed import Feed, changed


async def test_a_wake_up_reaches_everybody_who_waits() -> None:
    feed = Feed()
    waiting = [asyncio.create_task(changed(feed.watch(), at_most_s=3600)) for _ in range(3)]
    await asyncio.sleep(0)
    feed.wake()
    await asyncio.gather(*waiting)


async def test_without_one_it_is_looked_again_after_a_time() -> None:
    feed = Feed()
    await changed(feed.watch(), at_most_s=0.001)
    assert not feed.watch().is_set()


@pytest.mark.parametrize("turns", range(6))
async def test_whoever_is_cancelled_while_being_woken_ends(turns: int) -> None:
    """However far the wake-up has come: a follower that goes on would hold up a process that is
    leaving, for ever."""
    feed = Feed()

    async def follow() -> None:
        while True:
            await changed(feed.watch(), at_most_s=3600)

    follower = asyncio.create_task(follow())
    await asyncio.sleep(0.001)
    feed.wake()
    for _ in range(turns):
        await asyncio.sleep(0)
    follower.cancel()
    done, _ = await asyncio.wait({follower}, timeout=1)
    follower.cancel()
    assert done, "it swallowed its end"


async def test_a_run_wakes_its_own_followers_and_those_of_all_runs() -> None:
    feed = Feed()
    mine, same, other, every = feed.watch("a"), feed.watch("a"), feed.watch("b"), feed.watch()
    feed.wake("a", "c")
    assert (mine.is_set(), same.is_set(), other.is_set(), every.is_set()) == (1, 1, 0, 1)
    assert not feed.watch("a").is_set(), "the next watch waits for the next wake-up"

    feed.wake()
    assert other.is_set(), "which runs they were is not known"


async def test_nothing_is_kept_of_runs_that_nobody_follows() -> None:
    feed = Feed()
    for number in range(1000):
        feed.watch(f"run-{number}")
    assert len(feed._of_run) == 0
