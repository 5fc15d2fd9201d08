"""What is used and what it costs, counted as Railway counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.capabilities import Period, Space
from providers.railway.provider import RailwayProvider
from tests.unit.providers.fakes import START, FakeRailway, error

SPACE = Space("p-1", "e-1", "luthien-acme", "ready", START)
MONTH_OF_MINUTES = 43_200.0


def used(measurement: str, value: float, **tags: str) -> dict[str, Any]:
    return {"measurement": measurement, "value": value, "tags": {"serviceId": None, **tags}}


async def test_a_month_of_everything_costs_what_the_price_list_says(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on(
        "usage",
        [
            used("CPU_USAGE", MONTH_OF_MINUTES, serviceId="s-1"),
            used("MEMORY_USAGE_GB", MONTH_OF_MINUTES, serviceId="s-1"),
            used("DISK_USAGE_GB", MONTH_OF_MINUTES, serviceId="s-1"),
            used("BACKUP_USAGE_GB", MONTH_OF_MINUTES, serviceId="s-1"),
            used("NETWORK_TX_GB", 2.0, serviceId="s-1"),
            used("NETWORK_RX_GB", 5.0, serviceId="s-1"),
            used("MEMORY_USAGE_GB", 60.0, serviceId="s-2"),
            used("MEMORY_USAGE_GB", 60.0),
        ],
    )
    found = await provider.used(SPACE, since=START)
    assert found.keys() == {"s-1", "s-2"}, "what belongs to no service is left out"
    whole = found["s-1"]
    assert (whole.cpu_hours, whole.memory_gb_hours, whole.disk_gb_hours) == (720, 720, 1440)
    assert (whole.sent_gb, whole.received_gb) == (2, 5)
    assert whole.cost_usd == Decimal("30.4"), "20 + 10 + 2 × 0.15 + 2 × 0.05"
    assert found["s-2"].memory_gb_hours == 1
    [asked] = [a for a in railway.asked if a.operation == "usage"]
    assert asked.variables["projectId"] == "p-1"
    assert asked.variables["groupBy"] == ["SERVICE_ID"]


async def test_the_whole_workspace_is_one_call(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    amounts = [used("CPU_USAGE", 60.0, projectId=f"p-{n}") for n in range(1000)]
    railway.on("usage", amounts)
    found = await provider.used_by_space(since=START)
    assert len(found) == 1000
    assert railway.counts["usage"] == 1


async def test_the_bill_ends_when_railway_says(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    period = {"start": "2025-12-12T00:00:00.000Z", "end": "2026-01-12T00:00:00.000Z"}
    railway.on("workspace", {"customer": {"billingPeriod": period}})
    found = await provider.billing_period()
    assert found == Period(datetime(2025, 12, 12, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC))


async def test_who_may_not_see_the_bill_gets_the_calendar_month(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("workspace", error("Not Authorized"))
    found = await provider.billing_period()
    assert found == Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))


async def test_what_is_to_be_expected(provider: RailwayProvider, railway: FakeRailway) -> None:
    estimate = {"measurement": "MEMORY_USAGE_GB", "estimatedValue": MONTH_OF_MINUTES / 2}
    railway.on("estimatedUsage", [estimate])
    assert await provider.expected_cost(SPACE) == Decimal("5.0")


async def test_samples_become_even_steps(provider: RailwayProvider, railway: FakeRailway) -> None:
    epoch = int(START.timestamp())
    samples = [{"ts": epoch + at, "value": float(at)} for at in (0, 30, 60, 180, 240)]
    railway.on(
        "metrics",
        [
            {"measurement": "CPU_USAGE", "tags": {"serviceId": "s-1"}, "values": samples},
            {"measurement": "MEMORY_USAGE_GB", "tags": {"serviceId": "s-2"}, "values": []},
        ],
    )
    until = START + timedelta(minutes=4)
    found = await provider.course(SPACE, since=START, until=until, points=4)
    assert found["s-1"].cpu == (15.0, 60.0, 0.0, 210.0), "the last step has its end, too"
    assert found["s-1"].memory_gb == (0.0,) * 4
    assert found["s-2"].memory_gb == (0.0,) * 4
    [asked] = [a for a in railway.asked if a.operation == "metrics"]
    assert asked.variables["sampleRateSeconds"] == 60
