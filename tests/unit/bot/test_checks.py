"""What `doctor` says of Slack's channels: of the bot's own, and of the one for approvals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar, cast

from bot.checks import SlackChecks
from bot.rooms import Rooms
from bot.voice import Voice
from tests.unit.bot.fake_slack import FakeSlack, Fault
from tests.unit.bot.fakes import FakeClock

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from engine.world import Finding


class Said(dict[str, Any]):
    """Slack's answer to auth.test."""

    headers: ClassVar[dict[str, str]] = {"x-oauth-scopes": "chat:write"}


class Client:
    """As far as the checks ask it."""

    async def auth_test(self) -> Said:
        return Said(user="luthien", team="Sandbox")


async def findings(slack: FakeSlack, approvals: str) -> dict[str, Finding]:
    rooms = Rooms(
        Voice(slack, slack.clock, logging.getLogger("tests.bot.checks")),
        slack.clock,
        lambda: "luthien",
    )
    check = SlackChecks(
        cast("AsyncWebClient", Client()),
        rooms,
        app_token=None,
        signing_secret="s",
        channel="C0OPS",
        approvals=approvals,
        wanted=frozenset({"chat:write"}),
    )
    return {finding.name: finding for finding in await check()}


async def test_the_policys_channel_is_looked_at_where_there_is_one() -> None:
    slack = FakeSlack(FakeClock(running=True))
    found = await findings(slack, "")
    assert found["Slack channel"].ok
    assert "Approvals channel" not in found
    slack.outsider_in.add("C0APPROVE")
    found = await findings(slack, "C0APPROVE")
    assert found["Slack channel"].ok
    approvals = found["Approvals channel"]
    assert (approvals.ok, approvals.detail) == (False, "C0APPROVE: the bot is no member")
    assert approvals.fix.endswith("or set the policy's `approvals: channel`.")


async def test_a_channel_that_does_not_exist_is_said_to_be_none() -> None:
    slack = FakeSlack(FakeClock(running=True))
    slack.faults = [Fault("conversations.info", "channel_not_found")] * 2
    found = await findings(slack, "C0NOWHERE")
    assert not found["Slack channel"].ok
    assert "Set LUTHIEN_CHANNEL to the id" in found["Slack channel"].fix
    assert not found["Approvals channel"].ok
    assert "Set the policy's `approvals: channel` to the id" in found["Approvals channel"].fix
