"""The audit chain: every edit, deletion and reorder of a row is found."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from engine.actor import Actor, Door, Role
from engine.control_plane import AuditCheck, AuditFault
from engine.store import audit
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path

BEN = Actor(door=Door.SLACK, id="U0BEN", name="ben", role=Role.DEPLOYER)


@pytest.mark.parametrize(
    ("damage", "found_at"),
    [
        (None, None),
        ("UPDATE audit SET actor = 'slack:U0BEN' WHERE seq = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 2) WHERE seq = 4", 4),
    ],
)
async def test_damage_is_found_where_it_begins(
    tmp_path: Path, damage: str | None, found_at: int | None
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await p.submit(ADA, Build(), OPS)
        async for _ in p.follow(run.id):
            pass
        async with p.database.write() as session:
            if damage:
                await session.execute(text(damage))
        async with p.database.read(one_moment=True) as session:
            assert await audit.first_break(session) == found_at
            actions = list(await session.scalars(text("SELECT action FROM audit ORDER BY seq")))
        [end] = await p.audit.entries(actions=["run.succeeded"])
    if damage is None:
        assert actions == ["run.queued", *["step.done"] * 3, "run.succeeded"]
        assert (end.actor, end.subject, end.detail) == (ADA.key, "acme", {"command": run.line})


async def test_entries_are_read_newest_first_and_narrowed(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await p.submit(ADA, Build(), OPS)
        async for _ in p.follow(run.id):
            pass
        await p.record(BEN, "credentials.shown", "acme", names=["PROXY_API_KEY"])
        newest, *older = await p.audit.entries()
        assert (newest.actor, newest.action, newest.subject) == (
            BEN.key,
            "credentials.shown",
            "acme",
        )
        assert newest.detail == {"names": ["PROXY_API_KEY"]}
        assert [e.seq for e in older] == [5, 4, 3, 2, 1]
        assert {e.run_id for e in older} == {run.id}
        assert [e.seq for e in await p.audit.entries(limit=2, skip=1)] == [5, 4]
        for actor in (BEN.key, BEN.id):
            assert [e.seq for e in await p.audit.entries(actor=actor)] == [6]
        assert await p.audit.entries(actor="0BEN") == []
        assert [e.seq for e in await p.audit.entries(subject="acme", limit=1)] == [6]
        assert await p.audit.entries(since=newest.at + timedelta(seconds=1)) == []
        assert await p.audit.verify() == AuditCheck(6, None, head=await p.audit.head())
        async with p.database.write() as session:
            await session.execute(text("UPDATE audit SET action = 'x' WHERE seq = 4"))
        assert await p.audit.verify() == AuditCheck(6, 4, AuditFault.ALTERED)
