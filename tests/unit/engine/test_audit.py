"""The audit chain: every edit, deletion and reorder of a row is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from engine.store import audit
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path


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
        async with p.database.read() as session:
            assert await audit.first_break(session) == found_at
            actions = list(await session.scalars(text("SELECT action FROM audit ORDER BY seq")))
    if damage is None:
        assert actions == ["run.queued", *["step.done"] * 3, "run.succeeded"]
