"""Percentiles, and figures as people read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all values do not exceed, by nearest rank: always one that was
    really measured. Raises ValueError without values, or for a percentage outside of 0 to 100."""
    if not values:
        raise ValueError("nothing was measured")
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is no percentage")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


@dataclass(frozen=True)
class Spread:
    """The middle and the slow end of many measured values, in their own unit."""

    count: int
    p50: float
    p99: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(len(values), percentile(values, 50), percentile(values, 99), max(values))


def figure(value: float) -> str:
    """Three digits that count: `0.42`, `7.31`, `63.5`, `1,204`."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"
