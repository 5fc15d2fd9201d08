"""What is remembered of a delivery, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.control_plane import Request
from tests.unit.engine.house import ADA, OPS, Build, Look, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_repeated_delivery_leads_to_the_run_it_started(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("api:k1", ADA, Build(), OPS))
        assert await p.started_by("api:k1") is None
        outcome = await p.handle("api:k1")
        assert outcome is not None
        assert outcome.run is not None
        found = await p.started_by("api:k1")
        assert found is not None
        assert found.id == outcome.run.id


async def test_only_old_and_handled_deliveries_are_forgotten(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("slack:handled", ADA, Build(), OPS))
        await p.handle("slack:handled")
        await p.accept(Request("slack:waiting", ADA, Build(), OPS))
        assert await p.forget_deliveries(datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await p.forget_deliveries(datetime.now(UTC) + timedelta(hours=1)) == 1
        assert await p.unhandled() == []  # it is being handled, as far as anybody knows
    async with plane(tmp_path, Vendor()) as p:
        assert [r.delivery for r in await p.unhandled()] == ["slack:waiting"]


async def test_a_question_knows_its_delivery(tmp_path: Path) -> None:
    """So that what it does can be the same when it is asked again after a crash."""
    async with plane(tmp_path, Vendor()) as p:
        await p.accept(Request("slack:1", ADA, Look(), OPS))
        outcome = await p.handle("slack:1")
        assert outcome is not None
        assert outcome.answer is not None
        assert outcome.answer.data == {"delivery": "slack:1"}
