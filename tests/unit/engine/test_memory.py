"""What is remembered changes for one of those who saw it, and what follows is told with it."""

from __future__ import annotations

import asyncio
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
    from pathlib import Path


@pytest_asyncio.fixture
async def store(tmp_path: Path, database: str) -> AsyncIterator[Database]:
    opened = open_database(database)
    await opened.migrate()
    yield opened
    await opened.close()


async def test_one_of_many_wins_and_its_notice_is_told(store: Database) -> None:
    clock = SystemClock()
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
    notices = StoredNotices(store, clock)
    assert [w.notice.key for w in await notices.untold()] == [f"n{won.index(True)}"]


async def test_it_is_all_or_nothing(store: Database) -> None:
    memory = StoredMemory(store, SystemClock())
    assert await memory.revise([Revision("watch", "a", 0, {}), Revision("watch", "b", 0, {})])
    stale = [Revision("watch", "a", 1, {"x": 1}), Revision("watch", "b", 7, {"x": 1})]
    assert not await memory.revise(stale, [Notice("n", "never told")])
    assert {k: r.version for k, r in (await memory.recall("watch")).items()} == {"a": 1, "b": 1}
    assert await StoredNotices(store, SystemClock()).untold() == []
    assert await memory.revise([Revision("watch", "a", 1, None)])
    assert (await memory.recall("watch")).keys() == {"b"}
    assert not await memory.revise([Revision("watch", "a", 1, None)]), "it is forgotten already"
