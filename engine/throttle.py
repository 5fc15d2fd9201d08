"""How often one of many may ask: a token bucket for each, in this process's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.errors import TooManyRequests
from engine.words import duration

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_CALLERS = 10_000


@dataclass
class _Bucket:
    left: float
    at: float


class Throttle:
    """`burst` requests at once, then `per_second`; no limit at 0. Several replicas each count for
    themselves. `mend` is who can do what about it."""

    def __init__(
        self,
        *,
        per_second: float = 10,
        burst: int = 60,
        mend: str = "Whoever runs your program can make it wait.",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._mend = mend
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str) -> None:
        """Raises TooManyRequests."""
        if not self._per_second:
            return
        now = self._monotonic()
        bucket = self._buckets.pop(caller, None) or _Bucket(self._burst, now)
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[caller] = bucket
        while len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        if bucket.left < 1:
            wait = timedelta(seconds=(1 - bucket.left) / self._per_second)
            raise TooManyRequests(
                "You ask too often.",
                why=f"After {self._burst} requests at once, {self._per_second:g} a second are"
                " answered.",
                who=self._mend,
                next_step=f"Ask again in {duration(wait)}",
                retry_after=wait,
            )
        bucket.left -= 1
