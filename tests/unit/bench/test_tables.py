"""The arithmetic of the benchmarks and the document that they write."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from bench.critical_path import Node, RailwayWaits, longest
from bench.figures import Spread, figure, percentile
from bench.report import markdown, show, write
from bench.result import Goal, Result, Table

if TYPE_CHECKING:
    from pathlib import Path

WHEN = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
MACHINE = "Some CPU, 2 cores"


def a_result(title: str = "Speed", *, met: bool = True) -> Result:
    return Result(
        title,
        "Measured by hand.",
        (Table("Times, ms", ("", "p50"), (("one | two", "1.00"),)),),
        (Goal("at most 3 ms", "2 ms", met),),
        ("A note.",),
    )


# -- percentiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (50.5, 51), (99, 99), (100, 100)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == expected


def test_of_few_values_the_99th_percentile_is_the_largest() -> None:
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([7.0], 50) == 7.0


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 50)
    with pytest.raises(ValueError, match="no percentage"):
        percentile([1.0], 101)


def test_a_spread_sums_up_many_values() -> None:
    assert Spread.of([float(n) for n in range(1, 201)]) == Spread(200, 100.0, 198.0, 200.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.4249, "0.42"), (7.3, "7.30"), (63.54, "63.5"), (1203.7, "1,204"), (-12.34, "-12.3")],
)
def test_figures_show_three_digits(value: float, shown: str) -> None:
    assert figure(value) == shown


# -- the document ---------------------------------------------------------------------------------


def test_a_table_refuses_rows_of_another_width() -> None:
    with pytest.raises(ValueError, match="has not 2 cells"):
        Table("Times", ("", "p50"), (("one", "1", "2"),))


def test_a_section_says_when_on_what_how_and_whether_the_goal_was_met() -> None:
    assert markdown(a_result(), when=WHEN, machine=MACHINE) == (
        "## Speed\n\n"
        "_2026-11-21 06:30 UTC; Some CPU, 2 cores._\n\n"
        "Measured by hand.\n\n"
        "**Times, ms**\n\n"
        "|  | p50 |\n"
        "| --- | ---: |\n"
        "| one \\| two | 1.00 |\n\n"
        "| Goal | Found | |\n"
        "| --- | --- | --- |\n"
        "| at most 3 ms | 2 ms | met |\n\n"
        "- A note."
    )


def test_a_missed_goal_is_told_in_the_document_and_on_the_terminal() -> None:
    missed = a_result(met=False)
    assert "| **missed** |" in markdown(missed, when=WHEN, machine=MACHINE)
    console = Console(width=80, file=io.StringIO(), record=True)
    show(console, missed)
    told = console.export_text()
    assert "Goal: at most 3 ms: 2 ms – MISSED" in told
    assert "one | two" in told


def test_writing_one_section_keeps_the_others_in_order(tmp_path: Path) -> None:
    document = tmp_path / "docs" / "benchmarks.md"
    order = ["First", "Second", "Third"]
    for title in ("Second", "First"):
        write(document, [a_result(title)], when=WHEN, machine=MACHINE, order=order)
    before = document.read_text()
    assert before.index("## First") < before.index("## Second")

    write(document, [a_result("First", met=False)], when=WHEN, machine=MACHINE, order=order)
    after = document.read_text()
    assert after.count("## ") == 2
    assert after[after.index("## Second") :] == before[before.index("## Second") :]
    assert "**missed**" in after[: after.index("## Second")]


def test_a_section_that_no_measurement_writes_any_more_is_dropped(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    write(document, [a_result("Old")], when=WHEN, machine=MACHINE)
    write(document, [a_result("New")], when=WHEN, machine=MACHINE, order=["New"])
    assert "## Old" not in document.read_text()


# -- the critical path ----------------------------------------------------------------------------


def test_the_critical_path_goes_through_the_longest_branch_to_the_last_step() -> None:
    nodes = [
        Node("space", (), 0.0),
        Node("database", ("space",), 5.0),
        Node("service", ("space",), 3.0),
        Node("source", ("database", "service"), 0.0),
        Node("deployment", ("source",), 20.0),
        Node("ready", ("deployment",), 0.0),
    ]
    path = longest(nodes)
    assert [n.key for n in path] == ["space", "database", "source", "deployment", "ready"]
    assert sum(n.wait_s for n in path) == 25.0


def test_the_waits_are_those_that_the_stand_in_recorded() -> None:
    def of(service: str, **more: object) -> dict[str, object]:
        return {"project_id": "p", "service_id": f"id-{service}", **more}

    state = {
        "settings": {"workflow_hidden": 1.0},
        "services": [
            {"id": f"id-{name}", "name": name, "project_id": "p"} for name in ("Redis", "gateway")
        ]
        + [{"id": "other", "name": "gateway", "project_id": "q"}],
        "instances": [
            of("Redis", id="i-redis", created_at=100.2, visible_at=100.2),
            of("gateway", id="i-gateway", created_at=100.0, visible_at=100.75),
        ],
        "workflows": [
            {"project_id": "p", "visible_at": 100.2, "payload": {"instances": ["i-redis"]}}
        ],
        "deployments": [
            of("Redis", status="SUCCESS", created_at=101.5, status_updated_at=131.5),
            of("gateway", status="SUCCESS", created_at=102.0, status_updated_at=122.0),
        ],
    }
    plan = [
        {"key": "db", "kind": "add_database", "after": [], "name": "Redis"},
        {"key": "service", "kind": "add_service", "after": [], "name": "gateway"},
        {"key": "domain", "kind": "expose", "after": ["service"], "service_name": "gateway"},
        {
            "key": "deployed",
            "kind": "wait_for_deployment",
            "after": ["db", "domain"],
            "service_name": "gateway",
        },
        {"key": "health", "kind": "check_health", "after": ["deployed"]},
    ]
    nodes = {n.key: n for n in RailwayWaits(state, "p").nodes(plan, speed=5.0)}
    waits = {key: round(node.wait_s, 3) for key, node in nodes.items()}
    assert waits == {
        "db": 1.5,
        "db starts": 30.0,
        "service": 0.0,
        "domain": 0.75,
        "deployed": 20.0,
        "health": 0.0,
    }
    assert nodes["health"].after == ("deployed", "db starts")
    assert [n.key for n in longest(list(nodes.values()))] == ["db", "db starts", "health"]
