"""How much we may ask: the rate limit as Railway's headers tell it, and how often polls may run.

Source: Railway docs, integrations/api: 100 requests an hour on Free, 1,000 on Hobby, 10,000 on
Pro; RateLimit-Policy and X-RateLimit-Limit (of the current window), -Remaining and -Reset on every
answer, Retry-After once exhausted.
"""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from providers.railway.rate_policy import hourly_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.clock import Clock

POLLING_SHARE = 0.3
"""Of what remains of the hour's requests, at most this much goes into polling."""
DEFAULT_HOLD = timedelta(seconds=5)
"""How long to stop asking when Railway says "too many" without saying for how long."""
_WINDOW = timedelta(hours=1)
_SHORTEST_WAIT = timedelta(milliseconds=20)


class Budget:
    """What remains of the hour, as Railway tells every process that uses the token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.limit: int | None = None
        """Requests an hour; None until Railway tells."""
        self.remaining: int | None = None
        self.resets_at: datetime | None = None
        self._held_until = clock.monotonic()
        self.held_because = "Railway's rate limit is reached."
        """What the latest answer said that made us wait."""
        self._pollers = 0
        self.sharers: Callable[[], int] = lambda: 1
        """How many processes use the token."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read the rate-limit headers of any answer."""
        policy = hourly_quota(headers.get("ratelimit-policy"))
        # Without a policy, the current window is taken for an hour.
        self.limit = policy or _number(headers.get("x-ratelimit-limit"), self.limit)
        self.remaining = _number(headers.get("x-ratelimit-remaining"), self.remaining)
        self.resets_at = moment(headers.get("x-ratelimit-reset"), self._clock) or self.resets_at

    # -- holding back ---------------------------------------------------------------------------

    def hold(self, duration: timedelta | None, because: str = "") -> None:
        """Nobody asks anything for this long: Railway said "too many requests"."""
        self.held_because = because or self.held_because
        wait = DEFAULT_HOLD if duration is None else duration
        until = self._clock.monotonic() + wait.total_seconds()
        self._held_until = max(self._held_until, until)

    @property
    def held_for(self) -> timedelta:
        return timedelta(seconds=max(0.0, self._held_until - self._clock.monotonic()))

    async def ready(self) -> None:
        """Returns once asking is allowed again."""
        await self._until(self._held_until)

    # -- polling --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def polling(self) -> Iterator[None]:
        """Everybody who polls does so inside; polls share the budget evenly."""
        self._pollers += 1
        try:
            yield
        finally:
            self._pollers -= 1

    @property
    def spacing(self) -> timedelta:
        """The least time between two requests of one poller, in the vendor's (real) time."""
        affordable = self._affordable
        return timedelta() if affordable == math.inf else self._left() / max(1.0, affordable)

    @property
    def _affordable(self) -> float:
        """Requests that one poller may spend until the reset."""
        if self.remaining is None:
            return math.inf
        return self.remaining * POLLING_SHARE / (max(1, self._pollers) * self.sharers())

    async def pause(self, tick: timedelta, *, requests: int = 1, at_most: int = 0) -> None:
        """Wait one tick, or longer when the budget asks for it.

        A poll that ends after `at_most` requests never waits longer while all of them are
        affordable. Nobody waits beyond the reset: there is a whole budget again.
        """
        spacing = timedelta() if 0 < at_most <= self._affordable else self.spacing
        longest = min(spacing * requests, self._left())
        earliest = self._clock.monotonic() + longest.total_seconds()
        await self._clock.sleep(tick)
        await self._until(earliest)

    def _left(self) -> timedelta:
        if self.resets_at is None:
            return _WINDOW
        return min(_WINDOW, max(timedelta(), self.resets_at - self._clock.now()))

    async def _until(self, moment: float) -> None:
        """Wait for a moment that the vendor set: real time, whatever our own pace."""
        while (left := moment - self._clock.monotonic()) > 0:
            await self._clock.sleep(max(timedelta(seconds=left), _SHORTEST_WAIT))


def retry_after(value: str | None, clock: Clock) -> timedelta | None:
    """A Retry-After header: seconds or an HTTP date."""
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        return timedelta(seconds=max(0.0, float(value)))
    with contextlib.suppress(ValueError, TypeError):
        return max(timedelta(), _aware(parsedate_to_datetime(value)) - clock.now())
    return None


def moment(value: str | None, clock: Clock) -> datetime | None:
    """X-RateLimit-Reset, whose form Railway does not document: an ISO time, seconds or
    milliseconds since the epoch, or seconds from now."""
    if not value:
        return None
    with contextlib.suppress(ValueError, OverflowError, OSError):
        number = float(value)
        if number > 1e11:
            return datetime.fromtimestamp(number / 1000, UTC)
        if number > 1e8:
            return datetime.fromtimestamp(number, UTC)
        return clock.now() + timedelta(seconds=number)
    with contextlib.suppress(ValueError):
        return _aware(datetime.fromisoformat(value))
    return None


def _aware(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _number(value: str | None, otherwise: int | None) -> int | None:
    with contextlib.suppress(TypeError, ValueError):
        return int(float(value or ""))
    return otherwise
