"""Housekeeping: once an hour, forget what nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from scheduler.clock import Tick

if TYPE_CHECKING:
    from datetime import datetime

    from engine.clock import Clock

KEEP = timedelta(days=30)
"""Long after any door repeats a delivery (Slack gives up within an hour)."""


class Tidies(Protocol):
    """The verb of the control plane that this tick uses."""

    async def forget_deliveries(self, before: datetime) -> int:
        """Handled ones received before this moment; returns how many."""


def housekeeping(control: Tidies, clock: Clock) -> Tick:
    async def act() -> None:
        await control.forget_deliveries(clock.now() - KEEP)

    return Tick(name="housekeeping", every=timedelta(hours=1), act=act)
