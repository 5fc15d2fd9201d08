"""A chart in Slack: the native block, or its numbers in a grid where that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import Block, Kinds, mrkdwn, section
from bot.tables import grid

if TYPE_CHECKING:
    from engine.answer import Chart

KIND = "data_visualization"
MOST_CHARTS = 2
"""In one message; the rest come as numbers. Source: Block Kit reference, data visualization."""
_MOST_SEGMENTS = 12


def chart(part: Chart, newer: Kinds) -> list[Block]:
    """A pie without anything to divide is numbers, too."""
    if KIND not in newer or (part.kind == "pie" and not _segments(part)):
        named = [one.name for one in part.series]
        unit = f" ({mrkdwn(part.unit)})" if part.unit and part.unit not in named else ""
        return [section(f"*{mrkdwn(part.title)}*{unit}"), *grid(part.table())]
    drawn = {"segments": _segments(part)} if part.kind == "pie" else _axes(part)
    return [{"type": KIND, "title": part.title, "chart": {"type": part.kind, **drawn}}]


def _segments(part: Chart) -> list[Block]:
    """Slack takes none that are nothing, and twelve at most: the smallest are left out."""
    pairs = zip(part.categories, part.series[0].values, strict=True)
    shown = sorted((p for p in pairs if p[1] > 0), key=lambda p: -p[1])[:_MOST_SEGMENTS]
    return [{"label": label, "value": value} for label, value in shown]


def _axes(part: Chart) -> Block:
    axis: Block = {"categories": list(part.categories)}
    axis |= {"x_label": part.along} if part.along else {}
    axis |= {"y_label": part.unit} if part.unit else {}
    series = [
        {
            "name": one.name,
            "data": [
                {"label": category, "value": value}
                for category, value in zip(part.categories, one.values, strict=True)
            ],
        }
        for one in part.series
    ]
    return {"series": series, "axis_config": axis}
