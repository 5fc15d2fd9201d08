"""The socket over which Slack reaches us comes back soon, however it was lost."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot.socket_mode import SlackSocket
from tests.unit.bot.fakes import FakeClock

LOG = logging.getLogger("tests.bot.socket_mode")


class Session:
    closed = False


class FakeLine:
    """Connects as often as `reachable` says; counts what it was asked."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self.current_session: Session | None = None
        self.closed = False

    async def connect(self) -> None:
        self._slack.tries += 1
        if not self._slack.reachable:
            raise aiohttp.ClientError("no route")
        self.current_session = Session()

    async def connect_to_new_endpoint(self) -> None:
        await self.connect()

    async def close(self) -> None:
        self.closed = True


class Slack:
    def __init__(self, *, reachable: bool = True) -> None:
        self.reachable = reachable
        self.tries = 0
        self.lines: list[FakeLine] = []

    def line(self) -> FakeLine:
        self.lines.append(FakeLine(self))
        return self.lines[-1]

    def cut(self) -> None:
        session = self.lines[-1].current_session
        assert session is not None
        session.closed = True


@asynccontextmanager
async def listening(slack: Slack) -> AsyncIterator[tuple[SlackSocket, FakeClock]]:
    clock = FakeClock()
    socket = SlackSocket(slack.line, clock, LOG)
    socket.start()
    await clock.advance(0)
    try:
        yield socket, clock
    finally:
        await socket.stop()
    assert all(line.closed for line in slack.lines)


async def test_a_cut_is_seen_within_a_second() -> None:
    slack = Slack()
    async with listening(slack) as (socket, clock):
        assert socket.connected
        await clock.advance(60)
        assert slack.tries == 1, "what is open stays"
        slack.cut()
        assert not socket.connected
        await clock.advance(1)
        assert socket.connected
        assert (slack.tries, len(slack.lines)) == (2, 1)


async def test_while_slack_is_away_it_is_tried_less_and_less_often() -> None:
    slack = Slack()
    async with listening(slack) as (socket, clock):
        slack.reachable = False
        slack.cut()
        await clock.advance(63)  # after 1, 3, 7, 15, 31 and 61 s
        assert slack.tries == 1 + 6
        await clock.advance(300)
        assert slack.tries == 1 + 6 + 10, "every 30 s at the longest"
        slack.reachable = True
        await clock.advance(30)
        assert socket.connected
        slack.cut()
        await clock.advance(1)
        assert socket.connected, "and it looks every second again"


async def test_a_slack_that_is_away_at_the_start_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slack = Slack(reachable=False)
    with caplog.at_level(logging.INFO, LOG.name):
        async with listening(slack) as (socket, clock):
            await clock.advance(4)  # at 0, 0.5, 1.5 and 3.5 s
            assert slack.tries == len(slack.lines) == 4
            assert not socket.connected
            slack.reachable = True
            await clock.advance(4)
            assert socket.connected
    assert [record.message for record in caplog.records] == [
        "Slack cannot be reached, trying again in 0.5 s",
        "Slack cannot be reached, trying again in 1.0 s",
        "Slack cannot be reached, trying again in 2.0 s",
        "Slack cannot be reached, trying again in 4.0 s",
        "listening to Slack over Socket Mode",
    ]
