"""What was told is kept in one statement, whether there is something of it or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.clock import SystemClock
from engine.store.told import StoredTold
from engine.told import Post, PostState
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane
from tests.unit.engine.test_runs import over

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_message_is_kept_and_kept_anew(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(), OPS, delivery="d-1"))
        told = StoredTold(p.database, SystemClock())
        first = Post(run.id, "root", "C0OPS", PostState.SENDING, "one")
        other = Post(run.id, "log:1-2", "C0OPS", PostState.SENT, "log", "1.2")
        await told.put(first)
        await told.put(other)
        assert await told.posts(run.id) == {"root": first, "log:1-2": other}
        sent = replace(first, state=PostState.SENT, ts="1.1", digest="two", url="https://here")
        await told.put(sent)
        assert await told.posts(run.id) == {"root": sent, "log:1-2": other}
        assert (await p.show(run.id)).thread_url == "https://here"


async def test_how_far_a_run_was_told_is_kept_anew(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(), OPS, delivery="d-1"))
        told = StoredTold(p.database, SystemClock())
        assert run.id in await told.unfinished()
        await told.finish(run.id, 1)
        assert await told.cursor(run.id) == 1
        await told.finish(run.id, 99)
        assert await told.cursor(run.id) == 99
        assert run.id not in await told.unfinished()
