"""Everything between what happens and the people who read of it in Slack, in memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bot.telling import Stage
from bot.voice import Voice
from engine.peers import NoPeers, Peers
from tests.unit.bot.fake_slack import FakeSlack
from tests.unit.bot.fakes import FakeClock, FakeControl, MemoryNotices, MemoryTold


@dataclass
class Staged:
    """`open` is a process that starts; what it finds is what an earlier one left."""

    channel: str | None = "C0OPS"
    clock: FakeClock = field(default_factory=FakeClock)
    peers: Peers = field(default_factory=NoPeers)

    def __post_init__(self) -> None:
        self.slack = FakeSlack(self.clock)
        self.control = FakeControl(self.clock)
        self.notices = MemoryNotices(self.clock)
        self.told = MemoryTold(self.control)
        self.open()

    def open(self) -> None:
        raise NotImplementedError

    def stage(self) -> Stage:
        log = logging.getLogger(f"tests.bot.{type(self).__name__}")
        voice = Voice(self.slack, self.clock, log, self.slack.hook)
        told = (self.control, self.told, voice, self.clock, log)
        return Stage(*told, self.channel, self.notices, self.peers)
