"""What is used, what it costs, and how services went over time.

Railway counts in unit-minutes (a vCPU or a GB for a minute), egress in GB. Source: railwayapp/cli,
src/commands/usage.rs; prices: Railway docs, pricing/plans.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.capabilities import Course, Period, Used
from providers.railway import models
from providers.railway.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.capabilities import Space
    from providers.railway.rail import Rail

_CPU, _MEMORY, _DISK, _BACKUP = "CPU_USAGE", "MEMORY_USAGE_GB", "DISK_USAGE_GB", "BACKUP_USAGE_GB"
_SENT, _RECEIVED = "NETWORK_TX_GB", "NETWORK_RX_GB"
_MEASUREMENTS = (_CPU, _MEMORY, _DISK, _BACKUP, _SENT, _RECEIVED)
_MINUTES_A_MONTH = 43_200
_DOLLARS_A_MONTH = {_CPU: 20.0, _MEMORY: 10.0, _DISK: 0.15, _BACKUP: 0.15}
"""For one vCPU or GB that is used all month."""
_DOLLARS_A_GB_SENT = 0.05
_UNBILLED = (Verdict.MISSING, Verdict.DENIED)


class Usage:
    """MeasuresUse."""

    _rail: Rail

    async def billing_period(self) -> Period:
        """A token that may not see the bill gets the calendar month.

        Source: Railway's public GraphQL schema, `workspace { customer { billingPeriod } }`.
        """
        workspace = await self._rail.workspace()
        told = await self._rail.client.read_unless(
            _UNBILLED, "workspace", models.Billing, workspaceId=workspace
        )
        if isinstance(told, Verdict):
            return _calendar_month(self._rail.clock.now())
        period = told.customer.billing_period
        return Period(period.start, period.end)

    async def used(self, space: Space, *, since: datetime) -> Mapping[str, Used]:
        """Source: Railway's public GraphQL schema, `usage`."""
        amounts = await self._usage("SERVICE_ID", since, projectId=space.id)
        return _by((a.tags.service_id, a) for a in amounts)

    async def used_by_space(self, *, since: datetime) -> Mapping[str, Used]:
        """One call, however many projects there are."""
        workspace = await self._rail.workspace()
        amounts = await self._usage("PROJECT_ID", since, workspaceId=workspace)
        return _by((a.tags.project_id, a) for a in amounts)

    async def expected_cost(self, space: Space) -> Decimal:
        """Source: Railway's public GraphQL schema, `estimatedUsage`."""
        estimated = await self._rail.client.read(
            "estimatedUsage",
            list[models.EstimatedAmount],
            measurements=_MEASUREMENTS,
            projectId=space.id,
        )
        return _cost({e.measurement: e.estimated_value for e in estimated})

    async def course(
        self, space: Space, *, since: datetime, until: datetime, points: int
    ) -> Mapping[str, Course]:
        """Samples are averaged where Railway gives more of them than were asked for.

        Source: Railway's public GraphQL schema, `metrics` (`ts` in seconds since the epoch).
        """
        step = (until - since) / points
        measured = await self._rail.client.read(
            "metrics",
            list[models.Measured],
            measurements=(_CPU, _MEMORY),
            projectId=space.id,
            environmentId=space.environment_id,
            startDate=since.isoformat(),
            endDate=until.isoformat(),
            sampleRateSeconds=max(1, int(step.total_seconds())),
        )
        found: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
        for one in measured:
            if one.tags.service_id:
                values = _even(one.values, since, step, points)
                found[one.tags.service_id][one.measurement] = values
        nothing = (0.0,) * points
        return {
            service: Course(cpu=seen.get(_CPU, nothing), memory_gb=seen.get(_MEMORY, nothing))
            for service, seen in found.items()
        }

    async def _usage(self, tag: str, since: datetime, **scope: str) -> list[models.UsedAmount]:
        return await self._rail.client.read(
            "usage",
            list[models.UsedAmount],
            measurements=_MEASUREMENTS,
            groupBy=[tag],
            startDate=since.isoformat(),
            endDate=self._rail.clock.now().isoformat(),
            **scope,
        )


def _by(amounts: Iterable[tuple[str | None, models.UsedAmount]]) -> dict[str, Used]:
    """What belongs to nothing that still has an id is left out."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for key, amount in amounts:
        if key:
            sums[key][amount.measurement] += amount.value
    return {key: _used(values) for key, values in sums.items()}


def _used(amounts: Mapping[str, float]) -> Used:
    def hours(*measurements: str) -> float:
        return sum(amounts.get(m, 0.0) for m in measurements) / 60

    return Used(
        cpu_hours=hours(_CPU),
        memory_gb_hours=hours(_MEMORY),
        disk_gb_hours=hours(_DISK, _BACKUP),
        sent_gb=amounts.get(_SENT, 0.0),
        received_gb=amounts.get(_RECEIVED, 0.0),
        cost_usd=_cost(amounts),
    )


def _cost(amounts: Mapping[str, float]) -> Decimal:
    held = sum(
        amounts.get(measurement, 0.0) * dollars / _MINUTES_A_MONTH
        for measurement, dollars in _DOLLARS_A_MONTH.items()
    )
    cost = held + amounts.get(_SENT, 0.0) * _DOLLARS_A_GB_SENT
    return Decimal(str(round(cost, 6)))


def _even(
    samples: Iterable[models.Sample], since: datetime, step: timedelta, points: int
) -> tuple[float, ...]:
    """The average of each interval."""
    inside: list[list[float]] = [[] for _ in range(points)]
    for sample in samples:
        at = int((sample.ts - since.timestamp()) / step.total_seconds())
        inside[min(max(at, 0), points - 1)].append(sample.value)
    return tuple(sum(values) / len(values) if values else 0.0 for values in inside)


def _calendar_month(now: datetime) -> Period:
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    return Period(start, end)
