"""Each law can fail: evidence that holds is doctored, and the law has to find it."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fault import laws
from tests.fault.simulated.house import LONG_GRACE, open_house
from tests.fault.simulated.loop import SimulatedLoop

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def entry(operation: str, **differs: Any) -> dict[str, Any]:
    """A line of the stand-ins' journal."""
    return {
        "vendor": "railway",
        "operation": operation,
        "document": f"mutation {operation} {{ done }}",
        "variables": {"id": "p-1"},
        "answer": '{"data": {}}',
        "at": NOON.isoformat(),
    } | differs


# ── each intended change exactly once ─────────────────────────────────────────────────────────

CREATION = {"projectCreate": 1, "serviceCreate": 1, "projectUpdate": 1}


def test_only_changes_that_were_made_count() -> None:
    journal = [
        *map(entry, CREATION),
        entry("projects", document="query projects { id }"),
        entry("serviceCreate", answer='{"errors": [{"message": "no"}]}'),
        entry("chat.postMessage", vendor="slack"),
        entry("serviceInstanceAutoDeployUpdate"),
    ]
    made = laws.changes(journal)
    assert made == CREATION | {"serviceInstanceAutoDeployUpdate": 1}
    laws.each_change_once(made, CREATION)


@pytest.mark.parametrize(
    "made",
    [
        {**CREATION, "serviceCreate": 2},
        {"projectCreate": 1, "projectUpdate": 1},
        {**CREATION, "projectDelete": 1},
    ],
    ids=["twice", "never", "unasked"],
)
def test_a_change_made_twice_or_never_or_unasked_is_found(made: dict[str, int]) -> None:
    with pytest.raises(AssertionError, match="changes at Railway"):
        laws.each_change_once(Counter(made), Counter(CREATION))


def test_a_creation_that_was_made_again_without_removing_the_first_is_found() -> None:
    laws.creations_are_undone({"projectCreate": 2, "projectDelete": 1}, CREATION)
    with pytest.raises(AssertionError, match="changes at Railway"):
        laws.creations_are_undone({"projectCreate": 3, "projectDelete": 1}, CREATION)
    with pytest.raises(AssertionError, match="removed too little"):
        laws.creations_are_undone({"projectCreate": 1}, CREATION | {"projectDelete": 1})


# ── no orphan, no duplicate project ───────────────────────────────────────────────────────────


def project(name: str, **differs: Any) -> dict[str, Any]:
    return {"id": "p-1", "name": name, "deleted_at": None} | differs


def test_orphans_and_duplicates_are_found() -> None:
    there = [project("luthien-a"), project("luthien-b"), project("old", deleted_at=1.0)]
    laws.only_what_was_wished(there, {"luthien-a", "luthien-b", "luthien-gone"})
    with pytest.raises(AssertionError, match=r"of nobody: .'luthien-b'"):
        laws.only_what_was_wished(there, {"luthien-a"})
    with pytest.raises(AssertionError, match=r"more than once: .'luthien-a': 2"):
        laws.only_what_was_wished([*there, project("luthien-a")], {"luthien-a", "luthien-b"})


# ── runs and locks ────────────────────────────────────────────────────────────────────────────


def run_of(status: str, **differs: Any) -> dict[str, Any]:
    trouble = json.dumps({"summary": "Railway said no.", "incident": ""})
    return {"id": "r-1", "status": status, "trouble": trouble} | differs


@pytest.mark.parametrize("status", ["queued", "running", "cancelling", "waiting", "planned"])
def test_a_run_that_never_ends_is_found(status: str) -> None:
    laws.every_run_ends([run_of("succeeded"), run_of("errored")])
    with pytest.raises(AssertionError, match="runs that never end"):
        laws.every_run_ends([run_of("succeeded"), run_of(status, id="r-2")])


def test_a_lock_that_nobody_can_end_is_found() -> None:
    lock = {"name": "instance:acme", "run_id": "r-1"}
    laws.locks_end([lock], [run_of("errored")])
    for runs in ([run_of("succeeded")], [run_of("running")], []):
        with pytest.raises(AssertionError, match="nobody decides"):
            laws.locks_end([lock], runs)


@pytest.mark.parametrize("trouble", [None, "", '{"summary": "", "incident": ""}'])
def test_an_error_without_a_reason_is_found(trouble: str | None) -> None:
    laws.there_is_a_way_on(run_of("errored"))
    with pytest.raises(AssertionError, match="r-1 is errored"):
        laws.there_is_a_way_on(run_of("errored", trouble=trouble))


def test_a_bug_of_ours_is_found() -> None:
    laws.no_bug_of_ours(run_of("errored"))
    with pytest.raises(AssertionError, match="i-77"):
        laws.no_bug_of_ours(run_of("errored", trouble='{"summary": "?", "incident": "i-77"}'))


# ── each milestone exactly once ───────────────────────────────────────────────────────────────


def message(key: str, text: str, run: str = "r-1") -> dict[str, Any]:
    return {"text": text, "metadata": {"event_payload": {"run": run, "key": key}}}


EVENTS = [
    {"kind": "started", "step": "", "seq": 1},
    {"kind": "step_done", "step": "deploy", "seq": 2},
    {"kind": "ended", "step": "", "seq": 3},
]


def told() -> list[dict[str, Any]]:
    return [
        message("root", "✅ acme runs"),
        message("log:1-2", "✓ Deploy"),
        message("final:3", "done in 2 min"),
        {"text": "hello", "metadata": None},
        message("digest:C1:now", "📋 Digest", run="notice"),
    ]


def test_what_was_told_as_it_should_be_holds() -> None:
    laws.told_once(told())
    laws.milestones_are_told(run_of("succeeded"), EVENTS, told())


@pytest.mark.parametrize("which", [0, 2, 4], ids=["root", "final", "notice"])
def test_a_message_that_was_told_twice_is_found(which: int) -> None:
    seen = told()
    with pytest.raises(AssertionError, match="told more than once"):
        laws.told_once([*seen, dict(seen[which])])


def _without(which: int) -> Callable[[list[Any]], None]:
    def doctored(seen: list[Any]) -> None:
        del seen[which]

    return doctored


def _says(which: int, text: str) -> Callable[[list[Any]], None]:
    def doctored(seen: list[Any]) -> None:
        seen[which]["text"] = text

    return doctored


@pytest.mark.parametrize(
    ("doctored", "found"),
    [
        (_without(0), "not told: .*root"),
        (_without(2), "not told: .*final:3"),
        (_without(1), "steps done"),
        (_says(1, "✓ Deploy\n✓ Deploy"), "steps done"),
        (_says(0, "⏳ acme is made"), "has succeeded, and its message says: ⏳"),
    ],
    ids=["no root", "no end", "no step", "a step twice", "the root does not say the end"],
)
def test_a_milestone_that_was_not_told_is_found(
    doctored: Callable[[list[Any]], None], found: str
) -> None:
    seen = told()
    doctored(seen)
    with pytest.raises(AssertionError, match=found):
        laws.milestones_are_told(run_of("succeeded"), EVENTS, seen)


# ── credentials, and what is deleted ──────────────────────────────────────────────────────────


def test_credentials_that_nobody_got_or_that_came_twice_are_found() -> None:
    laws.credentials_were_shown(0, 1)
    laws.credentials_were_shown(1, 2)
    with pytest.raises(AssertionError, match="cannot be had"):
        laws.credentials_were_shown(1, 1)
    with pytest.raises(AssertionError, match="cannot be had"):
        laws.credentials_were_shown(0, 2)
    with pytest.raises(AssertionError, match="delivered 2 times"):
        laws.credentials_were_shown(2, 3)
    laws.credentials_were_shown(2, 3, broken_off=1)
    with pytest.raises(AssertionError, match="delivered 3 times"):
        laws.credentials_were_shown(3, 4, broken_off=1)


def test_what_went_before_its_time_or_unannounced_or_by_itself_is_found() -> None:
    gone, journal = project("luthien-a", deleted_at=1.0), [entry("projectDelete")]
    second = timedelta(seconds=1)
    laws.nothing_goes_early(gone, journal, NOON, NOON)
    with pytest.raises(AssertionError, match="before its time"):
        laws.nothing_goes_early(gone, journal, NOON + second)
    with pytest.raises(AssertionError, match="unannounced"):
        laws.nothing_goes_early(gone, journal, NOON, NOON + second)
    with pytest.raises(AssertionError, match="nobody deleted it"):
        laws.nothing_goes_early(gone, [entry("projectDelete", variables={"id": "p-2"})], NOON)
    early = entry("projectDelete", at=(NOON - second).isoformat())
    with pytest.raises(AssertionError, match="before its time"):
        laws.nothing_goes_early(gone, [*journal, early], NOON)


# ── what a place leaves behind, in a real database of a simulated house ───────────────────────

_LOCKED = (
    "insert into locks (name, run_id, reason, since) values ('acme', 'r-9', '', '2026-03-01')"
)


async def _made() -> None:
    """An instance is made, and every law holds; then its database is doctored."""
    async with open_house(random.Random(1), LONG_GRACE) as house:
        await house.begin()
        took = await house.control(
            "slack/command", user="ada", channel="#ops", text="/luthien create n0"
        )
        assert took["status"] == 200
        for _ in range(120):
            await asyncio.sleep(1)
            if [r["status"] for r in house.new_runs()] == ["succeeded"]:
                break
        await asyncio.sleep(30)
        await laws.nothing_is_left(house)
        await laws.all_is_told(house)
        with sqlite3.connect(house._file) as doctor:
            doctor.execute(_LOCKED)
            doctor.commit()
            with pytest.raises(AssertionError, match="locks without a run"):
                await laws.nothing_is_left(house)
            doctor.execute("delete from locks")
            doctor.execute("update runs set status = 'running'")
            doctor.commit()
            with pytest.raises(AssertionError, match="never end"):
                await laws.nothing_is_left(house)
            doctor.execute("update runs set status = 'succeeded'")
            doctor.execute("update audit set actor = 'slack:U0MAL' where seq = 1")
            doctor.commit()
            with pytest.raises(AssertionError, match="does not follow at row 1"):
                await laws.nothing_is_left(house)
        doctor.close()


def test_what_a_house_leaves_behind_is_found() -> None:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(_made())
