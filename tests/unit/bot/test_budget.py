"""One budget for the workspace."""

from __future__ import annotations

import asyncio
import itertools

from bot.budget import EDITS_PER_MINUTE, Budget, Urgency
from tests.unit.bot.fakes import FakeClock


async def posts(budget: Budget, clock: FakeClock, *wishes: tuple[str, Urgency]) -> list[str]:
    """Ask for all at once; the order and second in which each may go."""
    granted: list[str] = []

    async def ask(channel: str, urgency: Urgency) -> None:
        await budget.post(channel, urgency)
        granted.append(f"{clock.monotonic():.0f} {channel} {urgency.name}")

    tasks = [asyncio.create_task(ask(*wish)) for wish in wishes]
    await clock.advance(30)
    assert all(task.done() for task in tasks)
    return granted


async def test_one_post_a_second_and_channel_results_first() -> None:
    clock = FakeClock()
    assert await posts(
        Budget(clock),
        clock,
        ("ops", Urgency.LOG),
        ("ops", Urgency.LOG),
        ("ops", Urgency.RESULT),
        ("general", Urgency.LOG),
    ) == ["0 ops LOG", "0 general LOG", "1 ops RESULT", "2 ops LOG"]


async def test_credentials_wait_for_nobody_but_what_follows_waits_its_second() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    await budget.post("ops", Urgency.LOG)
    assert await posts(budget, clock, ("ops", Urgency.RESULT), ("ops", Urgency.PRIVATE)) == [
        "0 ops PRIVATE",
        "1 ops RESULT",
    ]


async def test_a_429_holds_the_channel() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    budget.hold_posts("ops", 7)
    assert await posts(budget, clock, ("ops", Urgency.PRIVATE), ("general", Urgency.LOG)) == [
        "0 general LOG",
        "7 ops PRIVATE",
    ]


async def test_never_more_than_forty_edits_in_any_minute() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    made: list[tuple[float, Urgency]] = []

    async def ask(urgency: Urgency) -> None:
        await budget.edit(urgency)
        made.append((clock.monotonic(), urgency))

    wishes = [Urgency.PROGRESS] * 60 + [Urgency.RESULT] * 30
    tasks = [asyncio.create_task(ask(urgency)) for urgency in wishes]
    for _ in range(40):
        await clock.advance(5)
    assert all(task.done() for task in tasks)
    moments = [moment for moment, _ in made]
    for start in moments:
        assert sum(start <= m < start + 59.9 for m in moments) <= EDITS_PER_MINUTE
    assert {moment for moment, urgency in made if urgency is Urgency.RESULT} == {0.0}


async def test_progress_of_many_runs_is_spread_evenly() -> None:
    """Nine runs, each editing as often as it may: none is silent for 15 seconds."""
    clock = FakeClock()
    budget = Budget(clock)
    shown: dict[int, list[float]] = {run: [0.0] for run in range(9)}

    async def run(number: int) -> None:
        while clock.monotonic() < 120:
            await budget.edit(Urgency.PROGRESS)
            shown[number].append(clock.monotonic())

    tasks = [asyncio.create_task(run(number)) for number in shown]
    for _ in range(150):
        await clock.advance(1)
    for moments in shown.values():
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        assert max(gaps) <= 15
    assert all(task.done() for task in tasks)


async def test_who_gives_up_leaves_its_turn_to_the_next() -> None:
    clock = FakeClock()
    budget = Budget(clock)
    await budget.post("ops", Urgency.LOG)
    first = asyncio.create_task(budget.post("ops", Urgency.RESULT))
    second = asyncio.create_task(budget.post("ops", Urgency.LOG))
    await clock.advance(0.5)
    first.cancel()
    await clock.advance(0.6)
    assert second.done()
