"""What everybody is told without a run is kept until it was told, and told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest_asyncio

from engine.answer import Offer, Table
from engine.clock import SystemClock
from engine.notices import Notice
from engine.store.database import open_database
from engine.store.notices import StoredNotices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEEP = Offer(label="Keep it", line="cancel-delete acme", style="primary")


@pytest_asyncio.fixture
async def notices(tmp_path: Path, database: str) -> AsyncIterator[StoredNotices]:
    opened = open_database(database)
    await opened.migrate()
    clock = SystemClock()
    yield StoredNotices(opened, clock)
    await opened.close()


async def test_a_notice_waits_until_it_is_told(notices: StoredNotices) -> None:
    await notices.announce(Notice("deletion:1", "in a day", (KEEP,)))
    await notices.announce(Notice("deletion:2", "in an hour"))
    await notices.announce(Notice("deletion:1", "in 23 h", (KEEP,)))
    waiting = [w.notice for w in await notices.untold()]
    assert waiting == [
        Notice("deletion:1", "in 23 h", (KEEP,)),
        Notice("deletion:2", "in an hour"),
    ]
    assert await notices.told(["deletion:1"]) == {}


async def test_what_was_told_is_told_once(notices: StoredNotices) -> None:
    await notices.announce(Notice("deletion:1", "in a day"))
    await notices.tell("deletion:1")
    first = await notices.told(["deletion:1", "deletion:2"])
    assert first.keys() == {"deletion:1"}
    assert datetime.now(UTC) - first["deletion:1"] < timedelta(minutes=1)
    await notices.announce(Notice("deletion:1", "again"))
    await notices.tell("deletion:1")
    assert await notices.untold() == []
    assert await notices.told(["deletion:1"]) == first


async def test_what_holds_no_longer_is_withdrawn(notices: StoredNotices) -> None:
    for key in ("deletion:told", "deletion:kept", "deletion:stale", "clocks:today"):
        await notices.announce(Notice(key, key))
    await notices.tell("deletion:told")
    await notices.withdraw("deletion:", keep=["deletion:kept"])
    assert [w.notice.key for w in await notices.untold()] == ["deletion:kept", "clocks:today"]
    assert (await notices.told(["deletion:told"])).keys() == {"deletion:told"}


async def test_a_place_a_thread_and_parts_are_kept(notices: StoredNotices) -> None:
    table = Table(columns=("Name",), rows=(("acme",),))
    said = Notice("digest:1", "Today", (KEEP,), (table,), "C0OPS", "watch:1", broadcast=True)
    await notices.announce(said)
    assert [w.notice for w in await notices.untold()] == [said]
