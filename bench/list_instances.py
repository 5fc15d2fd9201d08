"""`list` in an account with a thousand instances: calls to Railway and time."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.figures import figure, percentile
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
    from collections.abc import Awaitable, Callable

    from app.demo import Sandbox
    from bench.result import Effort

TITLE = "Listing a thousand instances"
CALLS = 3
WARM_MS = 100
SCHEDULED = 100
"""Of the instances, so many are marked for deletion."""

HOW = f"""\
`list` asked of `luthien serve` over its API, the door that says most (all rows with all their \
fields, where Slack shows twenty at a time), in an account that holds 1,000 finished instances \
of three services each, {SCHEDULED} of them marked for deletion. *Cold* is the first request of \
a fresh process; its calls are all that were made since the process was started, so finding out \
what kind of token it has is among them. *Warm* are the requests right after it, which may be \
answered from what was read within the last seconds if we have written nothing since. Every \
answer is checked: all names, states, addresses and deletion times are there. The time that the \
stand-in took for its answers is read from its journal; the rest is ours: transport, reading \
the JSON, the rows, the answer."""


async def measure(effort: Effort) -> Result:
    folder, count = scratch() / "list", effort.count(1000, 200)
    with running_sandbox(folder, speed=10) as sandbox:
        scheduled = min(SCHEDULED, count // 2)
        due = (datetime.now(UTC) + timedelta(days=7)).replace(microsecond=0)
        await _fill(sandbox, count - scheduled, "luthien-up{n}", "ready")
        await _fill(sandbox, scheduled, "luthien-down{n}", f"deletion-scheduled:{due.isoformat()}")
        began = await last_line(sandbox)
        with running_server(folder, sandbox, pace=1) as server:
            async with server.client() as http:
                ask = partial(server.asked, http, "list")
                cold = await _listed(sandbox, ask, count, scheduled, since=began)
                warm = []
                for _ in range(effort.count(20, 2)):
                    since = await last_line(sandbox)
                    warm.append(await _listed(sandbox, ask, count, scheduled, since=since))
    return _result(count, cold, warm)


async def _fill(sandbox: Sandbox, count: int, name: str, mark: str) -> None:
    body = {"count": count, "name": name, "description": mark}
    await control(sandbox, "POST", "railway/populate", body)


class _Listing:
    """One `list`: its time, and what Railway was asked."""

    def __init__(self, took_ms: float, lines: list[dict[str, Any]]) -> None:
        self.took_ms = took_ms
        self.calls = Counter(str(line["operation"]) for line in lines)
        self.vendor_ms = sum(float(line["duration_ms"]) for line in lines)


async def _listed(
    sandbox: Sandbox,
    ask: Callable[[], Awaitable[dict[str, Any]]],
    count: int,
    scheduled: int,
    *,
    since: int,
) -> _Listing:
    """`since`: the journal's line after which calls count."""
    began = time.perf_counter()
    answer = (await ask())["answer"]
    took = (time.perf_counter() - began) * 1000
    _check(answer["data"]["instances"], count, scheduled)
    return _Listing(took, await asked_of_railway(sandbox, since))


def _check(instances: list[dict[str, Any]], count: int, scheduled: int) -> None:
    """Raises BenchFailed when the answer lacks anything."""
    whole = [i for i in instances if i["name"] and i["url"] and len(i["services"]) == 3]
    states = Counter(i["status"] for i in instances)
    dated = [i for i in instances if i["deletion_scheduled_at"]]
    wanted = {"running": count - scheduled, "deletion_scheduled": scheduled}
    if len(whole) != count or states != wanted or len(dated) != scheduled:
        raise BenchFailed(f"the list is not whole: {len(whole)} of {count}, {dict(states)}")


def _result(count: int, cold: _Listing, warm: list[_Listing]) -> Result:
    typical = sorted(warm, key=lambda listing: listing.took_ms)[len(warm) // 2]
    rows = [
        (
            name,
            str(sum(listing.calls.values())),
            figure(listing.took_ms),
            figure(listing.vendor_ms),
            figure(listing.took_ms - listing.vendor_ms),
        )
        for name, listing in (("cold", cold), (f"warm, median of {len(warm)}", typical))
    ]
    calls = sum(cold.calls.values())
    asked = ", ".join(f"{n} × {name}" for name, n in cold.calls.items())
    times = [listing.took_ms for listing in warm]
    p95, slowest = percentile(times, 95), max(times)
    again = min(sum(listing.calls.values()) for listing in warm)
    return Result(
        TITLE,
        HOW,
        (
            Table(
                f"`list` of {count:,} instances, ms",
                ("", "calls to Railway", "took", "of this the stand-in", "ours"),
                tuple(rows),
            ),
        ),
        (
            Goal(f"cold at most {CALLS} calls to Railway", f"{calls}: {asked}", calls <= CALLS),
            Goal("warm no call", f"{again}", again == 0),
            Goal(f"warm p95 at most {WARM_MS} ms", f"{figure(p95)} ms", p95 <= WARM_MS),
        ),
        (f"The slowest of the warm ones took {figure(slowest)} ms.",),
    )
