"""Digests over years and fleets: each slot once, what was missed once and late."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.blocks import NEWER, PLAIN, Kinds
from bot.notices import drawn
from commands import digests
from commands.digests import KIND
from engine.answer import Answer
from engine.capabilities import DeployState
from engine.control_plane import AuditEntry
from engine.errors import OpsError, Refused, Unreachable
from engine.run import RunStatus
from sandbox.slack.blockkit import Surface, check_blocks
from tests.unit.commands.test_watch import Fleet
from tests.unit.commands.worlds import REGISTRY, DescribedRun, described_run

HOUR = timedelta(hours=1)


class Office(Fleet):
    """A fleet whose digests are set and told."""

    async def types(self, *words: str, channel: str = "ops") -> Answer:
        digest = REGISTRY.command("digest").parse({"channel": channel, "when": words})
        answer: Answer = await digest.answer(self.world)
        return answer

    def at(self, moment: datetime) -> None:
        self.clock.at = moment

    async def passes(self, span: timedelta, *, every: timedelta = HOUR) -> list[str]:
        """The keys that were told meanwhile."""
        until, told = self.clock.at + span, []
        while self.clock.at < until:
            self.clock.at += every
            told += await digests.tell_due(self.world)
        return told

    def message(self, kinds: Kinds = NEWER) -> dict[str, Any]:
        said = drawn(self.said[-1])(kinds)
        assert check_blocks(list(said.blocks), Surface.MESSAGE) == []
        return {"text": said.text, "blocks": list(said.blocks)}


async def test_a_year_of_days_has_a_digest_each_whatever_the_clocks_do() -> None:
    office = Office(1)
    office.at(datetime(2026, 1, 1, tzinfo=UTC))
    await office.types("daily", "03:00", "Europe/Helsinki")
    told = await office.passes(timedelta(days=365))
    assert len(told) == len(set(told)) == 365
    assert {key.rpartition("T")[2] for key in told} == {"03:00"}
    assert not any("late" in notice.text for notice in office.said)


async def test_once_a_week() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, tzinfo=UTC))
    await office.types("weekly", "mon", "9:00")
    told = await office.passes(timedelta(weeks=3))
    assert told == [f"digest:C0OPS:2026-{day}T09:00" for day in ("11-23", "11-30", "12-07")]


async def test_what_was_missed_comes_once_and_late() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "09:00", "UTC")
    await office.passes(timedelta(days=1))
    office.at(datetime(2026, 11, 25, 13, tzinfo=UTC))
    assert await digests.tell_due(office.world) == ["digest:C0OPS:2026-11-25T09:00"]
    late = "It comes late: it was due on Wed 25 Nov 2026 09:00 UTC, while I was not at work."
    assert office.said[-1].text.endswith(late)
    assert await digests.tell_due(office.world) == []


async def test_a_new_one_begins_with_its_next_slot() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "11:59", "UTC")
    assert await digests.tell_due(office.world) == []


async def test_of_many_processes_one_tells() -> None:
    office = Office(3)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    office.clock.at += HOUR
    told = await asyncio.gather(*(digests.tell_due(office.world) for _ in range(20)))
    assert sum(map(len, told)) == 1
    assert len(office.said) == 1


async def test_while_the_host_is_silent_it_waits_and_then_says_so() -> None:
    office = Office(3)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    office.clock.at += HOUR
    spaces = office.host.spaces

    async def silent(*, recent: bool = False) -> Any:
        raise Unreachable("The host does not answer.", vendor="host", call="spaces")

    office.host.spaces = silent  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        await digests.tell_due(office.world)
    assert office.said == []
    office.host.spaces = spaces  # type: ignore[method-assign]
    office.clock.at += HOUR
    assert len(await digests.tell_due(office.world)) == 1
    assert "It comes late" in office.said[-1].text


async def test_a_thousand_channels_are_read_once() -> None:
    office = Office(2)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    for number in range(50):
        await office.types("daily", "13:00", channel=f"C0TEAM{number}")
    office.clock.at += HOUR
    office.host.calls.clear()
    assert len(await digests.tell_due(office.world)) == 50
    assert office.host.calls.count("spaces") == 1


@pytest.mark.parametrize("kinds", [NEWER, PLAIN])
async def test_a_thousand_instances_fit_into_one_message(kinds: Kinds) -> None:
    office = Office(1000)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    [entry] = (await office.memory.recall(KIND)).values()
    seen = {**entry.value, "seen": {f"m{n}": "running" for n in range(900)}}
    office.memory.entries[KIND]["C0OPS:daily"] = type(entry)(entry.version, seen)
    office.set(DeployState.CRASHED, *range(1, 500))
    for number in range(500, 700):
        held = office.host.held[f"project-{number}"]
        due = office.clock.at + timedelta(days=1, minutes=number)
        held.space = replace(held.space, mark=f"deletion-scheduled:{due.isoformat()}")
    for number in range(700):
        described = DescribedRun(
            id=f"r{number}",
            line=f"redeploy n{number}",
            subject=f"n{number}",
            status=RunStatus.FAILED if number % 2 else RunStatus.SUCCEEDED,
        )
        run = described_run(described).model_copy(
            update={"created_at": office.clock.at, "ended_at": office.clock.at + number * HOUR}
        )
        office.control.runs[run.id] = run
    office.clock.at += HOUR
    await digests.tell_due(office.world)
    said = office.message(kinds)
    assert len(said["blocks"]) <= 50
    assert "and more than fits" not in json.dumps(said)
    shown = json.dumps(said["blocks"], ensure_ascii=False)
    assert "1,000 instances" in shown
    assert "301 running, 499 unhealthy, 200 deletion scheduled" in shown
    assert "(499, of which 489 are not shown)" in shown
    assert re.search(r"700 in [^,]+, 350 went wrong", shown)
    buttons = [e["value"] for b in said["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert buttons == [*(f"cancel-delete n{n}" for n in range(500, 510)), "list"]


async def test_it_says_what_changed_since_the_last() -> None:
    office = Office(3)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    await office.passes(HOUR)
    assert "What changed" not in drawn(office.said[-1])(NEWER).text
    office.set(DeployState.CRASHED, 2)
    del office.host.held["project-3"]
    await office.passes(timedelta(days=1))
    text = drawn(office.said[-1])(NEWER).text
    assert "• Gone: n3" in text
    assert "• Changed: n2 (running → unhealthy)" in text
    await office.passes(timedelta(days=1))
    assert "*What changed since the last digest*\nNothing." in drawn(office.said[-1])(NEWER).text


class Done:
    """An audit, entry by entry."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.rows: list[AuditEntry] = []
        office.control.audit.rows = self.rows

    def __call__(self, actor: str, line: str, subject: str, run: str = "") -> None:
        action, _, command = line.rpartition(": ")
        action, detail = action or "run.succeeded", {"command": command}
        seq, at = len(self.rows) + 1, self._office.clock.at
        self.rows.append(AuditEntry(seq, at, actor, action, subject, run, detail))


async def test_it_says_what_people_changed_and_who_they_are() -> None:
    office = Office(4)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    did = Done(office)
    did("slack:U0BEN", "create before", "before")
    await office.passes(HOUR)
    described = DescribedRun(id="r1", line="create n4", subject="n4", by="ada")
    office.clock.at += HOUR
    when = {"created_at": office.clock.at}
    office.control.runs["r1"] = described_run(described).model_copy(update=when)
    del office.host.held["project-3"]
    for line, subject in (
        ("create n4", "n4"),
        ("redeploy n1 --ref main", "n1"),
        ("redeploy n1", "n1"),
        ("config n1 set A=b", "n1"),
        ("tidy n1", "n1"),
        ("lock.held: debugging", "n1"),
        ("lock.released: debugging", "n1"),
        ("run.failed: create n9", "n9"),
        ("role.granted: ", "ben"),
    ):
        did("slack:U0ADA", line, subject)
    did("slack:U0BEN", "redeploy n2", "n2")
    did("slack:U0BEN", "approval.given: ", "n3", "r3")
    did("slack:U0ADA", "delete n3 --force", "n3", "r3")
    did("timer:scheduler", "expire old", "old")
    await office.passes(timedelta(days=1))
    text = drawn(office.said[-1])(NEWER).text
    changed = text[text.index("*What changed") :].splitlines()
    assert changed[:9] == [
        "*What changed since the last digest*",
        "• Created: n4 by ada",
        "• Deleted at once: n3 by ada, approved by <@U0BEN>",
        "• Deleted after its grace: old by scheduler",
        "• Redeployed: n1 ×2 by ada; n2 by <@U0BEN>",
        "• Configured: n1 by ada",
        "• Locked: n1 by ada",
        "• Unlocked: n1 by ada",
        "• `tidy`: n1 by ada",
    ]
    assert "Gone:" not in text, "who deleted it says so"
    assert "before" not in text
    await office.passes(timedelta(days=1))
    assert "*What changed since the last digest*\nNothing." in drawn(office.said[-1])(NEWER).text


async def test_a_first_digest_tells_what_people_did_that_day() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    did = Done(office)
    did("cli:root", "cancel-delete n1", "n1")
    await office.types("daily", "13:00", "UTC")
    await office.passes(HOUR)
    text = drawn(office.said[-1])(NEWER).text
    assert "*What changed in the last 1 d*\n• Kept: n1 by root" in text


async def test_what_a_thousand_changes_were_stays_short() -> None:
    office = Office(2)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    did = Done(office)
    for number in range(1_000):
        did(f"cli:p{number % 7}", f"create m{number}", f"m{number}")
        did("cli:p0", f"delete m{number}", f"m{number}")
    await office.passes(HOUR)
    text = drawn(office.said[-1])(NEWER).text
    [created] = [line for line in text.splitlines() if line.startswith("• Created")]
    assert created == (
        "• Created: m0, m7, m14, m21, m28, m35, m42, m49, m56, m63 and 990 more; by p0 (143),"
        " p1 (143), p2 (143), p3 (143), p4 (143) and others (285)"
    )
    assert "• Deletion scheduled: m0, m1, m2, m3, m4, m5, m6, m7, m8, m9 and 990 more" in text
    assert len(office.message()["blocks"]) <= 50


async def test_now_tells_one_more_and_changes_nothing_about_the_next() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    before = await office.memory.recall(KIND)
    await office.types("now")
    assert "asked for by ada" in office.said[-1].text
    assert office.said[-1].channel == "C0OPS"
    assert await office.memory.recall(KIND) == before


async def test_now_is_told_once_although_a_process_died_over_it() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    for delivery in ("slack:1", "slack:1", "slack:2"):
        office.clock.at += timedelta(seconds=1)
        office.world = replace(office.world, delivery=delivery)
        await office.types("now")
    assert len({notice.key for notice in office.said}) == 2


async def test_off_ends_it_and_says_how_to_take_it_back() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "Helsinki")
    await office.types("weekly", "mon", "09:00")
    answer = await office.types("off")
    lines = [o.line for part in answer.parts if part.part == "offers" for o in part.offers]
    assert lines == [
        "digest C0OPS daily 13:00 Europe/Helsinki",
        "digest C0OPS weekly mon 09:00 UTC",
    ]
    assert await office.passes(timedelta(days=8)) == []
    assert office.control.recorded[-1][1:] == ("digest.off", "ops")
    with pytest.raises(Refused, match="gets no digest"):
        await office.types("off")


async def test_setting_it_again_replaces_it() -> None:
    office = Office(1)
    office.at(datetime(2026, 11, 21, 12, tzinfo=UTC))
    await office.types("daily", "13:00", "UTC")
    await office.types("daily", "14:00", "UTC")
    assert await office.passes(3 * HOUR) == ["digest:C0OPS:2026-11-21T14:00"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["daily"], "needs a time of day"),
        (["daily", "25:00"], "needs a time of day"),
        (["daily", "9"], "needs a time of day"),
        (["daily", "09:00", "Europe/Helsinky"], "`Europe/Helsinki`"),
        (["daily", "09:00", "UTC", "x"], "one time and one zone"),
        (["weekly", "09:00"], "needs a day of the week"),
        (["weekly", "someday", "09:00"], "needs a day of the week"),
        (["hourly", "09:00"], "begins with daily, weekly, now or off"),
        (["off", "please"], "stands alone"),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_the_reason(
    words: list[str], reason: str
) -> None:
    with pytest.raises(OpsError) as refused:
        REGISTRY.command("digest").parse({"channel": "#ops", "when": words})
    assert reason in refused.value.summary


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ({"channel": "<#C0OPS|ops>", "when": ["now"]}, "digest C0OPS now"),
        ({"channel": "#ops", "when": ["daily", "9:05"]}, "digest ops daily 09:05 UTC"),
        (
            {"channel": "daily", "when": ["09:00", "helsinki"]},
            'digest "" daily 09:00 Europe/Helsinki',
        ),
        ({"channel": "ops", "when": "weekly Tuesday 7:00 utc"}, "digest ops weekly tue 07:00 UTC"),
    ],
)
def test_a_line_is_said_again_in_full(raw: dict[str, Any], line: str) -> None:
    command = REGISTRY.command("digest").parse(raw)
    assert command.line().replace('"" ', "") == line.replace('"" ', "")
