"""Slack's rate limits: per method and minute, and per channel and second for posts."""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from sandbox import times

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.records import Rates

MINUTE = 60.0


class Tier(StrEnum):
    ONE = "t1"
    TWO = "t2"
    THREE = "t3"
    FOUR = "t4"
    SPECIAL = "t5"


class RateLimits:
    """Counts calls in real time. Each check answers how many seconds to wait, 0 for none."""

    def __init__(self, rates: Callable[[], Rates]) -> None:
        self._rates = rates
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def call(self, method: str, tier: Tier) -> int:
        """Count a call of a method in its window of one minute."""
        rates = self._rates()
        allowed = {
            Tier.ONE: rates.t1,
            Tier.TWO: rates.t2,
            Tier.THREE: rates.t3,
            Tier.FOUR: rates.t4,
            Tier.SPECIAL: rates.special,
        }[tier]
        now = times.monotonic()
        calls = self._calls.setdefault(method, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if allowed and len(calls) >= allowed:
            return max(1, math.ceil(calls[0] + MINUTE - now))
        calls.append(now)
        return 0

    def post(self, channel: str) -> int:
        """Count a message in a channel: a bucket that refills while nobody posts."""
        rates = self._rates()
        if not rates.posts_per_second:
            return 0
        now = times.monotonic()
        left, since = self._posts.get(channel, (float(rates.posts_burst), now))
        left = min(rates.posts_burst, left + (now - since) * rates.posts_per_second)
        if left < 1:
            self._posts[channel] = (left, now)
            return max(1, math.ceil((1 - left) / rates.posts_per_second))
        self._posts[channel] = (left - 1, now)
        return 0

    def forget(self) -> None:
        self._calls.clear()
        self._posts.clear()
