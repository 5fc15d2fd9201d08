"""A schedule: one operation and what goes wrong on its way; and how it has to end all the same."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict

from tests.fault import laws
from tests.fault.operations import OPERATIONS
from tests.fault.tap import Call, Fault, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fault.lane import Lane
    from tests.fault.operations import Operation

PATIENCE_S = 120.0
"""Nothing takes that long: a schedule that is not at rest then hangs."""


@dataclass(frozen=True)
class Schedule:
    """`delete kill-after@railway.projectUpdate.1`; read and printed like that."""

    operation: str
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        return " ".join((self.operation, *map(str, self.faults)))

    @classmethod
    def parse(cls, text: str) -> Self:
        operation, *faults = text.split(maxsplit=1)
        # An operation's name at the gateway has a blank: `gateway.GET /health.1`.
        words = "".join(faults).split(" ")
        joined: list[str] = []
        for word in words:
            if "@" in word or not joined:
                joined.append(word)
            else:
                joined[-1] += f" {word}"
        return cls(operation, tuple(Fault.parse(word) for word in joined if word))

    @property
    def replay(self) -> str:
        return f"make faults REPLAY='{self}'"


async def endure(lane: Lane, schedule: Schedule) -> None:
    """Carry it out in this lane. Raises AssertionError when something is lost, doubled or stuck;
    the lane can be used again only when nothing was raised."""
    operation = OPERATIONS[schedule.operation]
    await lane.renew()
    await operation.prepare(lane)
    since = await lane.last_entry()
    if any(fault.call.name in COLD for fault in schedule.faults):
        lane.kill()
    lane.tap.arm(schedule.faults, lane.kill)
    heard = await _until_over(lane, operation)
    struck = tuple(lane.tap.struck)
    lane.tap.disarm()
    await operation.go_on(lane)
    run = _run(lane)
    if not operation.makes_a_run:
        if not await operation.came_about(lane):
            await lane.reached_again()
            await _until_over(lane, operation)
    elif run is None:
        # Nothing came of it: then nothing was changed, and asking again must do.
        laws.each_change_once(laws.changes(await lane.journal(since)), {})
        private = [m for m in await lane.sees() if m["ephemeral"]]
        killed = any(fault.kind.kills for fault in struck)
        assert not heard or private or killed, "neither done nor answered"
        await lane.reached_again()
        await _until_over(lane, operation)
        await operation.go_on(lane)
        run = _run(lane)
        assert run is not None, "asked again, and nothing came of it"
    if run is not None and run["status"] != "succeeded":
        laws.there_is_a_way_on(run)
        laws.no_bug_of_ours(run)
        laws.locks_end(lane.rows("select * from locks"), [run])
        await laws.all_is_told(lane)
        await lane.types(f"/luthien retry {run['id']}")
        await lane.rests()
        run = _run(lane)
        assert run is not None
        assert run["status"] == "succeeded", f"tried again: {run['status']} {run['trouble']}"
    await operation.check(lane)
    made = laws.changes(await lane.journal(since))
    laws.each_change_once(made, learned(operation.name).changes)
    await laws.all_is_told(lane)
    await laws.nothing_is_left(lane)


async def survive(lane: Lane, schedule: Schedule) -> str:
    """Empty, or what was wrong with how to see it again."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await endure(lane, schedule)
    except (AssertionError, TimeoutError, ValueError, KeyError) as error:
        said = f"{type(error).__name__} {error}".strip()
        tail = "\n      ".join(lane.log.splitlines()[-12:])
        struck = " ".join(map(str, lane.tap.struck)) or "nothing"
        calls = " ".join(map(str, lane.tap.calls[-25:]))
        return (
            f"{schedule.replay}\n    {said}\n    struck: {struck}\n    calls: … {calls}"
            f"\n    log: {tail}"
        )
    return ""


# ── what an operation asks of whom ────────────────────────────────────────────────────────────

_CALLS = Path(__file__).with_name("calls")
POLLS = ("railway.projectsByIds", "railway.workflowStatus")
"""Calls that are made while something takes its time, if it takes any: of these and of ticks the
first two are worth breaking."""
TICKS = ("railway.projects", "gateway.GET /health", "gateway.GET /ready")
"""What the bot looks at by itself now and then."""
BY_CHANCE = (*POLLS, *TICKS, "slack.response_url", "slack.chat.update", "slack.users.info")
"""Made more or less often by chance: polls, the sign of life for whoever waits, edits that say
several things at once, and the names of people, which are learned beside everything else."""


class Calls(BaseModel):
    """What an operation asks of whom when nothing goes wrong, and how often. A call that is made
    more or less often by chance stands there with the least."""

    model_config = ConfigDict(frozen=True)

    calls: dict[str, int]
    changes: dict[str, int]
    """What Railway is asked to change, and does."""

    def both(self, other: Calls) -> Calls:
        assert self.changes == other.changes, "the changes differ by chance"
        calls = {n: min(self.calls[n], other.calls[n]) for n in self.calls.keys() & other.calls}
        calls |= {n: c for n, c in (self.calls | other.calls).items() if n in POLLS}
        return Calls(calls=calls, changes=self.changes)


COLD = (
    "railway.me",
    "slack.apps.connections.open",
    "slack.auth.test",
    "slack.conversations.info",
    "slack.socket",
    "slack.users.info",
)
"""Calls that a bot makes once in its life: to break them, it has to begin a new one."""


def learned(operation: str) -> Calls:
    return Calls.model_validate_json((_CALLS / f"{operation}.json").read_text())


def learn(operation: str, calls: Calls) -> None:
    text = json.dumps(calls.model_dump(), indent=2, sort_keys=True)
    (_CALLS / f"{operation}.json").write_text(f"{text}\n")


# ── inside ────────────────────────────────────────────────────────────────────────────────────


async def _until_over(lane: Lane, operation: Operation) -> bool:
    """Ada asks, the bot is brought back whenever it dies, all comes to rest. Whether the bot took
    what she asked."""
    asking = asyncio.create_task(operation.ask(lane))
    try:
        while not asking.done() or not await operation.begun(lane):
            await lane.keep_alive()
            await asyncio.sleep(0.01)
        await lane.rests()
        return await asking
    finally:
        asking.cancel()


def _run(lane: Lane) -> dict[str, Any] | None:
    """What came of it: the newest run."""
    runs = lane.new_runs()
    assert len(runs) <= 1, f"{len(runs)} runs for one wish: {[r['id'] for r in runs]}"
    return runs[-1] if runs else None


# ── which faults there are ────────────────────────────────────────────────────────────────────

_OF_A_FRAME = (Kind.KILL_BEFORE, Kind.KILL_AFTER, Kind.LOST_BEFORE, Kind.LOST_AFTER)


def every_fault(operation: str) -> list[Fault]:
    """Each call with each thing that can happen to it."""
    found = []
    for name, count in learned(operation).calls.items():
        vendor, _, what = name.partition(".")
        kinds: Sequence[Kind] = tuple(Kind)
        if name in ("slack.ack", "slack.socket"):
            kinds = _OF_A_FRAME
        elif vendor != "railway":
            kinds = [kind for kind in Kind if kind is not Kind.THROTTLE]
        found += [
            Fault(kind, Call(vendor, what, nth)) for nth in range(1, count + 1) for kind in kinds
        ]
    return found


async def watch(lane: Lane, operation: Operation) -> Calls:
    """What it asks of whom, in a bot's first minute, when nothing goes wrong."""
    await lane.renew()
    await operation.prepare(lane)
    since = await lane.last_entry()
    lane.kill()
    lane.tap.arm((), lane.kill)
    await lane.keep_alive()
    await _until_over(lane, operation)
    made = Counter(call.name for call in lane.tap.calls)
    often = [name for name in (*POLLS, *TICKS) if name in made]
    made.update({name: min(made[name], 2) - made[name] for name in often})
    changes = laws.changes(await lane.journal(since))
    await operation.check(lane)
    return Calls(calls=made, changes=changes)
