"""Approvals: twice a minute, close those that nobody gave in time."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from scheduler.clock import Tick


class Expires(Protocol):
    """The verb of the control plane that this tick uses."""

    async def expire_approvals(self) -> int:
        """Those whose time is over; returns how many."""


def approvals(control: Expires) -> Tick:
    """One that is clicked after its time expires by that, so nothing depends on the second."""

    async def act() -> None:
        await control.expire_approvals()

    return Tick(name="approvals", every=timedelta(seconds=30), act=act)
