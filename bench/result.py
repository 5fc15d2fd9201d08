"""What a measurement hands over: tables of figures, and the issue's goals with their verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class BenchFailed(Exception):
    """Nothing could be measured: a process did not start, or did not do what is measured."""


@dataclass(frozen=True)
class Effort:
    """How much is measured; `quick` is for trying the benchmark itself."""

    quick: bool = False

    def count(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass(frozen=True)
class Table:
    caption: str
    columns: tuple[str, ...]
    """The first one names the row; the others hold figures."""
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.caption}: {row} has not {len(self.columns)} cells")


@dataclass(frozen=True)
class Goal:
    """`wanted` in the issue's words, `found` in figures."""

    wanted: str
    found: str
    met: bool

    def __str__(self) -> str:
        return f"{self.wanted}: {self.found} – {'met' if self.met else 'MISSED'}"


@dataclass(frozen=True)
class Result:
    title: str
    how: str
    """What was measured and how, in a few sentences."""
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()


class Measure(Protocol):
    """One measurement. Raises BenchFailed."""

    async def __call__(self, effort: Effort) -> Result: ...
