"""Kinds of block that a Slack does not know: each is left out by itself, and tried again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot import messages
from bot.budget import Urgency
from bot.voice import REFUSED_FOR, Voice
from engine.answer import Answer, Chart, Series, Table
from tests.unit.bot.fake_slack import FakeSlack, Fault
from tests.unit.bot.fakes import FakeClock

SAID = messages.answer(
    Answer(
        title="Usage",
        parts=(
            Table(columns=("Service", "CPU"), rows=(("proxy", "0.1"),)),
            Chart(
                kind="bar",
                title="CPU",
                unit="vCPU",
                categories=("proxy",),
                series=(Series(name="CPU", values=(0.1,)),),
            ),
        ),
    )
)


@dataclass
class Line:
    clock: FakeClock = field(default_factory=lambda: FakeClock(running=True))

    def __post_init__(self) -> None:
        self.slack = FakeSlack(self.clock)
        log = logging.getLogger("tests.bot.blocks")
        self.voice = Voice(self.slack, self.clock, log, self.slack.hook)

    async def post(self) -> list[str]:
        """The kinds of the blocks that were taken."""
        await self.voice.post("C0OPS", SAID, Urgency.RESULT)
        return [block["type"] for block in self.slack.messages[-1]["blocks"]]


async def test_only_the_kind_that_is_refused_is_left_out() -> None:
    line = Line()
    line.slack.unknown = {"data_visualization"}
    assert await line.post() == ["data_table", "section", "rich_text"]
    grid = line.slack.messages[-1]["blocks"][-1]
    text: Any = grid["elements"][0]["elements"][0]["text"]
    assert text.splitlines()[-1].split() == ["proxy", "0.1"]


async def test_it_is_not_asked_for_again_for_a_while_and_then_it_is() -> None:
    line = Line()
    line.slack.unknown = {"data_visualization"}
    await line.post()
    await line.post()
    assert line.slack.count("chat.postMessage") == 3
    line.slack.unknown = set()
    await line.clock.sleep(timedelta(seconds=REFUSED_FOR))
    assert await line.post() == ["data_table", "data_visualization"]


async def test_a_refusal_that_points_at_nothing_is_about_all_of_them() -> None:
    line = Line()
    line.slack.faults.append(Fault("chat.postMessage", "invalid_blocks"))
    assert await line.post() == ["section", "rich_text", "section", "rich_text"]


async def test_where_even_plain_blocks_are_refused_the_text_is_said() -> None:
    line = Line()
    line.slack.faults += [Fault("chat.postMessage", "invalid_blocks")] * 2
    assert await line.post() == []
    assert line.slack.messages[-1]["text"].startswith("Usage")
