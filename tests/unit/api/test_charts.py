from __future__ import annotations

import io

from rich.console import Console

from api import render
from engine.answer import Chart, Series


def drawn(chart: Chart) -> list[str]:
    out = Console(file=io.StringIO(), width=100, highlight=False, emoji=False, markup=False)
    render.parts((chart,), out)
    assert isinstance(out.file, io.StringIO)
    return [line for line in out.file.getvalue().splitlines() if line]


def test_amounts_are_bars_of_their_size_with_their_numbers() -> None:
    chart = Chart(
        kind="bar",
        title="Cost",
        unit="$",
        categories=("proxy", "Postgres", "Redis"),
        series=(Series(name="$", values=(3.0, 1.5, 0)),),
    )
    title, proxy, postgres, redis = drawn(chart)
    assert title.split() == ["Cost", "$"]
    assert proxy.split() == ["proxy", "█" * 30, "3"]
    assert postgres.split() == ["Postgres", "█" * 15, "1.5"]
    assert redis.split() == ["Redis", "0"]


def test_what_grows_over_time_is_a_line_for_each_series() -> None:
    chart = Chart(
        kind="line",
        title="Memory",
        unit="GB",
        categories=("Mon", "Tue", "Wed"),
        series=(
            Series(name="proxy", values=(0, 1, 2)),
            Series(name="Redis", values=(0.5, 0.5, 0.5)),
        ),
    )
    lines = drawn(chart)
    assert "Mon … Wed" in lines[1]
    assert lines[-2].split() == ["proxy", "▁▅█", "0", "2", "2"]
    assert lines[-1].split() == ["Redis", "▁▁▁", "0.5", "0.5", "0.5"]
