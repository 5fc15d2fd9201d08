"""How much longer `/luthien create` takes than Railway's own work, and what it asks of Railway."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.critical_path import Node, RailwayWaits, longest
from bench.figures import figure
from bench.processes import (
    asked_of_railway,
    control,
    last_line,
    running_sandbox,
    running_server,
    scratch,
)
from bench.result import BenchFailed, Goal, Result, Table

if TYPE_CHECKING:
    from app.demo import Sandbox
    from bench.processes import Server
    from bench.result import Effort

TITLE = "Creating an instance"
RATIO = 1.05
MUTATIONS = 12
PATIENCE_S = 150.0

HOW = """\
`/luthien create` typed in the stand-in's Slack (Socket Mode), from Enter until the run's end \
is committed, which is after `/health` and `/ready` answered 200. The *critical path* is the \
longest path through the stored plan's dependency graph, where each step takes only what \
Railway's stand-in made it wait in that very run, read from its records: workflows from \
request to completion, the propagation of a new service, every phase of the deployments. \
*Overhead* is the rest: our requests, commits and polling, and the stand-in's own computing. \
The stand-in's waits are divided by the speed, and so are our polling intervals \
(`LUTHIEN_PACE`); computing and commits take real milliseconds whatever the speed. Low speeds \
are used, so that these are not hidden, and what they add weighs five times (twice) as much as \
it would at Railway's own pace."""


@dataclass(frozen=True)
class Creation:
    """One finished run."""

    speed: float
    wall_s: float
    path: tuple[Node, ...]
    took: dict[str, float]
    """Seconds by step, as the run tells; and from Enter to the first step."""
    reads: Counter[str]
    mutations: Counter[str]

    @property
    def critical_s(self) -> float:
        return sum(node.wait_s for node in self.path)

    @property
    def ratio(self) -> float:
        return self.wall_s / self.critical_s

    @property
    def overhead_s(self) -> float:
        return self.wall_s - self.critical_s


async def measure(effort: Effort) -> Result:
    done: list[Creation] = []
    for speed, count in ((5.0, effort.count(2, 1)), (2.0, effort.count(1, 0))):
        folder = scratch() / f"create-{speed:g}"
        if not count:
            continue
        with (
            running_sandbox(folder, speed=speed) as sandbox,
            running_server(folder, sandbox, pace=speed) as server,
        ):
            for number in range(count):
                done.append(await _create(sandbox, server, f"bench-{number + 1}", speed))  # noqa: PERF401
    return _result(done)


async def _create(sandbox: Sandbox, server: Server, name: str, speed: float) -> Creation:
    before = await last_line(sandbox)
    entered = time.time()
    asked = {"user": "ada", "channel": "#ops", "text": f"/luthien create {name}"}
    ack = await control(sandbox, "POST", "slack/command", asked)
    if ack["status"] != 200:
        raise BenchFailed(f"the command was not acknowledged: {ack}")
    run = await _finished(server, name)
    if run["status"] != "succeeded":
        raise BenchFailed(f"run {run['id']} of {name} ended {run['status']}: {run['trouble']}")
    state = (await control(sandbox, "GET", "state"))["railway"]
    waits = RailwayWaits(state, run["result"]["project_id"])
    lines = [line for line in await asked_of_railway(sandbox, before) if line["document"]]
    return Creation(
        speed=speed,
        wall_s=run["ended_at"] - entered,
        path=tuple(longest(waits.nodes(run["plan"]["steps"], speed))),
        took={"": run["first_step_at"] - entered, **run["steps"]},
        reads=Counter(line["operation"] for line in lines if not _writes(line)),
        mutations=Counter(line["operation"] for line in lines if _writes(line)),
    )


def _writes(line: dict[str, Any]) -> bool:
    return str(line["document"]).lstrip().startswith("mutation")


async def _finished(server: Server, name: str) -> dict[str, Any]:
    """The run's rows once it is over; looking at the file disturbs nobody."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            run = connection.execute("SELECT * FROM runs WHERE subject = ?", (name,)).fetchone()
            if run is None or run["ended_at"] is None:
                continue
            steps = connection.execute(
                "SELECT key, started_at, ended_at FROM steps WHERE run_id = ? ORDER BY started_at",
                (run["id"],),
            ).fetchall()
        known = {key: run[key] for key in run.keys()}  # noqa: SIM118 - a row is no mapping
        return known | {
            "plan": json.loads(run["plan"]),
            "result": json.loads(run["result"]),
            "ended_at": moment(run["ended_at"]),
            "first_step_at": moment(steps[0]["started_at"]),
            "steps": {
                s["key"]: moment(s["ended_at"]) - moment(s["started_at"])
                for s in steps
                if s["started_at"] and s["ended_at"]
            },
        }
    raise BenchFailed(f"the run of {name} did not end within {PATIENCE_S:g} s")


def moment(stored: str) -> float:
    """Times are stored in UTC, without saying so."""
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()


def _result(done: list[Creation]) -> Result:
    rows = tuple(
        (
            f"speed {c.speed:g}, run {number}",
            figure(c.wall_s),
            figure(c.critical_s),
            f"{c.ratio:.3f}",
            figure(c.overhead_s * 1000),
            str(sum(c.mutations.values())),
            str(sum(c.reads.values())),
        )
        for number, c in enumerate(done, 1)
    )
    columns = ("", "wall s", "critical path s", "ratio", "overhead ms", "mutations", "reads")
    worst = max(done, key=lambda c: c.ratio)
    most = max(sum(c.mutations.values()) for c in done)
    ratios = ", ".join(f"{c.ratio:.3f}" for c in done)
    return Result(
        TITLE,
        HOW,
        (
            Table("Wall time and requests", columns, rows),
            _where_it_goes(worst),
            _asked(done[0]),
        ),
        (
            Goal(
                f"wall time of `create` at most {RATIO:g} times the critical path (every run)",
                ratios,
                worst.ratio <= RATIO,
            ),
            Goal(f"at most {MUTATIONS} mutations", str(most), most <= MUTATIONS),
        ),
        _at_full_length(done),
    )


def _at_full_length(done: list[Creation]) -> tuple[str, ...]:
    """What two speeds tell of the third: waiting for our own polls is divided by the speed,
    computing is not."""
    by_speed = {speed: [c for c in done if c.speed == speed] for speed in {c.speed for c in done}}
    if len(by_speed) < 2:
        return ()
    slow, fast = min(by_speed), max(by_speed)
    over_slow, over_fast = (fmean(c.overhead_s for c in by_speed[s]) for s in (slow, fast))
    polling = (over_slow - over_fast) / (1 / slow - 1 / fast)
    computing = over_fast - polling / fast
    full = fmean(c.critical_s * c.speed for c in done)
    if polling < 0 or computing < 0:
        return ("The runs differ too much to tell polling from computing.",)
    return (
        f"Calculated from the two speeds, not measured: {figure(computing)} s of the overhead are "
        f"computing, and polling takes {figure(polling)} s divided by the speed. At Railway's own "
        f"pace (a critical path of {figure(full)} s) the ratio would be "
        f"{1 + (polling + computing) / full:.3f}.",
    )


def _where_it_goes(creation: Creation) -> Table:
    """The critical path of the run with the worst ratio, step by step."""
    rows = [("from Enter to the first step", figure(creation.took[""] * 1000), "0", "")]
    covered = creation.took[""]
    for node in creation.path:
        took = creation.took.get(node.key)
        if took is None:
            rows.append((node.key, "", figure(node.wait_s * 1000), ""))
            continue
        covered += took
        more = (took - node.wait_s) * 1000
        rows.append((node.key, figure(took * 1000), figure(node.wait_s * 1000), figure(more)))
    between = (creation.wall_s - covered) * 1000
    rows.append(("between the steps and after the last", figure(between), "0", figure(between)))
    return Table(
        f"Where the time goes: the critical path of the run with the highest ratio (speed "
        f"{creation.speed:g}), ms",
        ("step", "took", "Railway's own wait", "ours"),
        tuple(rows),
    )


def _asked(creation: Creation) -> Table:
    """Every operation of one run, writes first."""
    writes = [(f"{name} (mutation)", str(n)) for name, n in creation.mutations.most_common()]
    reads = [(name, str(n)) for name, n in creation.reads.most_common()]
    return Table(
        f"What one create asks of Railway (speed {creation.speed:g}, run 1)",
        ("operation", "requests"),
        (*writes, *reads),
    )
