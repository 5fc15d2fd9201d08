"""What everybody is told without a run is kept until it was told, and told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest_asyncio

from engine.answer import Offer, Table, Text
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
    await notices.tell(Notice("deletion:1", "in a day"))
    first = await notices.told(["deletion:1", "deletion:2"])
    assert first.keys() == {"deletion:1"}
    assert datetime.now(UTC) - first["deletion:1"] < timedelta(minutes=1)
    await notices.announce(Notice("deletion:1", "again"))
    await notices.tell(Notice("deletion:1", "in a day"))
    assert await notices.untold() == []
    assert await notices.told(["deletion:1"]) == first


async def test_what_holds_no_longer_is_withdrawn(notices: StoredNotices) -> None:
    for key in ("deletion:told", "deletion:kept", "deletion:stale", "clocks:today"):
        await notices.announce(Notice(key, key))
    await notices.tell(Notice("deletion:told", "deletion:told"))
    await notices.withdraw("deletion:", keep=["deletion:kept"], remark="It is over.")
    waiting = {w.notice.key: w.withdrawn for w in await notices.untold() if not w.told}
    assert waiting == {"deletion:kept": False, "deletion:stale": True, "clocks:today": False}
    for key in waiting:
        await notices.forget(key)
    assert "deletion:stale" not in [w.notice.key for w in await notices.untold()]
    assert len(await notices.untold()) == 2
    assert (await notices.told(["deletion:told"])).keys() == {"deletion:told"}


async def test_what_is_withdrawn_while_it_is_told_is_amended(notices: StoredNotices) -> None:
    told = Notice("deletion:1", "in an hour", (KEEP,))
    await notices.announce(told)
    await notices.withdraw("deletion:", keep=[], remark="")
    await notices.withdraw("deletion:", keep=[], remark="It is over.")
    await notices.tell(told)
    await notices.forget("deletion:1")
    await notices.withdraw("deletion:", keep=[], remark="It is over.")
    [waiting] = await notices.untold()
    assert (waiting.told, waiting.withdrawn, waiting.notice.offers) == (True, False, ())
    assert waiting.notice.parts == (Text(text="It is over."),)


async def test_what_is_announced_again_after_it_was_withdrawn_is_told(
    notices: StoredNotices,
) -> None:
    await notices.announce(Notice("deletion:1", "in an hour", (KEEP,)))
    await notices.withdraw("deletion:", keep=[], remark="It is over.")
    again = Notice("deletion:1", "in two hours", (KEEP,))
    await notices.announce(again)
    [waiting] = await notices.untold()
    assert (waiting.withdrawn, waiting.notice) == (False, again)


async def test_what_was_told_and_holds_no_longer_says_so_in_place_of_its_buttons(
    notices: StoredNotices,
) -> None:
    for key in ("deletion:1", "deletion:2"):
        await notices.announce(Notice(key, "in a day", (KEEP,)))
        await notices.tell(Notice(key, "in a day", (KEEP,)))
    await notices.withdraw("deletion:", keep=["deletion:2"], remark="")
    assert await notices.untold() == []
    await notices.withdraw("deletion:", keep=["deletion:2"], remark="It is over.")
    await notices.withdraw("deletion:", keep=["deletion:2"], remark="It is over.")
    [over] = await notices.untold()
    assert over.told
    assert over.notice == Notice("deletion:1", "in a day", parts=(Text(text="It is over."),))
    before = await notices.told(["deletion:1"])
    await notices.tell(over.notice)
    assert await notices.untold() == []
    assert await notices.told(["deletion:1"]) == before


async def test_single_offers_are_taken_back_and_found_by_what_they_are_about(
    notices: StoredNotices,
) -> None:
    other = Offer(label="List", line="list")
    digest = Notice("digest:1", "Today", (KEEP, other))
    await notices.announce(digest)
    assert await notices.offering("acme") == [digest]
    await notices.tell(digest)
    assert await notices.offering("acme") == [digest]
    assert await notices.offering("acm") == []
    await notices.amend("digest:1", [other], "acme stays.")
    [waiting] = await notices.untold()
    assert (waiting.notice.offers, waiting.notice.parts) == ((other,), (Text(text="acme stays."),))
    await notices.amend("digest:1", [], "And the list is empty.")
    await notices.tell(waiting.notice)
    [again] = await notices.untold()
    assert len(again.notice.parts) == 2, "what was amended while it was told is told, too"
    assert await notices.offering("acme") == []
    await notices.amend("digest:9", [], "There is no such notice.")


async def test_what_became_untrue_before_it_was_told_is_told_without_its_button(
    notices: StoredNotices,
) -> None:
    await notices.announce(Notice("deletion:1", "in an hour", (KEEP,)))
    await notices.amend("deletion:1", [], "acme is gone.")
    [waiting] = await notices.untold()
    assert (waiting.told, waiting.notice.offers) == (False, ())
    await notices.tell(waiting.notice)
    assert await notices.untold() == []


async def test_a_place_a_thread_and_parts_are_kept(notices: StoredNotices) -> None:
    table = Table(columns=("Name",), rows=(("acme",),))
    said = Notice("digest:1", "Today", (KEEP,), (table,), "C0OPS", "watch:1", broadcast=True)
    await notices.announce(said)
    assert [w.notice for w in await notices.untold()] == [said]
