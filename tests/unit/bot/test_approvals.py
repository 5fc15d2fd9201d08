"""Approvals in Slack: one message each, true at every moment, across restarts and lost answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from bot.approvals import ApprovalPosts
from bot.blocks import mrkdwn
from bot.rooms import Rooms
from bot.scrub import Scrubber
from engine.actor import Door, Origin
from engine.approval import Approval, ApprovalStatus
from engine.peers import NoPeers
from engine.policy import SelfApprove
from engine.run import EventKind, RunStatus
from tests.unit.bot.fake_slack import LOST_AFTER, Fault
from tests.unit.bot.fakes import (
    BEN,
    a_run,
    an_approval,
    decided,
)
from tests.unit.bot.staging import Staged

OPS = Origin(door=Door.SLACK, channel="C0OPS")


@dataclass
class House(Staged):
    """A bot that asks for approvals."""

    channel: str | None = "C0BOT"

    @override
    def open(self) -> None:
        stage = self.stage()
        self.posts = ApprovalPosts(
            stage, Scrubber(), Rooms(stage.voice, self.clock, lambda: "luthien")
        )
        self.posts.start()

    async def ask(self, origin: Origin = OPS, **consent: Any) -> None:
        approval = an_approval()
        how = approval.consent.model_copy(update=consent)
        waiting = RunStatus.AWAITING_APPROVAL
        self.control.views["r-1"] = a_run(actor=BEN, origin=origin, status=waiting)
        await self.become(approval.model_copy(update={"consent": how}))

    async def become(self, approval: Approval) -> None:
        self.control.change("r-1", approval=approval)
        self.control.tell("r-1", EventKind.APPROVED)
        await self.clock.advance(2)

    @property
    def only(self) -> dict[str, Any]:
        [message] = self.slack.messages
        return dict(message)


def buttons(message: dict[str, Any]) -> list[str]:
    rows = [block for block in message["blocks"] if block["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row["elements"]]


async def test_it_is_asked_for_where_the_run_is_told_and_edited_when_decided() -> None:
    house = House()
    await house.ask()
    assert house.only["channel"] == "C0OPS"
    assert "asks for 1 approval by the role deployer" in house.only["text"]
    assert buttons(house.only) == ["Approve", "Reject …"]
    await house.become(decided(ApprovalStatus.GRANTED, "slack:U0ADA"))
    assert "Approved by <@U0ADA> on Sat 21 Nov 2026 09:12 UTC" in house.only["text"]
    assert buttons(house.only) == []
    await house.posts.stop()


async def test_the_policys_channel_comes_first_and_the_others_stand_in_for_it() -> None:
    house = House()
    await house.ask(channel="C0APPROVE")
    assert house.only["channel"] == "C0APPROVE"
    await house.posts.stop()

    house = House()
    house.slack.outsider_in.add("C0APPROVE")
    await house.ask(channel="C0APPROVE")
    assert house.only["channel"] == "C0OPS"
    await house.posts.stop()

    house = House()
    await house.ask(origin=Origin(door=Door.CLI))
    assert house.only["channel"] == "C0BOT"
    await house.posts.stop()


async def test_where_the_policys_channel_is_closed_the_message_and_the_asker_are_told() -> None:
    house = House()
    await house.ask(channel="C0APPROVE")
    assert "could not be reached" not in str(house.only)
    assert not house.notices.kept
    await house.posts.stop()

    house = House()
    house.slack.outsider_in.add("C0APPROVE")
    await house.ask(channel="C0APPROVE")
    said = str(house.only["blocks"])
    assert "It stands here because <#C0APPROVE>" in said
    assert "`/invite @luthien`" in said
    [told] = house.notices.kept.values()
    assert told.to == BEN.key
    assert "asked for in <#C0OPS>, because <#C0APPROVE>" in mrkdwn(told.text)
    assert "/luthien approve r-1" in told.text
    house.slack.outsider_in.clear()
    waiting = house.control.views["r-1"].approval
    assert waiting is not None
    await house.become(waiting.model_copy(update={"revision": 2}))
    assert "It stands here because <#C0APPROVE>" in str(house.only["blocks"])
    granted = decided(ApprovalStatus.GRANTED, "slack:U0ADA", consent=waiting.consent)
    await house.become(granted.model_copy(update={"revision": 3}))
    assert "It stands here" not in str(house.only["blocks"])
    assert len(house.notices.kept) == 1
    await house.posts.stop()

    house = House(channel=None)
    house.slack.outsider_in |= {"C0APPROVE", "C0OPS"}
    await house.ask(channel="C0APPROVE")
    [told] = house.notices.kept.values()
    assert "asked for nowhere, because" in told.text
    await house.posts.stop()


async def test_what_was_decided_while_no_process_ran_is_told_by_the_next_one() -> None:
    house = House()
    await house.ask()
    await house.posts.stop()
    await house.become(decided(ApprovalStatus.EXPIRED))
    assert buttons(house.only) == ["Approve", "Reject …"]
    house.open()
    await house.clock.advance(2)
    assert "Expired" in house.only["text"]
    assert buttons(house.only) == []
    assert await house.told.untold_approvals() == []
    await house.posts.stop()


async def test_a_post_whose_answer_was_lost_is_found_and_not_repeated() -> None:
    house = House()
    house.slack.faults.append(Fault("chat.postMessage", LOST_AFTER))
    await house.ask()
    await house.clock.advance(5)
    assert buttons(house.only) == ["Approve", "Reject …"]
    assert await house.told.untold_approvals() == []
    await house.posts.stop()


async def test_an_edit_that_was_lost_is_made_again() -> None:
    house = House()
    await house.ask()
    house.slack.faults += [Fault("chat.update", LOST_AFTER)]
    await house.become(decided(ApprovalStatus.REJECTED, "slack:U0ADA", "it is used"))
    await house.clock.advance(60)
    assert "Rejected by <@U0ADA> on Sat 21 Nov 2026 09:12 UTC: it is used" in house.only["text"]
    assert await house.told.untold_approvals() == []
    await house.posts.stop()


class Elsewhere(NoPeers):
    """Another replica tells the approvals."""

    async def claim(self, name: str) -> bool:
        return False


async def test_what_another_replica_tells_is_not_told_here() -> None:
    house = House(peers=Elsewhere())
    await house.ask()
    await house.clock.advance(60)
    assert house.slack.messages == []
    assert await house.told.untold_approvals() == ["r-1"]
    await house.posts.stop()


async def test_who_is_alone_is_said_to_count_where_the_policy_lets_them() -> None:
    for alone, policy, said in (
        (True, SelfApprove.WHEN_ALONE, True),
        (True, SelfApprove.NEVER, False),
        (False, SelfApprove.WHEN_ALONE, False),
    ):
        house = House()
        approval = an_approval(alone=alone)
        consent = approval.consent.model_copy(update={"self_approve": policy})
        waiting = RunStatus.AWAITING_APPROVAL
        house.control.views["r-1"] = a_run(actor=BEN, origin=OPS, status=waiting)
        await house.become(approval.model_copy(update={"consent": consent}))
        assert ("Nobody else could give it" in house.only["text"]) is said
        await house.posts.stop()


async def test_where_nobody_can_be_told_it_is_let_be() -> None:
    house = House(channel=None)
    await house.ask(origin=Origin(door=Door.CLI))
    assert house.slack.messages == []
    assert await house.told.untold_approvals() == []
    await house.posts.stop()
