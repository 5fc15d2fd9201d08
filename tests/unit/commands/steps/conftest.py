from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(FakeClock())


@pytest.fixture
def slow_host() -> FakeHost:
    """What is written shows a minute later."""
    return FakeHost(FakeClock(), lag=timedelta(seconds=60))
