"""Housekeeping: once an hour, forget what nobody needs any more."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from scheduler.clock import Tick

if TYPE_CHECKING:
    from datetime import datetime

    from engine.clock import Clock

log = logging.getLogger(__name__)

DELIVERIES = timedelta(days=30)
"""Long after any door repeats a delivery (Slack gives up within an hour)."""


class Tidies(Protocol):
    """The verbs of the control plane that this tick uses: each forgets what was over before then,
    returns how much, and writes nothing where there is nothing."""

    async def forget_deliveries(self, before: datetime) -> int: ...

    async def forget_runs(self, before: datetime) -> int: ...

    async def forget_notices(self, before: datetime) -> int: ...


def housekeeping(control: Tidies, clock: Clock, keep: timedelta) -> Tick:
    """`keep` is how long runs and notices are kept; the audit is kept for ever."""

    async def act() -> None:
        await control.forget_deliveries(clock.now() - DELIVERIES)
        runs = await control.forget_runs(clock.now() - keep)
        notices = await control.forget_notices(clock.now() - keep)
        if runs or notices:
            log.info("forgotten: %d runs, %d notices", runs, notices)

    return Tick(name="housekeeping", every=timedelta(hours=1), act=act)
