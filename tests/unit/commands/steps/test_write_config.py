from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from commands.steps.places import Place
from commands.steps.write_config import WriteConfig
from engine.capabilities import Service, Space
from engine.errors import OutcomeUnknown
from engine.step import StepFailed
from tests.unit.commands.fakes import FakeContext

if TYPE_CHECKING:
    from tests.unit.commands.host import FakeHost

SPACE = Space(
    "space-1",
    "env-1",
    "luthien-acme",
    "ready",
    datetime(2026, 1, 1, tzinfo=UTC),
    services=(Service("gw", "gateway"),),
)
STEP = WriteConfig(
    key="write",
    space=Place.of(SPACE),
    service="gw",
    service_name="gateway",
    values={"LOG_LEVEL": "debug", "OLD": None},
    sealed=("KEY",),
    seen={"LOG_LEVEL": "info", "OLD": "1"},
    said="~ LOG_LEVEL",
)


@pytest.fixture
def there(host: FakeHost) -> dict[str, str]:
    host.put(SPACE)
    kept = host.service("space-1", "gateway")
    kept.variables = {"LOG_LEVEL": "info", "OLD": "1", "OTHER": "x"}
    return kept.variables


def context(host: FakeHost, *, uncertain: bool = False) -> FakeContext:
    ctx = FakeContext(host, uncertain=uncertain)
    ctx.secrets["KEY"] = "sk-secret"
    return ctx


async def test_all_is_one_write_and_no_secret_is_told(
    host: FakeHost, there: dict[str, str]
) -> None:
    result = await STEP.run(context(host))
    assert host.service("space-1", "gateway").variables == {
        "LOG_LEVEL": "debug",
        "OTHER": "x",
        "KEY": "sk-secret",
    }
    assert host.writes == ["write_variables"]
    assert "sk-secret" not in str(result)
    assert result["before"] == {"LOG_LEVEL": "info", "OLD": "1"}
    assert result["after"] == {"LOG_LEVEL": "debug", "OLD": None}
    assert result["hidden"] == ["KEY"]


async def test_what_was_written_by_a_lost_try_is_not_written_again(
    host: FakeHost, there: dict[str, str]
) -> None:
    host.lost["write_variables"] = "after"
    with pytest.raises(OutcomeUnknown):
        await STEP.run(context(host))
    result = await STEP.run(context(host, uncertain=True))
    assert host.writes == ["write_variables"]
    assert result["before"] == {"LOG_LEVEL": "info", "OLD": "1"}


async def test_what_somebody_else_has_set_just_so_is_no_reason_to_stop(
    host: FakeHost, there: dict[str, str]
) -> None:
    there["LOG_LEVEL"] = "debug"
    await STEP.run(context(host))
    assert host.service("space-1", "gateway").variables["KEY"] == "sk-secret"
    assert host.writes == ["write_variables"]


async def test_what_somebody_else_has_set_is_left(host: FakeHost, there: dict[str, str]) -> None:
    there["LOG_LEVEL"] = "error"
    with pytest.raises(StepFailed, match="LOG_LEVEL of gateway changed"):
        await STEP.run(context(host))
    assert host.writes == []
