"""What a digest says. Summarised, so that a thousand instances fit into one message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from commands.digest_changes import ACTIONS, SHOWN, Changes
from commands.instance_state import InstanceStatus
from commands.instances import all_instances
from commands.run_view import status_words, took
from commands.scheduled import keep_offers
from engine.answer import Chart, Fact, Facts, Offer, Series, Table, Text
from engine.capabilities import MeasuresUse, Used
from engine.errors import ProviderError
from engine.run import RunStatus
from engine.words import about, dollars, plural, until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from commands.instances import Instance
    from engine.answer import Part
    from engine.control_plane import AuditEntry
    from engine.run import RunBrief
    from engine.world import World

_SLOWEST = 3
_ENTRIES = 20_000
"""The newest ones of the audit that are looked at."""
_DEPLOYS = ("create", "redeploy", "rollback")
_WENT_WRONG = (RunStatus.FAILED, RunStatus.ERRORED, RunStatus.ROLLED_BACK)
_NOT_WELL = (InstanceStatus.UNHEALTHY, InstanceStatus.FAILED, InstanceStatus.UNKNOWN)
_LABEL = 20
_A_CENT = Decimal("0.01")


@dataclass(frozen=True)
class State:
    """How everything is at this moment, read once for all digests that are due."""

    now: datetime
    instances: Sequence[Instance]
    runs: Sequence[RunBrief]
    audit: Sequence[AuditEntry] = ()
    """What people did."""
    keep: tuple[Offer, ...] = ()
    cost: Mapping[str, Decimal] = field(default_factory=dict)
    """Instance → dollars in this billing period."""
    unpriced: str = ""
    """Why the cost is not known."""

    @property
    def states(self) -> dict[str, str]:
        return {one.name: one.status.words for one in self.instances}


async def gather(world: World, since: datetime) -> State:
    """For digests that begin then or later. Raises ProviderError when the instances cannot be
    read; without the cost it still says all the rest."""
    instances = await all_instances(world)
    runs = await world.control.runs_since(since)
    audit = await world.control.audit.entries(since=since, actions=ACTIONS, limit=_ENTRIES)
    scheduled = [one for one in instances if one.deletion_at is not None]
    cost, unpriced = {}, ""
    try:
        meter = world.use(MeasuresUse)
        used = await meter.used_by_space(since=(await meter.billing_period()).start)
        cost = {one.name: used.get(one.space.id, Used()).cost_usd for one in instances}
    except ProviderError as missed:
        unpriced = missed.summary
    keep = keep_offers(scheduled, world.actor, most=SHOWN)
    return State(world.now(), instances, runs, audit, keep, cost, unpriced)


def written(
    state: State, title: str, late: str, since: datetime, seen: Mapping[str, str]
) -> tuple[str, tuple[Part, ...], tuple[Offer, ...]]:
    """Title, parts and buttons. `since` and `seen` are when the last one was told, and what it
    saw."""
    runs = [run for run in state.runs if run.created_at >= since]
    parts: list[Part] = [Facts(facts=_facts(state, runs, since))]
    parts += _changes(state, since, seen)
    parts += _not_well(state)
    parts += _leaving(state)
    parts += _went_wrong(runs)
    parts += _slowest(runs, state.now)
    if chart := _chart(state):
        parts.append(chart)
    offers = (*state.keep, Offer(label="All instances", line="list"))
    return f"{title}\n{late}".strip(), tuple(parts), offers


def _facts(state: State, runs: Sequence[RunBrief], since: datetime) -> tuple[Fact, ...]:
    counts = Counter(one.status for one in state.instances)
    words = [f"{counts[s]:,} {s.words}" for s in InstanceStatus if counts[s]]
    failed = sum(run.status in _WENT_WRONG for run in runs)
    facts = [
        Fact(
            label=plural(len(state.instances), "instance"),
            value=", ".join(words) or "none yet",
        ),
        Fact(
            label="Runs",
            value=f"{len(runs):,} in {about(state.now - since)}, {failed:,} went wrong",
        ),
    ]
    total = sum(state.cost.values(), Decimal(0))
    value = state.unpriced or f"{dollars(total)} so far"
    return (*facts, Fact(label="Cost this month", value=value))


def _changes(state: State, since: datetime, seen: Mapping[str, str]) -> list[Part]:
    """What people did and what else differs from the last digest; a first one that has nothing
    to tell leaves it out."""
    names = {run.actor.key: run.actor.name for run in state.runs}
    changes = Changes([entry for entry in state.audit if entry.at >= since], names)
    lines = changes.lines(seen, state.states)
    if not lines and not seen:
        return []
    when = "since the last digest" if seen else f"in the last {about(state.now - since)}"
    return [Text(text="\n".join([f"*What changed {when}*", *(lines or ["Nothing."])]))]


def _not_well(state: State) -> list[Part]:
    ill = [one for one in state.instances if one.status in _NOT_WELL]
    rows = [(one.name, one.status.words, one.reason) for one in ill]
    return _table("Not well", ("Name", "State", "Why"), rows)


def _leaving(state: State) -> list[Part]:
    leaving = sorted((one.deletion_at, one.name) for one in state.instances if one.deletion_at)
    rows = [(name, f"deleted {until(at, state.now)}") for at, name in leaving]
    return _table("Scheduled deletions", ("Name", "Deletion"), rows)


def _went_wrong(runs: Sequence[RunBrief]) -> list[Part]:
    rows = [
        (run.id, run.line, status_words(run.status), run.actor.name)
        for run in runs
        if run.status in _WENT_WRONG
    ]
    return _table("Runs that went wrong", ("Run", "What", "State", "By"), rows)


def _slowest(runs: Sequence[RunBrief], now: datetime) -> list[Part]:
    done = [run for run in runs if run.command in _DEPLOYS and run.status is RunStatus.SUCCEEDED]
    slow = sorted(done, key=lambda run: _lasted(run, now), reverse=True)[:_SLOWEST]
    rows = [(run.line, took(run, now), run.id) for run in slow]
    return _table("Slowest deploys", ("What", "Took", "Run"), rows)


def _lasted(run: RunBrief, now: datetime) -> timedelta:
    return (run.ended_at or now) - (run.started_at or run.created_at)


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[Part]:
    """With its heading; nothing at all when it has no rows."""
    if not rows:
        return []
    left = len(rows) - SHOWN
    more = f", of which {left:,} are not shown" if left > 0 else ""
    return [
        Text(text=f"*{title}* ({len(rows):,}{more})"),
        Table(columns=columns, rows=tuple(rows[:SHOWN])),
    ]


def _chart(state: State) -> Chart | None:
    """The dearest instances; where nothing costs anything yet, their states."""
    dear = sorted(state.cost.items(), key=lambda item: (-item[1], item[0]))
    shown = [(name, cost) for name, cost in dear if cost >= _A_CENT][:SHOWN]
    if shown:
        return Chart(
            kind="bar",
            title="What costs most this month",
            unit="$",
            categories=_labels([name for name, _ in shown]),
            series=(Series(name="Cost", values=tuple(float(cost) for _, cost in shown)),),
        )
    counts = Counter(state.states.values())
    if not counts:
        return None
    return Chart(
        kind="pie",
        title="Instances by state",
        unit="instances",
        categories=tuple(state[:_LABEL] for state in counts),
        series=(Series(name="instances", values=tuple(map(float, counts.values()))),),
    )


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    """Short enough for an axis, and still different from one another."""
    found: list[str] = []
    for name in names:
        label = name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"
        number = 2
        while label in found:
            end = f"…{number}"
            label, number = name[: _LABEL - len(end)] + end, number + 1
        found.append(label)
    return tuple(found)
