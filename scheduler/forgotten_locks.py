"""Forgotten locks: every few minutes, ask those who have held one for a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from scheduler.clock import Tick

if TYPE_CHECKING:
    from datetime import datetime

    from engine.clock import Clock


class AsksHolders(Protocol):
    """The verb of the control plane that this tick uses."""

    async def ask_about_forgotten(self, now: datetime) -> int:
        """Each once a day, however often and by however many processes; returns how many."""


def forgotten_locks(locks: AsksHolders, clock: Clock) -> Tick:
    async def act() -> None:
        await locks.ask_about_forgotten(clock.now())

    return Tick(name="forgotten locks", every=timedelta(minutes=10), act=act)
