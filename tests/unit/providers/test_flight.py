"""Who wants the same at the same moment shares one reading, and nobody gets one of before."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from engine.errors import Unreachable
from providers.railway.flight import SingleFlight


class Source:
    """Readings that end when the test says so."""

    def __init__(self) -> None:
        self.readings: deque[asyncio.Future[str]] = deque()
        self.begun = 0
        self.flight = SingleFlight(self._read)

    async def _read(self) -> str:
        self.begun += 1
        ends: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.readings.append(ends)
        return await ends

    async def wanted(self, version: int = 0) -> asyncio.Task[str]:
        """Somebody who waits by now."""
        waits = asyncio.create_task(self.flight(version))
        await a_moment()
        return waits


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_reading_serves_all_who_came_while_it_lasted() -> None:
    source = Source()
    waiting = [await source.wanted() for _ in range(3)]
    assert source.begun == 1
    source.readings[0].set_result("now")
    assert await asyncio.gather(*waiting) == ["now"] * 3


async def test_what_has_been_read_is_not_handed_out_to_who_comes_later() -> None:
    source = Source()
    first = await source.wanted()

    async def ends() -> None:
        await a_moment()
        source.readings[1].set_result("after")

    source.readings[0].set_result("before")
    ending = asyncio.create_task(ends())
    await asyncio.sleep(0)
    assert not first.done(), "it has ended, and who waited has not been told yet"
    assert await source.flight(0) == "after"
    assert await first == "before"
    await ending


async def test_after_a_change_nobody_waits_for_what_was_begun_before_it() -> None:
    source = Source()
    earlier = await source.wanted(version=0)
    mine, others = await source.wanted(version=2), await source.wanted(version=2)
    assert source.begun == 2
    source.readings[1].set_result("changed")
    assert {await mine, await others} == {"changed"}
    source.readings[0].set_result("as it was")
    assert await earlier == "as it was"


async def test_who_gives_up_takes_it_from_nobody() -> None:
    source = Source()
    leaving, staying = await source.wanted(), await source.wanted()
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert not source.readings[0].cancelled()
    joined = await source.wanted()
    source.readings[0].set_result("still read")
    assert {await staying, await joined} == {"still read"}
    assert source.begun == 1


async def test_what_nobody_waits_for_any_more_is_not_read_to_its_end() -> None:
    source = Source()
    leaving = [await source.wanted() for _ in range(2)]
    for one in leaving:
        one.cancel()
    await asyncio.wait(leaving)
    await a_moment()
    assert source.readings[0].cancelled()
    again = await source.wanted()
    source.readings[1].set_result("anew")
    assert await again == "anew"


async def test_an_error_reaches_all_who_wait_and_each_has_their_own() -> None:
    source = Source()
    waiting = [await source.wanted() for _ in range(2)]
    trouble = Unreachable("Nobody answers.", vendor="railway", call="projects", why="It is down.")
    trouble.__cause__ = OSError("the wire")
    source.readings[0].set_exception(trouble)
    [first, second] = await asyncio.gather(*waiting, return_exceptions=True)
    for error in (first, second):
        assert isinstance(error, Unreachable)
        assert (error.as_json(), error.call) == (trouble.as_json(), "projects")
        assert error.__cause__ is trouble.__cause__
    assert isinstance(first, Unreachable)
    assert isinstance(second, Unreachable)
    first.next_step = "/luthien list"
    assert second.next_step == ""
    recovered = await source.wanted()
    source.readings[1].set_result("up again")
    assert await recovered == "up again", "an error is not kept"


async def test_an_interrupted_reading_interrupts_who_waits() -> None:
    source = Source()
    waits = await source.wanted()
    source.readings[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
