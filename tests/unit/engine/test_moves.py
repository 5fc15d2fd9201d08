"""Every legal move between two statuses has a row in the table, and nothing else is possible."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from engine.run import MOVES, RunStatus
from engine.store.transaction import IllegalMove
from tests.unit.engine.house import ADA, OPS, Build, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path


async def test_legal_moves_are_made_and_all_others_refused(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await p.submit(ADA, Build(), OPS)
        async for _ in p.follow(run.id):
            pass
        for before, after in product(RunStatus, RunStatus):
            async with p.database.write() as session:
                await session.execute(
                    text("UPDATE runs SET status = :status"), {"status": str(before)}
                )
            if (before, after) in MOVES:
                async with p.journal.transaction() as tx:
                    await tx.move(run.id, after)
                assert (await p.show(run.id)).status == after
            else:
                with pytest.raises(IllegalMove):
                    async with p.journal.transaction() as tx:
                        await tx.move(run.id, after)
                assert (await p.show(run.id)).status == before


def test_every_row_says_when_it_happens() -> None:
    assert all(reason.strip() for reason in MOVES.values())


def test_what_is_over_can_only_be_taken_up_by_a_person() -> None:
    for before, after in MOVES:
        if before.over:
            assert after == RunStatus.QUEUED
