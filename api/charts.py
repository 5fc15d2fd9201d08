"""A chart on a terminal: a bar for each value where there is one series, else a small line of
block characters for each series, always with its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text as Rich

from engine.answer import number

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.answer import Chart

_WIDTH = 30
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def drawn(part: Chart) -> RenderableType:
    """Grows over time read best as lines, amounts side by side as bars."""
    title = Rich(part.title, style="bold").append(
        f"   {part.unit}" if part.unit else "", style="not bold dim"
    )
    many = len(part.series) > 1 or (part.kind in ("line", "area") and len(part.categories) > 2)
    return Group(title, _lines(part) if many else _bars(part))


def _bars(part: Chart) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    values = part.series[0].values
    most = max((abs(value) for value in values), default=0) or 1
    for category, value in zip(part.categories, values, strict=True):
        whole, part_of = divmod(round(abs(value) / most * _WIDTH * 8), 8)
        bar = "█" * whole + _EIGHTHS[part_of].strip()
        grid.add_row(Rich(category, style="dim"), Rich(bar, style="cyan"), Rich(number(value)))
    return grid


def _lines(part: Chart) -> Grid:
    first, last = part.categories[0], part.categories[-1]
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for head in ("", f"{first} … {last}" if first != last else first, "least", "most", "last"):
        grid.add_column(head)
    for series in part.series:
        low, high = min(series.values), max(series.values)
        steps = (high - low) or 1
        line = "".join(_HEIGHTS[round((v - low) / steps * 7)] for v in series.values)
        figures = (number(value) for value in (low, high, series.values[-1]))
        grid.add_row(series.name, Rich(line, style="cyan"), *figures)
    return grid
