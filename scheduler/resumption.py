"""Resumption: twice a minute, take up runs that should be going on and are not."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from scheduler.clock import Tick


class Resumes(Protocol):
    """The verb of the control plane that this tick uses."""

    async def resume(self) -> None:
        """Safe at any time: a run that is going on is left alone."""


def resumption(control: Resumes) -> Tick:
    """Trouble with our own database (a full disk, say) can break a walk off; when that is over the
    run goes on without anybody's doing."""
    return Tick(name="resumption", every=timedelta(seconds=30), act=control.resume)
