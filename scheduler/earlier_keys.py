"""Earlier master keys: once an hour, forget those that nothing needs any more."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

from scheduler.clock import Tick

log = logging.getLogger(__name__)


class Retires(Protocol):
    """The verb of the keyring that this tick uses."""

    async def retire(self) -> tuple[str, ...]:
        """Returns the ids of those that it forgot."""


def earlier_keys(keyring: Retires) -> Tick:
    async def act() -> None:
        if gone := await keyring.retire():
            log.info("earlier master keys forgotten: %s", ", ".join(gone))

    return Tick(name="earlier keys", every=timedelta(hours=1), act=act)
