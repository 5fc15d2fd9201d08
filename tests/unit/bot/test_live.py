"""Answers that go on: shown in a thread until their time is over, they fail, or are stopped."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest

from bot.live import MOST_MESSAGES, Live
from bot.voice import Place, Voice
from engine.actor import Door, Origin
from engine.answer import Answer, Code, Tail
from engine.command import Argument, Command, Question
from engine.control_plane import Request
from engine.errors import Rejected, Unreachable
from engine.peers import NoPeers
from engine.registry import Registry
from tests.unit.bot.fake_slack import FakeSlack
from tests.unit.bot.fakes import ADA, FakeClock, FakeControl, settle
from tests.unit.together import Together

if TYPE_CHECKING:
    from engine.actor import Actor
    from engine.peers import Peers

LOG = logging.getLogger("tests.bot.live")


class Drip(Question):
    """Lines that drip."""

    name: ClassVar[str] = "drip"
    at: Annotated[int, Argument()] = 0


class Dripping(FakeControl):
    """Answers `drip <n>` with what is prepared for it."""

    registry = Registry({"drip": Drip}, {})

    def __init__(self, clock: FakeClock, *texts: str | Exception) -> None:
        super().__init__(clock)
        self._texts = texts
        self.asked: list[int] = []

    def said(self, at: int) -> Answer:
        text = self._texts[at]
        if isinstance(text, Exception):
            raise text
        going_on = at + 1 < len(self._texts)
        tail = Tail(line=f"drip {at + 1}", every_s=5, for_s=60)
        return Answer(
            title=f"Log of acme: {at}",
            parts=(Code(text=text), *([tail] if going_on else [])),
        )

    async def ask(self, actor: Actor, command: Command, origin: Origin) -> Answer:
        assert isinstance(command, Drip)
        assert actor == ADA
        self.asked.append(command.at)
        return self.said(command.at)


class Scene:
    def __init__(
        self, *texts: str | Exception, thread: str | None = None, peers: Peers | None = None
    ) -> None:
        self.clock = FakeClock()
        self.slack = FakeSlack(self.clock)
        self.control = Dripping(self.clock, *texts)
        voice = Voice(self.slack, self.clock, LOG, self.slack.hook)
        self.live = Live(self.control, voice, self.clock, LOG, peers or NoPeers())
        origin = Origin(door=Door.SLACK, channel="C0OPS", thread=thread)
        self.request = Request("d1", ADA, Drip(), origin)

    async def begin(self) -> asyncio.Task[None]:
        task = asyncio.create_task(self.live.follow(self.request, self.control.said(0)))
        await self.clock.advance(1)
        return task

    @property
    def stop(self) -> str:
        [row] = [b for b in self.slack.root["blocks"] if b["type"] == "actions"]
        return str(row["elements"][0]["value"])

    @property
    def lines(self) -> list[str]:
        return self.slack.thread()


async def test_what_is_new_comes_into_the_thread_until_there_is_no_more() -> None:
    scene = Scene("one\ntwo", "three", "", "four")
    following = await scene.begin()
    assert scene.slack.root["text"].startswith("📜 Log of acme, live for 1 min.")
    assert scene.lines == ["one\ntwo"]
    await scene.clock.advance(5)
    assert scene.lines == ["one\ntwo", "three"]
    await scene.clock.advance(11)
    assert scene.lines == ["one\ntwo", "three", "four"]
    assert following.done()
    assert "followed for 16 s: 4 lines. Its time is over" in scene.slack.root["text"]
    labels = [b["text"]["text"] for b in scene.slack.root["blocks"][-1]["elements"]]
    assert labels == ["Follow again"]


async def test_it_ends_when_its_time_is_over() -> None:
    scene = Scene(*["x"] * 100)
    following = await scene.begin()
    await scene.clock.advance(70)
    assert following.done()
    assert len(scene.control.asked) == 11, "every five seconds within a minute"


async def test_anybody_may_stop_it_and_it_says_who_did() -> None:
    scene = Scene("one", "two", "three")
    following = await scene.begin()
    assert await scene.live.stop(scene.stop, "U0BEN")
    await settle()
    assert following.done()
    assert "Ended: stopped by <@U0BEN>" in scene.slack.root["text"]
    assert scene.control.asked == []


async def test_its_button_may_reach_another_replica() -> None:
    together = Together()
    here, elsewhere = together.one(), together.one()
    scene, other = Scene("one", "two", "three", peers=here), Scene(peers=elsewhere)
    following = await scene.begin()
    assert await other.live.stop(scene.stop, "U0BEN")
    await settle()
    assert following.done()
    assert "Ended: stopped by <@U0BEN>" in scene.slack.root["text"]
    assert not together.claims, "nobody follows it any more"


async def test_a_replica_that_died_follows_nothing() -> None:
    together = Together()
    here = together.one()
    scene, other = Scene("one", "two", peers=here), Scene(peers=together.one())
    await scene.begin()
    here.die()
    assert not await other.live.stop(scene.stop, "U0BEN")


async def test_a_restart_ends_it_and_says_so() -> None:
    scene = Scene("one", "two", "three")
    following = await scene.begin()
    scene.live.close()
    await settle()
    assert following.done()
    assert "Ended: the bot restarts" in scene.slack.root["text"]


async def test_a_process_that_died_left_a_button_which_says_so_when_clicked() -> None:
    scene = Scene("one", "two")
    await scene.begin()
    key, root = scene.stop, scene.slack.root
    after = Scene()
    after.slack.messages = scene.slack.messages
    assert not await after.live.stop(key, "U0BEN")
    await after.live.forgotten(Place("C0OPS", root["ts"]), root["text"])
    assert root["text"] == "📜 Log of acme, live for 1 min. Ended: the bot restarted meanwhile"
    assert all(block["type"] != "actions" for block in root["blocks"])


async def test_trouble_ends_it_with_its_reason() -> None:
    gone = Unreachable("Railway could not be reached.", vendor="railway", call="log")
    scene = Scene("one", gone)
    following = await scene.begin()
    await scene.clock.advance(6)
    assert following.done()
    assert "Ended: Railway could not be reached" in scene.slack.root["text"]


async def test_a_flood_is_cut_and_counted() -> None:
    scene = Scene("\n".join(f"{n:04d} {'x' * 90}" for n in range(500)), "")
    following = await scene.begin()
    await scene.clock.advance(60)
    assert following.done()
    assert len(scene.lines) == MOST_MESSAGES
    assert "lines left out" in scene.lines[0]
    shown: list[Any] = [m["blocks"] for m in scene.slack.messages[1:]]
    assert "0499" in str(shown[-1])


async def test_in_a_thread_it_stays_there() -> None:
    scene = Scene("one", "two", thread="9.9")
    await scene.begin()
    assert {m["thread_ts"] for m in scene.slack.messages} == {"9.9"}


async def test_where_the_bot_may_not_post_it_is_refused() -> None:
    scene = Scene("one", "two")
    scene.slack.outsider_in.add("C0OPS")
    with pytest.raises(Rejected):
        await scene.live.follow(scene.request, scene.control.said(0))
