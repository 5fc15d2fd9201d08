"""How often one of many may ask: a token bucket for each, in this process's memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.errors import TooManyRequests
from engine.peers import NoPeers
from engine.words import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.peers import Peers

_MOST_CALLERS = 10_000


@dataclass
class _Bucket:
    left: float
    at: float


class Throttle:
    """`burst` requests at once, then `per_second`; no limit at 0. `mend` is who can do what about
    it; `peers` are the replicas that count together (`take_of_all`)."""

    def __init__(
        self,
        *,
        per_second: float = 10,
        burst: int = 60,
        mend: str = "Whoever runs your program can make it wait.",
        monotonic: Callable[[], float] = time.monotonic,
        peers: Peers | None = None,
    ) -> None:
        self._peers = peers or NoPeers()
        self._per_second = per_second
        self._burst = burst
        self._mend = mend
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    async def take_of_all(self, caller: str) -> None:
        """Of what all replicas together allow. Raises TooManyRequests."""
        self.take(caller)  # what this process can tell alone costs the others nothing
        every = timedelta(seconds=1 / self._per_second) if self._per_second else timedelta()
        if every and (wait := await self._peers.spend(f"api:{caller}", every, burst=self._burst)):
            raise self._too_many(wait)

    def take(self, caller: str) -> None:
        """Of what this process allows. Raises TooManyRequests."""
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
            raise self._too_many(timedelta(seconds=(1 - bucket.left) / self._per_second))
        bucket.left -= 1

    def _too_many(self, wait: timedelta) -> TooManyRequests:
        return TooManyRequests(
            "You ask too often.",
            why=f"After {self._burst} requests at once, {self._per_second:g} a second are"
            " answered.",
            who=self._mend,
            next_step=f"Ask again in {duration(wait)}",
            retry_after=wait,
        )
