"""What everybody is told without a run: once each, across restarts and lost answers."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from bot.notices import REST, Announcer
from bot.scrub import Scrubber
from engine.answer import Offer, Table
from engine.notices import Notice
from tests.unit.bot.fake_slack import LOST_AFTER, Fault
from tests.unit.bot.staging import Staged

WARNING = Notice(
    "deletion:1:first", "acme is deleted in 24 h", (Offer(label="Keep it", line="keep acme"),)
)


@dataclass
class House(Staged):
    """A bot that tells notices."""

    @override
    def open(self) -> None:
        self.announcer = Announcer(self.stage(), Scrubber())
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
    await house.clock.advance(0.5)
    await house.announcer.stop()
    assert (len(house.slack.messages), house.notices.told_at) == (1, {})
    house.open()
    await house.clock.advance(10)
    assert house.texts == [WARNING.text]
    assert house.notices.told_at.keys() == {WARNING.key}
    await house.announcer.stop()


async def test_what_was_amended_is_edited_once_in_place() -> None:
    house = House()
    await house.notices.announce(WARNING)
    await house.clock.advance(5)
    await house.notices.amend(WARNING.key, (), "acme stays.")
    house.slack.faults.append(Fault("chat.update", LOST_AFTER))
    await house.clock.advance(5)
    await house.announcer.stop()
    house.open()
    await house.clock.advance(60)
    [message] = house.slack.messages
    assert [b["type"] for b in message["blocks"]] == ["section", "section"]
    assert message["text"] == "acme is deleted in 24 h\nacme stays."
    assert message["edits"] <= 2
    assert await house.notices.untold() == []
    await house.announcer.stop()


async def test_what_is_withdrawn_before_it_was_told_is_never_posted() -> None:
    house = House()
    await house.notices.announce(WARNING)
    await house.notices.withdraw("deletion:", keep=(), remark="acme is gone.")
    await house.clock.advance(5)
    assert house.slack.messages == []
    assert await house.notices.untold() == []
    assert house.notices.told_at == {}
    await house.announcer.stop()


async def test_what_is_withdrawn_while_it_is_on_its_way_loses_its_buttons() -> None:
    house = House()
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.notices.announce(WARNING)
    await house.clock.advance(0.5)
    await house.announcer.stop()
    assert (len(house.slack.messages), house.notices.told_at) == (1, {})
    await house.notices.withdraw("deletion:", keep=(), remark="acme is gone.")
    house.open()
    await house.clock.advance(60)
    [message] = house.slack.messages
    assert message["text"] == "acme is deleted in 24 h\nacme is gone."
    assert [b["type"] for b in message["blocks"]] == ["section", "section"]
    assert await house.notices.untold() == []
    await house.announcer.stop()


async def test_what_was_amended_between_the_post_and_its_answer_is_edited() -> None:
    house = House()
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.notices.announce(WARNING)
    await house.clock.advance(0.5)
    await house.announcer.stop()
    assert (len(house.slack.messages), house.notices.told_at) == (1, {})
    await house.notices.amend(WARNING.key, (), "acme stays.")
    house.open()
    await house.clock.advance(60)
    [message] = house.slack.messages
    assert message["text"] == "acme is deleted in 24 h\nacme stays."
    assert await house.notices.untold() == []
    await house.announcer.stop()


async def test_what_was_amended_and_nobody_has_any_more_is_not_posted_anew() -> None:
    house = House()
    await house.notices.announce(WARNING)
    await house.notices.tell(WARNING)
    await house.notices.amend(WARNING.key, (), "acme stays.")
    await house.clock.advance(5)
    assert house.slack.messages == []
    assert await house.notices.untold() == []
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


async def test_what_concerns_one_person_is_told_to_them_alone() -> None:
    house = House(channel=None)
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.notices.announce(Notice("role:1", "You are a deployer now.", to="slack:U0BEN"))
    await house.clock.advance(10)
    [message] = house.slack.messages
    assert (message["channel"], message["text"]) == ("D0BEN", "You are a deployer now.")
    assert house.notices.told_at.keys() == {"role:1"}
    await house.announcer.stop()


async def test_one_who_cannot_be_told_keeps_nobody_else_waiting() -> None:
    house = House()
    house.slack.faults.append(Fault("conversations.open", "cannot_dm_bot"))
    await house.notices.announce(Notice("role:1", "You are a deployer now.", to="slack:U0BEN"))
    await house.notices.announce(WARNING)
    await house.clock.advance(5)
    assert house.texts == [WARNING.text]
    await house.clock.advance(REST.total_seconds())
    assert house.texts == [WARNING.text, "You are a deployer now."]
    await house.announcer.stop()


async def test_without_a_channel_nothing_counts_as_told() -> None:
    house = House(channel=None)
    await house.notices.announce(WARNING)
    await house.clock.advance(60)
    assert house.slack.messages == []
    assert house.notices.told_at == {}
    await house.announcer.stop()


async def test_a_notice_stands_in_the_thread_of_the_one_it_belongs_to() -> None:
    house = House()
    await house.notices.announce(Notice("watch:1:1", "acme is unhealthy"))
    await house.notices.announce(Notice("watch:1:2", "healthy again", thread="watch:1:1"))
    await house.clock.advance(5)
    root, reply = house.slack.messages
    assert "thread_ts" not in root
    assert (reply["thread_ts"], reply["reply_broadcast"]) == (root["ts"], False)
    await house.notices.announce(Notice("watch:1:3", "over", thread="watch:1:1", broadcast=True))
    await house.notices.announce(Notice("watch:9:2", "of a lost thread", thread="watch:9:1"))
    await house.clock.advance(5)
    _, _, last, lost = house.slack.messages
    assert (last["thread_ts"], last["reply_broadcast"]) == (root["ts"], True)
    assert "thread_ts" not in lost
    await house.announcer.stop()


async def test_a_notice_with_a_place_is_told_there_and_holds_up_no_other() -> None:
    house = House(channel=None)
    house.slack.outsider_in.add("C0GONE")
    await house.notices.announce(Notice("digest:1", "Today", channel="C0GONE"))
    await house.notices.announce(Notice("digest:2", "Today", channel="C0TEAM"))
    await house.notices.announce(Notice("deletion:1", "nowhere to say it"))
    await house.clock.advance(60)
    assert [m["channel"] for m in house.slack.messages] == ["C0TEAM"]
    assert house.notices.told_at.keys() == {"digest:2"}
    tries = house.slack.count("chat.postMessage")
    await house.clock.advance(3600)
    assert house.slack.count("chat.postMessage") - tries < 10, "it rests longer each time"
    await house.announcer.stop()


async def test_parts_are_drawn_as_in_an_answer() -> None:
    house = House()
    table = Table(columns=("Name", "Deletion"), rows=(("acme", "in 2 d"),))
    await house.notices.announce(Notice("digest:1", "*Today*", WARNING.offers, (table,)))
    await house.clock.advance(2)
    [message] = house.slack.messages
    assert [b["type"] for b in message["blocks"]] == ["section", "data_table", "actions"]
    assert message["text"] == "*Today*\nacme · in 2 d"
    await house.announcer.stop()
