"""What runs at what expense."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.capabilities.spaces import Space


@dataclass(frozen=True)
class Used:
    """What was used in a span of time, and what that cost. A vCPU that runs for an hour, a GB
    that is held for an hour."""

    cpu_hours: float = 0.0
    memory_gb_hours: float = 0.0
    disk_gb_hours: float = 0.0
    """Volumes with their backups."""
    sent_gb: float = 0.0
    received_gb: float = 0.0
    cost_usd: Decimal = Decimal(0)

    def __add__(self, other: Used) -> Used:
        return Used(
            self.cpu_hours + other.cpu_hours,
            self.memory_gb_hours + other.memory_gb_hours,
            self.disk_gb_hours + other.disk_gb_hours,
            self.sent_gb + other.sent_gb,
            self.received_gb + other.received_gb,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True)
class Period:
    """What one bill is about."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Course:
    """How a service went, at even intervals; 0 while it did not run."""

    cpu: tuple[float, ...]
    """vCPUs."""
    memory_gb: tuple[float, ...]


class MeasuresUse(Protocol):
    """Knows what runs at what expense. Of a space only the ids are relied on."""

    async def billing_period(self) -> Period:
        """The one that is under way; the calendar month where the vendor does not tell."""

    async def used(self, space: Space, *, since: datetime) -> Mapping[str, Used]:
        """Until now, by service id."""

    async def used_by_space(self, *, since: datetime) -> Mapping[str, Used]:
        """Until now, of everything that the token can see, by space id."""

    async def expected_cost(self, space: Space) -> Decimal:
        """Of the whole billing period, if everything goes on as it does, in dollars."""

    async def course(
        self, space: Space, *, since: datetime, until: datetime, points: int
    ) -> Mapping[str, Course]:
        """By service id."""
