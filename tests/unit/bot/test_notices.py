"""What everybody is told without a run: once each, across restarts and lost answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bot.notices import REST, Announcer
from bot.scrub import Scrubber
from bot.telling import Stage
from bot.voice import Voice
from engine.answer import Offer
from engine.notices import Notice
from tests.unit.bot.fake_slack import LOST_AFTER, FakeSlack, Fault
from tests.unit.bot.fakes import FakeClock, FakeControl, MemoryNotices, MemoryTold

WARNING = Notice(
    "deletion:1:first", "acme is deleted in 24 h", (Offer(label="Keep it", line="keep acme"),)
)


@dataclass
class House:
    channel: str | None = "C0OPS"
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.slack = FakeSlack(self.clock)
        self.notices = MemoryNotices(self.clock)
        self.control = FakeControl(self.clock)
        self.told = MemoryTold(self.control)
        self.open()

    def open(self) -> None:
        """A process starts."""
        log = logging.getLogger("tests.bot.notices")
        voice = Voice(self.slack, self.clock, log, self.slack.hook)
        stage = Stage(self.control, self.told, voice, self.clock, log, self.channel)
        self.announcer = Announcer(stage, self.notices, Scrubber())
        self.announcer.start()

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.slack.messages]


async def test_a_notice_is_posted_once_with_its_buttons() -> None:
    house = House()
    await house.notices.announce(WARNING)
    await house.clock.advance(5)
    [message] = house.slack.messages
    assert message["channel"] == "C0OPS"
    assert message["text"] == "acme is deleted in 24 h"
    assert message["blocks"][-1]["elements"][0]["value"] == "keep acme"
    assert message["metadata"]["event_payload"] == {"run": "notice", "key": WARNING.key}
    assert house.notices.told_at.keys() == {WARNING.key}
    await house.announcer.stop()


async def test_what_an_earlier_process_posted_is_not_posted_again() -> None:
    house = House()
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.notices.announce(WARNING)
    await house.clock.advance(1)
    await house.announcer.stop()
    house.open()
    await house.clock.advance(10)
    assert house.texts == [WARNING.text]
    assert house.notices.told_at.keys() == {WARNING.key}
    await house.announcer.stop()


async def test_where_the_bot_may_not_post_nothing_counts_as_told() -> None:
    house = House()
    house.slack.outsider_in.add("C0OPS")
    await house.notices.announce(WARNING)
    await house.clock.advance(5)
    assert house.notices.told_at == {}
    house.slack.outsider_in.clear()
    await house.clock.advance(REST.total_seconds())
    assert house.texts == [WARNING.text]
    await house.announcer.stop()


async def test_without_a_channel_nothing_counts_as_told() -> None:
    house = House(channel=None)
    await house.notices.announce(WARNING)
    await house.clock.advance(60)
    assert house.slack.messages == []
    assert house.notices.told_at == {}
    await house.announcer.stop()
