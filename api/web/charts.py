"""A neutral chart as the geometry of an SVG picture; colours and type are the style sheet's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.answer import number

if TYPE_CHECKING:
    from engine.answer import Chart

WIDTH, HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 32
_TICKS = 4
_LETTER = 7.5
"""About as wide as one is, so that labels do not run into one another."""


@dataclass(frozen=True)
class Mark:
    """One drawn thing: a bar or a slice (`path`), a line, or the area below it."""

    series: int
    path: str
    title: str
    filled: bool = True


@dataclass(frozen=True)
class Label:
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Picture:
    marks: tuple[Mark, ...]
    ticks: tuple[Label, ...] = ()
    """On the vertical axis, each with a line over the whole width."""
    labels: tuple[Label, ...] = ()
    legend: tuple[tuple[int, str], ...] = ()


def picture(chart: Chart) -> Picture:
    return _pie(chart) if chart.kind == "pie" else _plot(chart)


def _plot(chart: Chart) -> Picture:
    values = [value for series in chart.series for value in series.values]
    low, step = min(0.0, *values), _step(max(0.0, *values) - min(0.0, *values))
    low = math.floor(low / step) * step
    high = max(math.ceil(max(0.0, *values) / step), 1) * step
    across = (WIDTH - _LEFT - _RIGHT) / len(chart.categories)

    def x(at: float) -> float:
        return round(_LEFT + across * at, 1)

    def y(value: float) -> float:
        share = (value - low) / (high - low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    marks: list[Mark] = []
    for index, series in enumerate(chart.series):
        if chart.kind == "bar":
            width = across * 0.7 / len(chart.series)
            for at, value in enumerate(series.values):
                left = x(at + 0.15) + width * index
                title = f"{chart.categories[at]}: {number(value)} {chart.unit}".strip()
                path = f"M{left:.1f} {y(0)}V{y(value)}h{max(width - 1, 1):.1f}V{y(0)}Z"
                marks.append(Mark(index, path, title))
            continue
        points = [f"{x(at + 0.5)} {y(value)}" for at, value in enumerate(series.values)]
        line = "M" + "L".join(points)
        if chart.kind == "area":
            shape = f"{line}L{x(len(points) - 0.5)} {y(0)}L{x(0.5)} {y(0)}Z"
            marks.append(Mark(index, shape, series.name))
        marks.append(Mark(index, line, series.name, filled=False))
    count = round((high - low) / step)
    longest = max(len(category) for category in chart.categories)
    fits = max(1, int((WIDTH - _LEFT) / (longest * _LETTER + _LETTER)))
    every = -(-len(chart.categories) // fits)
    return Picture(
        marks=tuple(marks),
        ticks=tuple(
            Label(_LEFT, y(low + step * n), number(low + step * n)) for n in range(count + 1)
        ),
        labels=tuple(
            Label(x(at + 0.5), HEIGHT - 10, category)
            for at, category in enumerate(chart.categories)
            if at % every == 0
        ),
        legend=tuple((i, s.name) for i, s in enumerate(chart.series))
        if len(chart.series) > 1
        else (),
    )


def _pie(chart: Chart) -> Picture:
    values = [max(value, 0.0) for value in chart.series[0].values]
    total = sum(values) or 1.0
    centre, radius = HEIGHT / 2, HEIGHT / 2 - 12
    marks, begun = [], 0.0
    for index, value in enumerate(values):
        share = value / total
        title = f"{chart.categories[index]}: {number(value)} {chart.unit}".strip()
        if share >= 1:
            path = f"M{centre} {centre - radius}a{radius} {radius} 0 1 1 -0.1 0Z"  # a whole circle
            marks.append(Mark(index, path, title))
        elif share > 0:
            ends = begun + share
            path = (
                f"M{centre} {centre}L{_on(centre, radius, begun)}"
                f"A{radius} {radius} 0 {int(share > 0.5)} 1 {_on(centre, radius, ends)}Z"
            )
            marks.append(Mark(index, path, title))
        begun += share
    legend = tuple(
        (i, f"{c} {number(v)}")
        for i, (c, v) in enumerate(zip(chart.categories, values, strict=True))
    )
    return Picture(tuple(marks), legend=legend)


def _on(centre: float, radius: float, share: float) -> str:
    angle = 2 * math.pi * share - math.pi / 2
    return f"{centre + radius * math.cos(angle):.1f} {centre + radius * math.sin(angle):.1f}"


def _step(span: float) -> float:
    """A round distance between ticks, of which a handful cover the span."""
    rough = (span or 1.0) / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough)
