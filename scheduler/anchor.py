"""Anchors: once an hour, where the audit ends is said outside of the database."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from engine.telemetry import AUDIT
from scheduler.clock import Tick

log = logging.getLogger(__name__)


class HasEnd(Protocol):
    """The verb of the audit that this tick uses."""

    async def head(self) -> str:
        """Its last entry's number and hash."""


def anchor(audit: HasEnd) -> Tick:
    """In the log, where `audit verify --anchor` takes it from, and as a metric."""

    async def act() -> None:
        head = await audit.head()
        AUDIT.set(int(head.partition(":")[0]))
        log.info("audit anchor %s", head)

    return Tick(name="anchor", every=timedelta(hours=1), act=act)
