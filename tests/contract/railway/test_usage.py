"""What the stand-in says of an instance's use."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox


async def test_every_service_is_measured_and_billed(
    provider: RailwayProvider, sandbox: Sandbox
) -> None:
    sandbox.control("railway/populate", count=2, name="luthien-n{n}", description="ready")
    spaces = sorted(await provider.spaces(), key=lambda s: s.name)
    space, other = spaces
    period = await provider.billing_period()
    assert period.start < space.created_at < period.end
    now = provider.host_time()
    assert now is not None
    since = now - timedelta(hours=1)
    used = await provider.used(space, since=since)
    assert used.keys() == {service.id for service in space.services}
    assert all(one.cost_usd >= 0 for one in used.values())
    whole = await provider.used_by_space(since=since)
    assert whole.keys() == {space.id, other.id}
    assert await provider.expected_cost(space) > Decimal(0)
    made = space.created_at
    gateway = space.service("gateway")
    assert gateway is not None
    async with asyncio.timeout(10):
        while True:
            course = await provider.course(
                space, since=made, until=made + timedelta(seconds=20), points=20
            )
            assert course.keys() == used.keys()
            assert len(course[gateway.id].memory_gb) == 20
            if max(course[gateway.id].memory_gb) > 0.2:
                break
            await asyncio.sleep(0.1)
