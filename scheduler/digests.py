"""Digests: have those told that are due. Which they are is read from the table."""

from __future__ import annotations

import logging
from datetime import timedelta

from engine.actor import Door, Origin
from engine.errors import OpsError
from scheduler.clock import Tick
from scheduler.expiry import SCHEDULER, Performs

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=20)
"""How late a digest may be."""


def digests(control: Performs) -> Tick:
    async def act() -> None:
        due = control.registry.command("digest").parse({"channel": "due"})
        try:
            await control.perform(SCHEDULER, due, Origin(door=Door.TIMER))
        except OpsError as missed:
            log.warning("digests not told yet: %s", missed)

    return Tick(name="digests", every=EVERY, act=act)
