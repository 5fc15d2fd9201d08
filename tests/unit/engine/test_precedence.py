"""While acknowledgements are waited for, other work begins little by little."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

from engine.precedence import Precedence

HOUR = timedelta(hours=1)
SOON = timedelta(milliseconds=1)


async def began(precedence: Precedence, order: list[int], number: int) -> None:
    await precedence.turn()
    order.append(number)


async def test_work_begins_at_once_when_all_is_acknowledged() -> None:
    precedence, order = Precedence(HOUR), list[int]()
    await asyncio.gather(*(began(precedence, order, n) for n in range(5)))
    assert order == [0, 1, 2, 3, 4]


async def test_work_waits_for_every_acknowledgement_that_is_waited_for() -> None:
    precedence, order = Precedence(HOUR), list[int]()
    with precedence.delivery():
        with precedence.delivery():
            work = [asyncio.create_task(began(precedence, order, n)) for n in range(3)]
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert order == []
    await asyncio.gather(*work)
    assert order == [0, 1, 2]


async def test_in_a_rush_without_end_each_has_its_turn_all_the_same() -> None:
    precedence, order = Precedence(SOON), list[int]()
    with precedence.delivery():
        await asyncio.gather(*(began(precedence, order, n) for n in range(3)))
    assert order == [0, 1, 2]


async def test_a_delivery_that_breaks_is_waited_for_no_more() -> None:
    precedence, order = Precedence(HOUR), list[int]()
    try:
        with precedence.delivery():
            raise ValueError
    except ValueError:
        await began(precedence, order, 1)
    assert order == [1]


async def test_who_is_cancelled_leaves_its_turn_to_the_next() -> None:
    precedence, order = Precedence(HOUR), list[int]()
    with precedence.delivery():
        work = [asyncio.create_task(began(precedence, order, n)) for n in range(3)]
        await asyncio.sleep(0)
        work[0].cancel()
        work[1].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*work, return_exceptions=True)
    assert order == [2]


async def called(precedence: Precedence, moments: list[float]) -> None:
    await precedence.call()
    moments.append(asyncio.get_running_loop().time())


async def test_calls_of_runs_that_go_on_in_step_are_sent_one_after_the_other() -> None:
    precedence, moments = Precedence(HOUR, calls_apart=timedelta(milliseconds=10)), list[float]()
    await asyncio.gather(*(called(precedence, moments) for _ in range(4)))
    apart = [later - earlier for earlier, later in pairwise(moments)]
    assert all(gap > 0.005 for gap in apart), apart


async def test_a_call_after_a_while_is_sent_at_once() -> None:
    precedence, moments = Precedence(HOUR, calls_apart=SOON), list[float]()
    await called(precedence, moments)
    await asyncio.sleep(0.005)
    again = asyncio.create_task(called(precedence, moments))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert again.done()


async def test_a_call_waits_for_acknowledgements_too() -> None:
    precedence, moments = Precedence(HOUR), list[float]()
    with precedence.delivery():
        call = asyncio.create_task(called(precedence, moments))
        await asyncio.sleep(0.03)
        assert moments == []
    await call
    assert moments


async def test_answers_do_not_wait_behind_calls() -> None:
    precedence, order = Precedence(HOUR, calls_apart=HOUR), list[int]()
    calls = [asyncio.create_task(precedence.call()) for _ in range(3)]
    await asyncio.sleep(0)
    await began(precedence, order, 1)
    assert order == [1]
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
