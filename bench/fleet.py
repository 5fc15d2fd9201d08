"""What the bot does by itself about a thousand instances: calls to Railway, and time."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench.figures import figure
from bench.processes import (
    asked_of_railway,
    control,
    last_line,
    running_sandbox,
    running_server,
    scratch,
)
from bench.result import Goal, Result, Table
from scheduler.expiry import LONGEST
from scheduler.watch import ALL_EVERY, SHARE

if TYPE_CHECKING:
    from app.demo import Sandbox
    from bench.processes import Server
    from bench.result import Effort

TITLE = "Watching a thousand instances"
HOURLY = 10_000
"""Requests that Railway's Pro plan allows. Source: Railway docs, integrations/api."""
DIGEST_S = 5.0
HOUR = timedelta(hours=1)

HOW = f"""\
What the timers do, asked for over the API of `luthien serve` in an account of 1,000 finished \
instances, a tenth of them marked for deletion: one look of the watch at all of them, one sweep \
for what is due, one digest into a channel, each several times. An hour's calls are those of \
one look times how often there is one: the watch every {ALL_EVERY.total_seconds():g} s with \
room, the sweep at least every {LONGEST.total_seconds() / 60:g} minutes (sooner only when \
something is due). The watch may take {SHARE:.0%} of the {HOURLY:,} requests an hour of \
Railway's Pro plan."""


async def measure(effort: Effort) -> Result:
    folder, count = scratch() / "fleet", effort.count(1000, 200)
    due = (datetime.now(UTC) + timedelta(days=7)).replace(microsecond=0)
    measured: dict[str, list[_Done]] = {}
    with running_sandbox(folder, speed=10) as sandbox:
        await _fill(sandbox, count - count // 10, "luthien-up{n}", "ready")
        mark = f"deletion-scheduled:{due.isoformat()}"
        await _fill(sandbox, count // 10, "luthien-down{n}", mark)
        with running_server(folder, sandbox, pace=1) as server:
            for name, fields in (
                ("watch", {}),
                ("sweep", {}),
                ("digest", {"channel": sandbox.channel, "when": ["now"]}),
            ):
                measured[name] = [
                    await _done(sandbox, server, name, fields) for _ in range(effort.count(5, 2))
                ]
    return _result(count, measured)


async def _fill(sandbox: Sandbox, count: int, name: str, mark: str) -> None:
    body = {"count": count, "name": name, "description": mark}
    await control(sandbox, "POST", "railway/populate", body)


class _Done:
    """One command: its time, and what Railway was asked meanwhile."""

    def __init__(self, took_s: float, lines: list[dict[str, Any]]) -> None:
        self.took_s = took_s
        self.calls = Counter(str(line["operation"]) for line in lines)
        self.vendor_s = sum(float(line["duration_ms"]) for line in lines) / 1000


async def _done(sandbox: Sandbox, server: Server, name: str, fields: dict[str, Any]) -> _Done:
    since, began = await last_line(sandbox), time.perf_counter()
    await server.command(name, **fields)
    took = time.perf_counter() - began
    return _Done(took, await asked_of_railway(sandbox, since))


def _result(count: int, measured: dict[str, list[_Done]]) -> Result:
    rows, calls = [], {}
    for name, done in measured.items():
        typical = sorted(done, key=lambda one: one.took_s)[len(done) // 2]
        fewest = min(done, key=lambda one: sum(one.calls.values()))  # nothing came between
        calls[name] = sum(fewest.calls.values())
        asked = ", ".join(f"{n} × {operation}" for operation, n in fewest.calls.items())
        rows.append(
            (
                f"`{name}`",
                asked or "none",
                figure(typical.took_s * 1000),
                figure(typical.vendor_s * 1000),
                figure((typical.took_s - typical.vendor_s) * 1000),
            )
        )
    watched, swept = calls["watch"] * (HOUR / ALL_EVERY), calls["sweep"] * (HOUR / LONGEST)
    slowest = max(one.took_s for one in measured["digest"])
    return Result(
        TITLE,
        HOW,
        (
            Table(
                f"One of each over {count:,} instances, ms",
                ("", "calls", "took", "of this the stand-in", "ours"),
                tuple(rows),
            ),
        ),
        (
            Goal(
                f"the watch within its share, {HOURLY * SHARE:g} calls an hour",
                f"{watched:g} an hour",
                watched <= HOURLY * SHARE,
            ),
            Goal(
                "expiry within what is left beside it",
                f"{swept:g} an hour while nothing is due",
                watched + swept <= HOURLY * SHARE,
            ),
            Goal(
                f"digest of 1,000 instances in at most {DIGEST_S:g} s",
                f"the slowest {figure(slowest)} s",
                slowest <= DIGEST_S,
            ),
        ),
        (
            "The floor is Railway's: two pages of 500 projects are the fewest calls that show a"
            " thousand, and most of the time is the stand-in making them.",
        ),
    )
