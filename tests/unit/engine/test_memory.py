"""What is remembered changes for one of those who saw it, and what follows is told with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest_asyncio

from engine.clock import SystemClock
from engine.memory import Revision
from engine.notices import Notice
from engine.store.database import Database, open_database
from engine.store.memory import StoredMemory
from engine.store.notices import StoredNotices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

MINUTE = timedelta(minutes=1)


@dataclass
class Clock(SystemClock):
    """Real time, put forward."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest_asyncio.fixture
async def store(tmp_path: Path, database: str) -> AsyncIterator[Database]:
    opened = open_database(database)
    await opened.migrate()
    yield opened
    await opened.close()


async def test_one_of_many_wins_and_its_notice_is_told(store: Database) -> None:
    clock = Clock()
    memories = [StoredMemory(store, clock) for _ in range(20)]
    won = await asyncio.gather(
        *(
            memory.revise([Revision("watch", "p-1", 0, {"by": n})], [Notice(f"n{n}", "told")])
            for n, memory in enumerate(memories)
        )
    )
    assert sum(won) == 1
    found = (await memories[0].recall("watch"))["p-1"]
    assert (found.version, found.value) == (1, {"by": won.index(True)})
    notices = StoredNotices(store, clock, memories[0])
    assert [w.notice.key for w in await notices.untold()] == [f"n{won.index(True)}"]


async def test_it_is_all_or_nothing(store: Database) -> None:
    memory = StoredMemory(store, Clock())
    assert await memory.revise([Revision("watch", "a", 0, {}), Revision("watch", "b", 0, {})])
    stale = [Revision("watch", "a", 1, {"x": 1}), Revision("watch", "b", 7, {"x": 1})]
    assert not await memory.revise(stale, [Notice("n", "never told")])
    assert {k: r.version for k, r in (await memory.recall("watch")).items()} == {"a": 1, "b": 1}
    assert await StoredNotices(store, Clock(), memory).untold() == []
    assert await memory.revise([Revision("watch", "a", 1, None)])
    assert (await memory.recall("watch")).keys() == {"b"}
    assert not await memory.revise([Revision("watch", "a", 1, None)]), "it is forgotten already"


async def test_a_turn_that_is_not_taken_again_falls_to_the_next(store: Database) -> None:
    clock = Clock()
    memory = StoredMemory(store, clock)
    assert await memory.take_turn("watch", "one", MINUTE)
    assert not await memory.take_turn("watch", "two", MINUTE)
    clock.ahead = timedelta(seconds=45)
    assert await memory.take_turn("watch", "one", MINUTE)
    clock.ahead = timedelta(seconds=90)
    assert not await memory.take_turn("watch", "two", MINUTE), "it was taken again"
    clock.ahead = timedelta(seconds=106)
    assert await memory.take_turn("watch", "two", MINUTE)
    assert not await memory.take_turn("watch", "one", MINUTE)


async def test_a_turn_begun_by_a_clock_that_was_wrong_ends_with_the_mistake(
    store: Database,
) -> None:
    clock = Clock(ahead=timedelta(hours=2))
    memory = StoredMemory(store, clock)
    assert await memory.take_turn("watch", "one", MINUTE)
    clock.ahead = timedelta()
    assert await memory.take_turn("watch", "two", MINUTE)


async def test_a_free_turn_falls_to_one_of_those_who_ask(store: Database) -> None:
    memory = StoredMemory(store, Clock())
    asked = (memory.take_turn("notices", f"p{n}", MINUTE) for n in range(10))
    assert sum(await asyncio.gather(*asked)) == 1
