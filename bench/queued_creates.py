"""A hundred creations that several people asked for: as fast as allowed, fair, no errors."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bench.create_time import moment
from bench.figures import figure, percentile
from bench.processes import asked_of_railway, control, running_sandbox, running_server, scratch
from bench.result import BenchFailed, Goal, Result, Table

if TYPE_CHECKING:
    from app.demo import Sandbox
    from bench.processes import Server
    from bench.result import Effort

TITLE = "A hundred creations in line"
LONGEST_S = 900
EVERY_S = 30.0
"""Railway makes one project of a workspace in this time. Source: the throttle's own message."""
AT_IT = 2
"""Whose turn it was, and who came while the last look before standing in line was taken."""
WITHIN = 1 / 0.95
LEARNING = 1
"""How often Railway may say "too quickly": that is how it is known that there is a throttle."""
SPEEDS = {"pro": 20.0, "hobby": 60.0}
"""By the workspace's plan; an hour of Hobby's requests has to fit into the time for a bench."""
WANTED = {"ada": 80, "ben": 15, "cleo": 5}
"""Asked for in this order, all of one person's before the next one's first."""

HOW = f"""\
{", ".join(f"{who} asks for {count}" for who, count in WANTED.items())} instances, each with a \
slash command (Socket Mode), one after the other in this order. The stand-in makes one project \
of a workspace in {EVERY_S:g} s of Railway's time, divided by the speed ({SPEEDS["pro"]:g} on \
Pro, {SPEEDS["hobby"]:g} on Hobby, where it allows 1,000 requests an hour and 10 a second). \
*From the first project to the last* is by the stand-in's records; what its limit allows are the \
intervals between them. *Until all are ready* ends with the last run; allowed are the same \
intervals and what the middle one of the runs took from its project to its end. *Place* is where \
somebody's last project stands among those that were made once all that they asked for stood in \
line: with three people it is at most three times what they wanted, after whose turn it was. \
*Turned away* is how often Railway said "too quickly" and nothing was made: once, since nobody \
waits before it was said. Computing takes real time whatever the speed, so it weighs \
{SPEEDS["pro"]:g} times what it would at Railway's pace."""


@dataclass(frozen=True)
class Line:
    """What became of all of them; times in real seconds of this machine."""

    plan: str
    speed: float
    stood_at: dict[str, float]
    """Since when all of each person's creations stood in line."""
    made: list[tuple[float, str]]
    """When each project was made, and for whom, in order."""
    began_at: float
    ended_at: float
    finishing: list[float]
    """From each project to the end of its run."""
    statuses: Counter[str]
    requests: int
    throttled: int
    refused: int
    """Answered with 429."""

    @property
    def count(self) -> int:
        return len(self.made)

    @property
    def spread_s(self) -> float:
        return self.made[-1][0] - self.made[0][0]

    @property
    def allowed_s(self) -> float:
        return (self.count - 1) * EVERY_S / self.speed

    @property
    def whole_s(self) -> float:
        return self.ended_at - self.began_at

    @property
    def whole_allowed_s(self) -> float:
        return self.allowed_s + percentile(self.finishing, 50)

    def place(self, who: str) -> int:
        """Of their last project, among those made since all of theirs stood in line."""
        later = [whose for at, whose in self.made if at >= self.stood_at[who]]
        return max((n for n, whose in enumerate(later, 1) if whose == who), default=0)


async def measure(effort: Effort) -> Result:
    wanted = {who: effort.count(count, max(1, count // 10)) for who, count in WANTED.items()}
    return _result([await _line(plan, wanted) for plan in SPEEDS], wanted)


async def _line(plan: str, wanted: dict[str, int]) -> Line:
    speed, folder = SPEEDS[plan], scratch() / f"line-{plan}"
    people = {"LUTHIEN_DEFAULT_ROLE": "deployer"}
    with (
        running_sandbox(folder, speed=speed) as sandbox,
        running_server(folder, sandbox, pace=speed, more=people) as server,
    ):
        settings = {"railway": {"settings": {"plan": plan}}}
        await control(sandbox, "PUT", "state", settings)
        began_at = time.time()
        for who, count in wanted.items():
            for number in range(count):
                asked = {"user": who, "channel": "#ops", "text": f"/luthien create {who}-{number}"}
                ack = await control(sandbox, "POST", "slack/command", asked)
                if ack["status"] != 200:
                    raise BenchFailed(f"the command was not acknowledged: {ack}")
        runs = await _over(server, sum(wanted.values()))
        return await _became(plan, sandbox, runs, began_at)


async def _over(server: Server, count: int) -> list[dict[str, Any]]:
    """The rows of the runs, once all are over."""
    query = (
        "SELECT subject, status, result, ended_at, (SELECT started_at FROM steps WHERE"
        " run_id = runs.id AND key = 'space') AS stood_at FROM runs"
    )
    while True:
        await asyncio.sleep(1)
        with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as connection:
            connection.row_factory = sqlite3.Row
            rows = [dict(row) for row in connection.execute(query)]
        if len(rows) == count and all(row["ended_at"] for row in rows):
            return rows


async def _became(
    plan: str,
    sandbox: Sandbox,
    runs: list[dict[str, Any]],
    began_at: float,
) -> Line:
    state = (await control(sandbox, "GET", "state"))["railway"]
    made = {p["id"]: _seconds(p["created_at"]) for p in state["projects"]}
    lines = await asked_of_railway(sandbox)
    ended = {json.loads(run["result"]).get("project_id"): moment(run["ended_at"]) for run in runs}
    return Line(
        plan=plan,
        speed=SPEEDS[plan],
        stood_at={
            who: max(
                moment(run["stood_at"]) for run in runs if run["subject"].startswith(f"{who}-")
            )
            for who in WANTED
        },
        made=sorted(
            (_seconds(p["created_at"]), p["name"].removeprefix("luthien-").partition("-")[0])
            for p in state["projects"]
        ),
        began_at=began_at,
        ended_at=max(moment(run["ended_at"]) for run in runs),
        finishing=[ended[project] - at for project, at in made.items() if project in ended],
        statuses=Counter(run["status"] for run in runs),
        requests=sum(1 for line in lines if line["document"]),
        throttled=sum("too quickly" in (line["answer"] or "") for line in lines),
        refused=sum(line["status"] == 429 for line in lines),
    )


def _seconds(at: float | str) -> float:
    return at if isinstance(at, float) else datetime.fromisoformat(at).timestamp()


def _result(lines: list[Line], wanted: dict[str, int]) -> Result:
    rows, goals = [], []
    for line in lines:
        places = [line.place(who) for who in wanted]
        rows.append(
            (
                f"{line.plan}, speed {line.speed:g}",
                figure(line.spread_s),
                figure(line.allowed_s),
                figure(line.whole_s),
                figure(line.whole_allowed_s),
                *map(str, places),
                f"{line.requests:,}",
                f"{line.throttled}",
                f"{line.refused}",
            )
        )
        errors = sum(n for status, n in line.statuses.items() if status != "succeeded")
        goals.append(
            Goal(
                f"{line.plan}: 0 errors, for throttles or for anything else",
                f"{errors} of {line.count} runs; turned away {line.throttled} times",
                line.throttled <= LEARNING and errors == 0,
            )
        )
        if line.plan == "pro":
            goals += _in_time(line)
        others = [(who, n) for who, n in wanted.items() if n < max(wanted.values())]
        goals += [
            Goal(
                f"{line.plan}: {who}, who wants {n}, does not wait for ada's {wanted['ada']}",
                f"its last one stands at place {line.place(who)} of those made since then",
                line.place(who) <= len(wanted) * n + AT_IT,
            )
            for who, n in others
        ]
    columns = (
        *("", "first to last project, s", "allowed", "until all are ready, s", "allowed"),
        *(f"{who}'s place" for who in wanted),
        *("requests", "turned away", "429"),
    )
    return Result(TITLE, HOW, (Table("The line", columns, tuple(rows)),), tuple(goals))


def _in_time(line: Line) -> list[Goal]:
    """On Hobby requests are scarce, so that it may be slower."""
    return [
        Goal(
            f"{line.plan}: {what} within 1/0.95 of what one project in {EVERY_S:g} s allows",
            f"{figure(took)} s of {figure(allowed)} s, 1/{allowed / took:.3f}",
            took <= allowed * WITHIN,
        )
        for what, took, allowed in (
            ("from the first project to the last", line.spread_s, line.allowed_s),
            ("until all are ready", line.whole_s, line.whole_allowed_s),
        )
    ]
