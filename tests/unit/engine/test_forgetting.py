"""What has been over for long is forgotten with everything about it; the audit never is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dbos import DBOS
from sqlalchemy import func, select

from engine.clock import SystemClock
from engine.notices import Notice
from engine.run import RunStatus
from engine.store.models import Row
from engine.store.told import StoredTold
from engine.told import Post, PostState
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane
from tests.unit.engine.test_runs import over

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane

HOUR = timedelta(hours=1)
HEAD = {"audit_head": 1}
PRESENT = ("replicas", "claims")
"""About the processes that are at work now."""


async def rows(p: Plane) -> dict[str, int]:
    """How many there are, by table; empty ones are left out."""
    found = {}
    async with p.database.read() as session:
        for table in Row.metadata.sorted_tables:
            found[table.name] = await session.scalar(select(func.count()).select_from(table))
    return {name: count for name, count in found.items() if count and name not in PRESENT}


async def test_a_run_goes_with_everything_about_it_and_the_audit_stays(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(), OPS, delivery="d-1"))
        assert run.status is RunStatus.SUCCEEDED
        told = StoredTold(p.database, SystemClock())
        await told.put(Post(run.id, "root", "C0OPS", PostState.SENT, "", "1.1"))
        await told.finish(run.id, 99)
        before = await rows(p)
        assert {"runs", "steps", "events", "created", "disclosures", "told", "narrations"} <= (
            before.keys()
        )
        now = datetime.now(UTC)
        assert await p.forget_runs(now - HOUR) == 0
        assert await rows(p) == before, "nothing is old yet"
        assert await p.forget_runs(now + HOUR) == 1
        assert await rows(p) == {"audit": before["audit"], **HEAD}
        assert (await p.audit.verify()).broken_at is None
        assert await DBOS.list_workflows_async() == []
        assert await p.forget_runs(now + HOUR) == 0


async def test_what_is_not_settled_is_kept(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        kept = await over(p, await p.submit(ADA, Build(trouble="failed", keep=True), OPS))
        assert kept.locks == ("instance:acme",)
        assert await p.forget_runs(datetime.now(UTC) + HOUR) == 0
        assert (await p.show(kept.id)).locks == kept.locks


async def test_many_runs_go_in_batches(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        for _ in range(3):
            await over(p, await p.submit(ADA, Build(things="a"), OPS))
        p.forgetting.batch = 2
        assert await p.forget_runs(datetime.now(UTC) + HOUR) == 3
        assert set(await rows(p)) == {"audit", *HEAD}


async def test_notices_go_with_what_is_known_of_their_messages(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        told = StoredTold(p.database, SystemClock())
        for key in ("digest:1", "digest:2", "never told"):
            await p.notices.announce(Notice(key, "hello"))
        for key in ("digest:1", "digest:2"):
            await told.put(Post("notice", key, "C0OPS", PostState.SENT, "", "1.1"))
            await p.notices.tell(Notice(key, "hello"))
        now = datetime.now(UTC)
        assert await p.forget_notices(now - HOUR) == 0
        assert (await rows(p))["notices"] == 3
        assert await p.forget_notices(now + HOUR) == 3
        assert await rows(p) == HEAD
