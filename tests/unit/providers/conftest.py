from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from providers.railway.client import RailwayClient
from providers.railway.provider import RailwayProvider
from tests.unit.providers.fakes import ME, FakeClock, FakeRailway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URL = "https://railway.test/graphql/v2"
TOKEN = "7d3f1a52-token"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def railway(clock: FakeClock) -> FakeRailway:
    """An account token's Railway with one workspace."""
    return FakeRailway(clock).on("me", ME)


@pytest.fixture
async def client(clock: FakeClock, railway: FakeRailway) -> AsyncIterator[RailwayClient]:
    client = RailwayClient(URL, TOKEN, clock=clock, transport=railway.transport())
    yield client
    await client.aclose()


@pytest.fixture
async def provider(clock: FakeClock, railway: FakeRailway) -> AsyncIterator[RailwayProvider]:
    provider = RailwayProvider(URL, TOKEN, None, clock=clock, transport=railway.transport())
    yield provider
    await provider.aclose()
