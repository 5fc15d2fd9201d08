"""What replicas tell one another at once: that there is something to look at.

Postgres carries it (NOTIFY). A signal that belongs to a transaction arrives when that one is
committed, and never if it is not. None is needed for what is true: everything is also found by
looking now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import func, select

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncConnection

EVENTS = "events"
"""Runs have new events."""
CANCEL = "cancel"
"""A run, by its id, is being cancelled."""
GRANTS = "grants"
"""Roles were given or taken."""
CHANNEL = "luthien"
LONGEST = 2_000
"""Characters of a signal's text; Postgres takes just under 8,000 bytes."""

log = logging.getLogger(__name__)


class Signals:
    """One per process; `me` is how it is known to the others, so that it does not hear itself."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._heard: dict[str, list[Callable[[str], None]]] = defaultdict(list)
        self._listening: asyncio.Task[None] | None = None
        self._closing = False

    def on(self, topic: str, act: Callable[[str], None]) -> None:
        """`act` is told the text of every signal of others, and must not take long."""
        self._heard[topic].append(act)

    def statement(self, topic: str, text: str = "") -> Executable:
        """To be executed in the transaction that it belongs to."""
        return select(func.pg_notify(CHANNEL, f"{self._me}\n{topic}\n{text[:LONGEST]}"))

    async def listen(self, line: AsyncConnection, lost: Callable[[str], object]) -> None:
        """From now on, over a connection of its own that is never replaced: `lost` is told when
        it breaks, so that a process that goes on has missed nothing."""
        driver: psycopg.AsyncConnection | None
        driver = (await line.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 - it was connected just now
        await driver.execute(f"LISTEN {CHANNEL}")
        self._listening = asyncio.create_task(self._hear(line, driver, lost), name="signals")

    async def close(self) -> None:
        self._closing = True  # whatever ends it now, nothing is lost
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _hear(
        self,
        line: AsyncConnection,
        driver: psycopg.AsyncConnection,
        lost: Callable[[str], object],
    ) -> None:
        try:
            async for said in driver.notifies():
                self._dispatch(said.payload)
            why = "it ended the connection over which replicas hear"
        except Exception as error:  # noqa: BLE001 - whatever the driver raises
            why = type(error).__name__
        finally:
            with contextlib.suppress(Exception):
                await line.invalidate()  # not for the pool: it listens
                await line.close()
        if not self._closing:
            lost(f"the database is lost ({why})")

    def _dispatch(self, payload: str) -> None:
        sender, _, rest = payload.partition("\n")
        topic, _, text = rest.partition("\n")
        if sender == self._me:
            return
        for act in self._heard.get(topic, ()):
            try:
                act(text)
            except Exception:
                log.exception("signal %s not heeded", topic)
