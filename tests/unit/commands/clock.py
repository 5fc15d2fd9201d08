"""A clock whose sleep passes the time at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)


class FakeClock:
    """Sleeping passes the time at once."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        self.at += duration
