"""A run told in Slack: live, after restarts, when Slack is slow, deaf or strict."""

from __future__ import annotations

import itertools
import json
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from bot.blocks import Message
from bot.budget import Urgency
from bot.narrator import Narrator
from bot.scrub import Scrubber
from bot.voice import Voice
from engine.actor import Actor, Door, Origin, Role
from engine.answer import Offer, Text
from engine.command import Risk
from engine.errors import PlanStale, Unreachable
from engine.notices import Notice
from engine.plan import Plan
from engine.run import EventKind, RunStatus, StepStatus
from engine.told import PostState
from tests.unit.bot.fake_slack import LOST_AFTER, LOST_BEFORE, Fault
from tests.unit.bot.fakes import (
    ADA,
    MADE,
    TROUBLE,
    Create,
    FakeClock,
    FakeControl,
    MemoryTold,
)
from tests.unit.bot.staging import Staged

if TYPE_CHECKING:
    from engine.command import Change

OPS = Origin(door=Door.SLACK, channel="C0OPS")
DONE, RUNNING, FAILED = StepStatus.DONE, StepStatus.RUNNING, StepStatus.FAILED


@dataclass
class House(Staged):
    """A bot that tells runs."""

    @override
    def open(self) -> None:
        self.narrator = Narrator(self.stage(), Scrubber())
        self.narrator.start()

    async def restart(self) -> None:
        await self.narrator.stop()
        self.open()
        await self.clock.advance(0)

    async def begin(self, name: str = "acme", actor: Actor = ADA, origin: Origin = OPS) -> str:
        run = self.control.begin(actor, Create(instance=name), origin).id
        await self.clock.advance(0)
        return run

    async def work(self, run: str, *keys: str, seconds: float = 3) -> None:
        """Carry out steps one after another."""
        for key in keys:
            self.control.step(run, key, RUNNING)
            await self.clock.advance(seconds)
            self.control.step(run, key, DONE)
            await self.clock.advance(0)

    async def succeed(self, run: str) -> None:
        result = {"url": "https://gateway.example"}
        self.control.end(run, RunStatus.SUCCEEDED, result=result)
        await self.clock.advance(0)

    async def whole_run(self, **how: Any) -> str:
        run = await self.begin(**how)
        self.control.start(run)
        await self.work(run, "project", "postgres", "redis", "deploy", "health")
        await self.succeed(run)
        await self.clock.advance(10)
        return run


async def test_a_run_is_told_from_its_first_moment_to_its_result() -> None:
    house = House()
    run = await house.begin()
    assert house.slack.root["channel"] == "C0OPS"
    assert "Waiting for its turn" in house.slack.root["text"]
    assert house.slack.root["metadata"]["event_payload"] == {"run": run, "key": "root"}

    house.control.start(run)
    await house.work(run, "project")
    house.control.step(run, "deploy", RUNNING, "BUILDING")
    await house.clock.advance(4)
    assert "BUILDING" in house.slack.root["text"]
    assert house.slack.thread() == ["✓ Create the project luthien-acme · 3 s"]

    await house.succeed(run)
    await house.clock.advance(5)
    assert "Done in" in house.slack.root["text"]
    final = house.slack.messages[-1]
    assert final["reply_broadcast"]
    assert "https://gateway.example" in final["text"]
    labels = json.dumps(final["blocks"])
    assert all(label in labels for label in ("Open gateway", "Show credentials", "Status"))
    assert house.told.cursors[run] == house.control.events[-1].seq
    assert house.told.kept[run, "root"].url.startswith("https://slack.example/")


async def test_the_credentials_come_within_two_seconds_to_the_requester_alone() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    await house.work(run, "project")
    await house.clock.advance(1.9)
    before = house.clock.monotonic()
    await house.work(run, "health", seconds=0)
    await house.succeed(run)
    await house.clock.advance(2)
    [whisper] = house.slack.whispers
    assert whisper["at"] - before <= 2
    assert (whisper["channel"], whisper["user"]) == ("C0OPS", "U0ADA")
    assert "thread_ts" not in whisper
    assert "sk-" not in whisper["text"]
    assert "sk-proxy-1" in json.dumps(whisper["blocks"])
    assert "credentials acme --forget" in json.dumps(whisper["blocks"])


async def test_credentials_that_a_process_died_over_are_given_again() -> None:
    house = House()
    run = await house.whole_run()
    [(of, key)] = [known for known in house.told.kept if known[1].startswith("credentials:")]
    post = house.told.kept[of, key]
    house.told.kept[of, key] = replace(post, state=PostState.SENDING)
    house.told.cursors.clear()
    await house.restart()
    await house.clock.advance(30)
    assert len(house.slack.whispers) == 2
    assert "sk-proxy-1" in json.dumps(house.slack.whispers[1]["blocks"])
    assert house.told.kept[of, key].state is PostState.SENT
    assert house.told.cursors[run]
    await house.narrator.stop()


async def test_credentials_that_cannot_be_read_are_said_to_be_missing() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    house.control.fail_with = Unreachable(
        "Railway does not answer.",
        vendor="railway",
        call="variables",
        next_step="/luthien credentials acme",
    )
    await house.succeed(run)
    await house.clock.advance(2)
    [whisper] = house.slack.whispers
    assert (whisper["channel"], whisper["user"]) == ("C0OPS", "U0ADA")
    assert "Railway does not answer." in whisper["text"]
    assert "/luthien credentials acme" in whisper["text"]


async def test_lines_due_together_share_a_message() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    await house.work(run, "project", "postgres", seconds=0.5)
    house.control.tell(
        run, EventKind.STEP_RETRIED, "redis", reason="No answer.", wait_s=2, attempt=2
    )
    await house.clock.advance(3)
    assert house.slack.thread() == [
        "✓ Create the project luthien-acme · 0.5 s\n✓ Add Postgres · 0.5 s\n"
        "↻ Add Redis: again in 2 s, try 2. No answer."
    ]


async def test_a_run_is_never_silent_for_fifteen_seconds() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    house.control.step(run, "deploy", RUNNING, "BUILDING")
    for _ in range(180):
        await house.clock.advance(1)
    signs = [at for at, method, _ in house.slack.calls if method.startswith("chat.")]
    assert max(b - a for a, b in itertools.pairwise(signs)) <= 15
    assert house.slack.count("chat.update") <= 40


async def test_a_failure_is_told_at_once_with_phase_and_log() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    house.control.step(run, "deploy", RUNNING, "BUILDING")
    await house.clock.advance(5)
    trouble = TROUBLE.model_dump(mode="json", exclude={"step"})
    house.control.step(run, "deploy", FAILED, **trouble)
    await house.clock.advance(1)
    [line] = house.slack.thread()
    assert "Failed phase: `BUILD_IMAGE`" in line
    assert "npm ERR!" in json.dumps(house.slack.messages[-1]["blocks"])

    thing = {"kind": "volume", "id": "v-9", "name": "data"}
    house.control.tell(run, EventKind.CLEANUP_STARTED)
    house.control.tell(run, EventKind.LEFT_BEHIND, None, **thing, reason="500")
    house.control.end(run, RunStatus.FAILED, trouble=TROUBLE, created=MADE)
    await house.clock.advance(5)
    assert "could not remove volume *data*" in house.slack.thread()[1]
    assert "Still there:" in house.slack.messages[-1]["text"]
    assert not house.slack.whispers


async def test_nothing_is_posted_twice_after_a_restart_at_any_moment() -> None:
    for moment in range(12):
        house = House()
        run = await house.begin()
        house.control.start(run)
        steps = ["project", "postgres", "redis", "deploy", "health"]
        for number, key in enumerate(steps):
            await house.work(run, key, seconds=1)
            if number * 2 == moment:
                await house.restart()
            await house.clock.advance(1)
            if number * 2 + 1 == moment:
                await house.restart()
        await house.succeed(run)
        if moment >= 10:
            await house.restart()
        await house.clock.advance(10)
        await house.restart()
        await house.clock.advance(30)
        lines = "\n".join(house.slack.thread())
        keys = [m["metadata"]["event_payload"]["key"] for m in house.slack.messages]
        assert len(keys) == len(set(keys))
        assert lines.count("✓ Add Redis") == 1
        assert lines.count("done in") == 1
        assert len(house.slack.whispers) == 1
        assert "Done in" in house.slack.root["text"]
        await house.narrator.stop()


async def test_a_process_that_died_while_posting_looks_before_it_repeats() -> None:
    """Killed between Slack's doing and our knowing, for every kind of message."""
    for key in ("root", "log", "final"):
        house = House()
        run = await house.whole_run()
        posts = len(house.slack.messages)
        for (of, known), post in list(house.told.kept.items()):
            if known.startswith(key):
                unsure = type(post)(of, known, post.channel, PostState.SENDING, post.digest)
                house.told.kept[of, known] = unsure
        house.told.cursors.clear()
        await house.restart()
        await house.clock.advance(30)
        assert len(house.slack.messages) == posts, key
        assert house.told.cursors[run]
        assert house.told.kept[run, "root"].state is PostState.SENT
        await house.narrator.stop()


async def test_a_post_that_slack_never_answered_is_looked_for() -> None:
    for kind, messages in ((LOST_AFTER, 1), (LOST_BEFORE, 1)):
        house = House()
        house.slack.faults.append(Fault("chat.postMessage", kind))
        await house.begin()
        await house.clock.advance(5)
        assert len(house.slack.messages) == messages
        assert house.slack.count("conversations.history") == 1
        await house.narrator.stop()


async def test_a_504_after_a_thread_message_repeats_nothing() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    await house.clock.advance(3)
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.work(run, "project")
    await house.clock.advance(5)
    assert house.slack.thread() == ["✓ Create the project luthien-acme · 3 s"]
    assert house.slack.count("conversations.replies") == 1


async def test_429_is_honoured() -> None:
    house = House()
    house.slack.faults.append(Fault("chat.postMessage", "ratelimited", 429, retry_after=5))
    await house.begin()
    await house.clock.advance(4.9)
    assert not house.slack.messages
    await house.clock.advance(1)
    assert len(house.slack.messages) == 1


async def test_slack_that_knows_no_plan_gets_plain_blocks_from_then_on() -> None:
    house = House()
    house.slack.plain = True
    run = await house.begin()
    house.control.start(run)
    await house.work(run, "project")
    await house.clock.advance(30)
    kinds = {b["type"] for b in house.slack.root["blocks"]}
    assert kinds == {"section", "context", "actions"}
    refused = [a for _, m, a in house.slack.calls if "plan" in json.dumps(a.get("blocks", []))]
    assert len(refused) == 1


async def test_a_run_from_the_command_line_is_told_where_the_bot_speaks() -> None:
    house = House()
    root = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)
    await house.whole_run(actor=root, origin=Origin(door=Door.CLI))
    assert house.slack.root["channel"] == "C0OPS"
    assert "asked for by root (cli)" in house.slack.root["text"]
    assert not house.slack.whispers


async def test_a_run_that_nobody_here_asked_for_and_that_is_long_over_is_no_news() -> None:
    house = House()
    await house.narrator.stop()
    root = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)
    theirs = await house.begin(actor=root, origin=Origin(door=Door.CLI))
    ours = await house.begin(name="beta")
    for run in (theirs, ours):
        house.control.start(run)
        house.control.end(run, RunStatus.SUCCEEDED)
    await house.clock.advance(600)
    await house.restart()
    await house.clock.advance(10)
    told = {m["metadata"]["event_payload"]["run"] for m in house.slack.messages}
    assert told == {ours}
    assert house.told.cursors.keys() == {theirs, ours}


async def test_with_no_channel_to_speak_in_a_run_counts_as_told() -> None:
    house = House(channel=None)
    root = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)
    run = await house.whole_run(actor=root, origin=Origin(door=Door.CLI))
    assert not house.slack.messages
    assert house.told.cursors[run] == house.control.events[-1].seq


async def test_a_channel_that_takes_no_post_is_replaced_by_the_default() -> None:
    house = House()
    house.slack.outsider_in.add("C0GEN")
    origin = Origin(door=Door.SLACK, channel="C0GEN")
    await house.whole_run(origin=origin)
    assert {m["channel"] for m in house.slack.messages} == {"C0OPS"}


async def test_a_retry_goes_on_in_the_same_thread() -> None:
    house = House()
    run = await house.begin()
    house.control.start(run)
    await house.work(run, "project")
    house.control.end(run, RunStatus.ERRORED, trouble=TROUBLE)
    await house.clock.advance(10)
    assert "Interrupted" in house.slack.root["text"]
    assert "Try again" in json.dumps(house.slack.messages[-1])

    house.control.change(run, status=RunStatus.QUEUED, ended_at=None, trouble=None)
    house.control.tell(run, EventKind.QUEUED, by="ben")
    await house.clock.advance(3)
    house.control.start(run)
    await house.work(run, "health")
    await house.succeed(run)
    await house.clock.advance(10)
    roots = [m for m in house.slack.messages if "thread_ts" not in m]
    assert len(roots) == 1
    assert "Done in" in roots[0]["text"]
    [old] = [m for m in house.slack.messages if "Interrupted" in m["text"]]
    assert "Try again" not in json.dumps(old), "its buttons would be refused now"
    lines = house.slack.thread()
    assert "↻ ben asked to try again" in "\n".join(lines)
    assert sum("Interrupted" in line for line in lines) == 1
    assert sum("done in" in line for line in lines) == 1


async def test_being_asked_again_to_tell_what_is_told_says_nothing() -> None:
    house = House()
    run = await house.whole_run()
    posts = len(house.slack.messages)
    house.narrator.tell(run)
    await house.clock.advance(30)
    assert len(house.slack.messages) == posts


async def test_ten_runs_at_once_keep_the_budget_and_all_get_their_credentials() -> None:
    house = House()
    runs = [await house.begin(f"acme{n}") for n in range(10)]
    for run in runs:
        house.control.change(run, delivers=f"credentials {run}")
        house.control.start(run)
        house.control.step(run, "deploy", RUNNING, "BUILDING")
    for _ in range(60):
        await house.clock.advance(1)
    for run in runs:
        house.control.step(run, "deploy", DONE)
        await house.succeed(run)
    ended = house.clock.monotonic()
    await house.clock.advance(2)
    assert len(house.slack.whispers) == 10
    assert all(whisper["at"] - ended <= 2 for whisper in house.slack.whispers)
    for _ in range(60):
        await house.clock.advance(1)
    assert sum("done in" in m["text"] for m in house.slack.messages) == 10
    posts = [at for at, method, _ in house.slack.calls if method == "chat.postMessage"]
    assert all(b - a >= 0.99 for a, b in itertools.pairwise(posts))
    edits = [at for at, method, _ in house.slack.calls if method == "chat.update"]
    assert all(sum(start <= at < start + 59.9 for at in edits) <= 40 for start in edits)


async def test_a_root_that_somebody_deleted_stops_nothing_else() -> None:
    house = House()
    run = await house.begin()
    house.slack.faults.append(Fault("chat.update", "message_not_found"))
    house.control.start(run)
    await house.clock.advance(20)
    await house.succeed(run)
    await house.clock.advance(10)
    assert any("done in" in text for text in house.slack.thread())
    assert house.told.cursors[run]


class Judging(FakeControl):
    """Says of each command line whether it would be refused now."""

    def __init__(self, clock: FakeClock, refused: set[str]) -> None:
        super().__init__(clock)
        self.refused = refused

    async def preview(self, actor: Actor, command: Change, origin: Origin) -> Plan:
        if command.line() in self.refused:
            raise PlanStale("That can no longer be undone.")
        if command.line() == "create unsure":
            raise Unreachable("No answer.", vendor="railway", call="projects")
        return Plan(title="It can be done.", steps=(), risk=Risk.ADDS, expected=timedelta())


async def test_what_can_no_longer_be_taken_back_loses_its_button_and_nothing_else() -> None:
    house = House()
    control = Judging(house.clock, {"create stale", "create kept"})
    house.control, house.told = control, MemoryTold(control)
    await house.narrator.stop()
    house.open()

    def buttons(run: str) -> list[set[str]]:
        posts = [
            p for (r, k), p in house.told.kept.items() if r == run and not k.startswith("log")
        ]
        rows = [house.slack.message(p.ts)["blocks"][-1] for p in posts if p.ts]
        return [{e["text"]["text"] for e in row["elements"]} for row in rows]

    ways_back = {"first": "create stale", "second": "create true", "third": "create unsure"}
    for name, undo in ways_back.items():
        run = await house.begin(name)
        control.start(run)
        control.end(run, RunStatus.SUCCEEDED, undo=undo, result={"url": "https://acme.example"})
        await house.clock.advance(10)
    assert [{"Undo"} <= offered for offered in buttons("r-1")] == [False, False]
    assert [{"Open gateway"} <= offered for offered in buttons("r-1")] == [True, True]
    assert [{"Undo"} <= offered for offered in buttons("r-2")] == [True, True]
    control.refused.add("create unsure")
    last = await house.begin("last")
    control.start(last)
    control.end(last, RunStatus.SUCCEEDED)
    await house.clock.advance(20)
    assert [{"Undo"} <= offered for offered in buttons("r-3")] == [False, False]
    await house.narrator.stop()


def said_instead(message: dict[str, Any]) -> str:
    """What stands in place of buttons."""
    notes = [b["elements"][0]["text"] for b in message["blocks"] if b["type"] == "context"]
    return next((note for note in notes if "not possible any more" in note), "")


async def test_in_place_of_a_button_stands_why_and_only_once() -> None:
    house = House()
    house.control = control = Judging(house.clock, {"create stale"})
    house.told = MemoryTold(control)
    await house.restart()
    first = await house.begin("first")
    control.start(first)
    control.end(first, RunStatus.SUCCEEDED, undo="create stale", undo_label="Keep it")
    await house.clock.advance(10)
    for closing in ("acme stays.", "Something else."):
        run = await house.begin("next")
        control.start(run)
        control.end(run, RunStatus.SUCCEEDED, closing=closing, line="cancel-delete acme")
        await house.clock.advance(20)
    for key in ("root", "final"):
        [post] = [p for (r, k), p in house.told.kept.items() if r == first and k.startswith(key)]
        message = house.slack.message(post.ts)
        assert said_instead(message) == (
            "↩️ *Keep it* is not possible any more. acme stays. `/luthien cancel-delete acme` by"
            " <@U0ADA> came after it."
        )
        labels = [
            e["text"]["text"]
            for b in message["blocks"]
            if b["type"] == "actions"
            for e in b["elements"]
        ]
        assert labels[0] == "Status", "what is still true stays"
        assert "Keep it" not in labels
    await house.narrator.stop()


async def test_when_it_is_gone_nothing_earlier_leads_to_it() -> None:
    house = House()
    house.control = control = Judging(house.clock, set())
    house.told = MemoryTold(control)
    await house.restart()
    made = await house.whole_run()
    post = house.told.kept[made, "root"]
    assert house.slack.message(post.ts)["blocks"][-1]["type"] == "actions"
    deleted = await house.begin()
    control.start(deleted)
    control.end(deleted, RunStatus.SUCCEEDED, result={"status": "gone"}, closing="acme is gone.")
    await house.clock.advance(20)
    for (run, _), post in house.told.kept.items():
        if run == made and post.ts:
            kinds = [b["type"] for b in house.slack.message(post.ts)["blocks"]]
            assert "actions" not in kinds, post.key
    root = house.slack.message(house.told.kept[made, "root"].ts)
    assert "*Open gateway* and *Status* are not possible any more. acme is gone." in (
        said_instead(root)
    )
    await house.narrator.stop()


async def test_a_message_that_somebody_deleted_is_retired_once() -> None:
    house = House()
    house.control = control = Judging(house.clock, {"create stale"})
    house.told = MemoryTold(control)
    await house.restart()
    first = await house.begin("first")
    control.start(first)
    control.end(first, RunStatus.SUCCEEDED, undo="create stale", undo_label="Keep it")
    await house.clock.advance(10)
    posts = [p for (r, k), p in house.told.kept.items() if r == first and p.ts]
    gone = {p.ts for p in posts if p.key == "root" or p.key.startswith("final:")}
    house.slack.messages = [m for m in house.slack.messages if m["ts"] not in gone]
    for name in ("second", "third", "fourth"):
        run = await house.begin(name)
        control.start(run)
        control.end(run, RunStatus.SUCCEEDED)
        await house.clock.advance(20)
    edited = [a["ts"] for _, method, a in house.slack.calls if method == "chat.update"]
    assert len(gone) == 2
    assert [edited.count(ts) for ts in sorted(gone)] == [
        1 + sum(p.ts == ts and p.key == "root" for p in posts) for ts in sorted(gone)
    ], "the root was edited while it was there, and each of them once after it was gone"
    await house.narrator.stop()


async def test_notices_lose_what_a_run_made_impossible_and_keep_the_rest() -> None:
    house = House()
    house.control = control = Judging(house.clock, {"create acme"})
    house.told = MemoryTold(control)
    await house.restart()
    keep, other = Offer(label="Keep acme", line="create acme"), Offer(label="All", line="list")
    stuck = Offer(label="Try again", line="cancel r-1")
    for notice in (
        Notice("deletion:1", "acme is deleted in a day", (keep,)),
        Notice("digest:1", "Today", (keep, Offer(label="Keep b", line="create b"), other)),
        Notice("stuck:1", "It broke off", (stuck, Offer(label="Show", line="run r-1"))),
        Notice("watch:1", "acme is unhealthy", (Offer(label="Status", line="status acme"),)),
    ):
        await house.notices.announce(notice)
        await house.notices.tell(notice)
    run = await house.begin("acme")
    control.start(run)
    control.end(run, RunStatus.SUCCEEDED, closing="acme stays.", subject="acme")
    await house.clock.advance(10)
    left = {key: [o.label for o in n.offers] for key, n in house.notices.kept.items()}
    assert left == {
        "deletion:1": [],
        "digest:1": ["Keep b", "All"],
        "stuck:1": [],
        "watch:1": ["Status"],
    }
    [said] = house.notices.kept["digest:1"].parts
    assert isinstance(said, Text)
    assert said.text.startswith("↩️ *Keep acme* is not possible any more. acme stays.")
    assert house.notices.waiting["deletion:1"].told, "its message is to be edited"
    await house.narrator.stop()


async def test_an_unanswered_post_is_found_whatever_our_clock_says() -> None:
    """Slack marks messages by its own clock, and ours may be hours ahead of it."""
    house = House()
    voice = Voice(house.slack, house.clock, logging.getLogger("test"))
    place = await voice.post(
        "C0OPS", lambda _: Message.of("Hello", []), Urgency.RESULT, run="r1", key="root"
    )
    ahead = house.clock.now() + timedelta(hours=20)
    assert await voice.find("C0OPS", "r1", "root", thread=None, since=ahead) == place
