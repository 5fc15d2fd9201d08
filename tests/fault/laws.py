"""What has to hold after whatever went wrong. A law looks at evidence (the stand-ins' journal and
state, what people see, what the bot keeps) and raises AssertionError; `test_laws.py` doctors the
evidence against each of them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    Row = Mapping[str, Any]

SETTINGS = ("serviceInstanceAutoDeployUpdate",)
"""Changes that say how something shall be: saying so twice changes nothing."""
OVER = {"succeeded", "failed", "errored", "cancelled", "rolled_back"}
PEOPLE_DECIDE = {"failed", "errored", "cancelled", "awaiting_approval"}
"""A run like this may keep its lock: whoever it waits for gives it up."""


class Seen(Protocol):
    """A place to look at: real processes or simulated ones."""

    async def sees(self, thread: str = "") -> list[dict[str, Any]]:
        """The channel, or one thread, oldest first."""

    def rows(self, query: str) -> list[dict[str, Any]]:
        """From the bot's database."""

    def new_runs(self) -> list[dict[str, Any]]: ...

    async def audit_break(self) -> int | None: ...


# ── each intended change exactly once ─────────────────────────────────────────────────────────


def changes(journal: Iterable[Row]) -> Counter[str]:
    """What Railway was asked to change, and did."""
    return Counter(
        entry["operation"]
        for entry in journal
        if entry["vendor"] == "railway"
        and str(entry["document"]).lstrip().startswith("mutation")
        and '"errors"' not in str(entry["answer"])
    )


def each_change_once(made: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """`wanted`: how often without any fault."""
    done = {name: count for name, count in made.items() if name not in SETTINGS}
    meant = {name: count for name, count in wanted.items() if name not in SETTINGS}
    assert done == meant, f"changes at Railway: {done}, wanted: {meant}"


def creations_are_undone(made: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Where creations failed, were removed and made again: as many projects remain as wanted."""
    removed = made.get("projectDelete", 0) - wanted.get("projectDelete", 0)
    left = made.get("projectCreate", 0) - removed
    assert removed >= 0, f"removed too little: {made}, wanted: {wanted}"
    assert left == wanted.get("projectCreate", 0), f"changes at Railway: {made}, wanted: {wanted}"


# ── no orphan, no duplicate project ───────────────────────────────────────────────────────────


def only_what_was_wished(projects: Iterable[Row], wished: Collection[str]) -> None:
    """`wished`: the names that may be there."""
    there = Counter(p["name"] for p in projects if not p["deleted_at"])
    orphans = sorted(there.keys() - {*wished})
    assert not orphans, f"projects of nobody: {orphans}"
    doubled = {name: count for name, count in there.items() if count > 1}
    assert not doubled, f"made more than once: {doubled}"


# ── every run ends; locks end, or have a holder and a way out ─────────────────────────────────


def every_run_ends(runs: Iterable[Row]) -> None:
    """None is under way for ever."""
    open_ = {run["id"]: run["status"] for run in runs if run["status"] not in OVER}
    assert not open_, f"runs that never end: {open_}"


def locks_end(locks: Iterable[Row], runs: Iterable[Row]) -> None:
    """Each is of a run that people can decide about."""
    status = {run["id"]: run["status"] for run in runs}
    left = {lock["run_id"]: status.get(lock["run_id"], "unknown") for lock in locks}
    stale = {run: what for run, what in left.items() if what not in PEOPLE_DECIDE}
    assert not stale, f"locks of runs that nobody decides about: {stale}"


def there_is_a_way_on(run: Row) -> None:
    """A run that did not succeed says why."""
    assert run["trouble"], f"{run['id']} is {run['status']} without a reason"
    trouble = json.loads(run["trouble"])
    assert trouble["summary"], f"{run['id']} is {run['status']} and says nothing"


def no_bug_of_ours(run: Row) -> None:
    """It did not end by an exception that nobody foresaw."""
    trouble = json.loads(run["trouble"] or "{}")
    assert not trouble.get("incident"), f"{run['id']}: {trouble}"


# ── each milestone is told exactly once ───────────────────────────────────────────────────────


def told_once(messages: Iterable[Row]) -> None:
    """Each message has a key, and each key one message."""
    told = Counter(filter(None, map(key_of, messages)))
    doubled = {key: count for key, count in told.items() if count > 1}
    assert not doubled, f"told more than once: {doubled}"


def milestones_are_told(run: Row, events: Sequence[Row], messages: Sequence[Row]) -> None:
    """The root says the end, each end has its message, each finished step its line."""
    mine = {key[1]: m for m in messages if (key := key_of(m)) and key[0] == run["id"]}
    wanted = {"root"} | {f"final:{e['seq']}" for e in events if e["kind"] == "ended"}
    assert wanted <= mine.keys(), f"{run['id']}: not told: {wanted - mine.keys()}"
    done = Counter(e["step"] for e in events if e["kind"] == "step_done")
    lines = [
        line for m in mine.values() for line in m["text"].splitlines() if line.startswith("✓")
    ]
    assert len(lines) == done.total(), f"{run['id']}: steps done: {done}, told: {lines}"
    if run["status"] == "succeeded":
        said = mine["root"]["text"]
        assert said.startswith("✅"), f"{run['id']} has succeeded, and its message says: {said}"


def key_of(message: Row) -> tuple[str, str] | None:
    """Of which run a message is (`notice`: of none), and what of it."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return (payload["run"], payload["key"]) if "key" in payload else None


# ── credentials could be delivered ────────────────────────────────────────────────────────────


def credentials_were_shown(before: int, after: int, *, broken_off: int = 0) -> None:
    """Once at most by themselves, again by whoever goes on where this was broken off (what one
    person alone sees cannot be looked up), and once more when they were asked for again."""
    assert before <= 1 + broken_off, f"credentials were delivered {before} times"
    assert after == before + 1, f"credentials cannot be had: {before}, then {after}"


# ── nothing is deleted before its time ────────────────────────────────────────────────────────


def nothing_goes_early(
    gone: Row, journal: Iterable[Row], due: datetime, told: datetime | None = None
) -> None:
    """`told`: when its last warning had to be told at the latest."""
    at = [
        datetime.fromisoformat(entry["at"])
        for entry in journal
        if entry["operation"] == "projectDelete" and gone["id"] in str(entry["variables"])
    ]
    assert at, f"{gone['name']} is gone, and nobody deleted it"
    assert min(at) >= due, f"{gone['name']} was deleted at {min(at)}, before its time: {due}"
    assert told is None or min(at) >= told, f"{gone['name']} was deleted unannounced"


# ── of a whole place ──────────────────────────────────────────────────────────────────────────


async def audit_is_whole(place: Seen) -> None:
    broken = await place.audit_break()
    assert broken is None, f"the audit does not follow at row {broken}"


async def nothing_is_left(place: Seen) -> None:
    """After all has succeeded: no run under way, no lock at all, and a whole audit."""
    every_run_ends(place.new_runs())
    locks = place.rows("select * from locks")
    assert not locks, f"locks without a run: {locks}"
    await audit_is_whole(place)


async def all_is_told(place: Seen) -> None:
    """Every milestone of every run."""
    messages = {m["ts"]: m for m in await place.sees()}
    for message in tuple(messages.values()):
        if message.get("reply_count"):
            messages |= {m["ts"]: m for m in await place.sees(message["ts"])}
    seen = list(messages.values())
    told_once(seen)
    for run in place.new_runs():
        events = place.rows(f"select * from events where run_id = '{run['id']}'")
        milestones_are_told(run, events, seen)
