"""Request limits: per token so many an hour and a second, told in every reply's headers; and those
of the edge in front, for requests without a query string."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import times

if TYPE_CHECKING:
    from sandbox.railway.settings import WorldSettings

HOUR = 3600.0
EDGE_WINDOW = 10.0


@dataclass
class Window:
    """A fixed window that starts with the first request after the one before ended."""

    ends_at: float = 0.0
    used: int = 0

    def take(self, now: float, length: float, limit: int) -> bool:
        """Count one request; False when the window has no room for it."""
        if now >= self.ends_at:
            self.ends_at, self.used = now + length, 0
        if self.used >= limit:
            return False
        self.used += 1
        return True


class Rates:
    """The windows of every token and of the edge, their lengths divided by the speed of Railway's
    time."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._hours: dict[str, Window] = {}
        self._seconds: dict[str, Window] = {}
        self._edge = Window()

    def edge_refuses(self, settings: WorldSettings) -> int | None:
        """For a request without `?query=`: as `refuses`. All clients share one address."""
        limit, now = settings.edge_requests_per_10s, times.now()
        if limit is None or self._edge.take(now, EDGE_WINDOW / self._speed, limit):
            return None
        return math.ceil(self._edge.ends_at - now)

    def refuses(self, token: str, settings: WorldSettings) -> int | None:
        """None when the request may pass, else after how many seconds to come back."""
        now = times.now()
        second = self._seconds.setdefault(token, Window())
        hour = self._hours.setdefault(token, Window())
        if not second.take(now, 1 / self._speed, settings.per_second):
            return math.ceil(second.ends_at - now)
        if not hour.take(now, HOUR / self._speed, settings.hourly):
            return math.ceil(hour.ends_at - now)
        return None

    def left(self, token: str, settings: WorldSettings) -> tuple[int, float]:
        """How many requests are left in this hour, and when it ends."""
        hour = self._hours.get(token)
        now = times.now()
        if hour is None or now >= hour.ends_at:
            return settings.hourly, now + HOUR / self._speed
        return max(settings.hourly - hour.used, 0), hour.ends_at

    def headers(self, token: str, settings: WorldSettings) -> dict[str, str]:
        """The current window is the hour's, and the policy tells its length undivided.

        Source: docs.railway.com, integrations/api (the reset's format is our assumption).
        """
        left, resets_at = self.left(token, settings)
        return {
            "RateLimit-Policy": f'"default";q={settings.hourly};w={HOUR:.0f}',
            "X-RateLimit-Limit": str(settings.hourly),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(math.ceil(resets_at)),
        }
