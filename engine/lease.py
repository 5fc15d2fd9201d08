"""How long this process may take itself for alive: the others take over what a dead one leaves.

A replica has a row in the database with a time until which it counts as alive, and pushes that
time ahead every second. Once it is over, another replica removes the row, and with it every claim
of that replica. From then on the database refuses its writes (`Database.fence`). It ends itself
before that: crash-only, because what it knows may be outdated; whoever supervises it starts it
anew (docs/decisions/0018).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, Protocol

from engine.peers import NoPeers, Peers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LASTS = timedelta(seconds=10)
BEAT = timedelta(seconds=1)
EXIT_CODE = 70
"""EX_SOFTWARE: neither an orderly end nor wrong usage."""

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The others took over, or the database cannot be reached."""


class Replica(Peers, Protocol):
    """This process among its peers: a row in the database."""

    shared: bool
    """Whether there may be others at all; else no lease is needed, and none is lost."""

    async def join(self, lasts: timedelta) -> None: ...

    async def renew(self, lasts: timedelta) -> None:
        """Raises LeaseLost when the row is gone, anything else when the database is."""

    async def reap(self) -> int:
        """Remove those whose time is over; returns how many."""

    async def leave(self) -> None: ...


def leave_at_once(why: str) -> NoReturn:
    """Nothing is finished and nothing closed: all that matters is in the database already."""
    log.critical("%s; leaving at once, to be started anew (exit code %d)", why, EXIT_CODE)
    for handler in logging.getLogger().handlers:
        with contextlib.suppress(Exception):
            handler.flush()
    sys.stderr.flush()
    os._exit(EXIT_CODE)


class Lease:
    """One per process. Until it is held, and where there is nobody to share with, `check` does
    nothing. `leave` must not return."""

    def __init__(
        self, lasts: timedelta = LASTS, leave: Callable[[str], NoReturn] = leave_at_once
    ) -> None:
        self._lasts = lasts
        self._leave = leave
        self._store: Replica | None = None
        self.peers: Peers = NoPeers()
        self._until: float | None = None
        self._beating: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._released = threading.Event()

    def check(self) -> None:
        """Called right before each write at a vendor: a process that was frozen must not go on
        where it stopped, because others have taken over meanwhile."""
        if self._until is not None and _now() > self._until:
            self._leave("this replica was frozen, or cut off from the database, for too long")

    def lost(self, why: str) -> NoReturn:
        self.check()  # if that is why: the others end the transactions of a dead one
        self._leave(why)
        raise LeaseLost(why)

    async def hold(self, store: Replica, at_each_beat: Callable[[], Awaitable[None]]) -> None:
        """From now on, until `release`; `at_each_beat` looks for work that others left."""
        self._store = store
        await store.join(self._lasts)
        self.peers = store
        if not store.shared:
            return
        await self._renew(store)  # joining may have waited for others
        threading.Thread(target=self._watch, name="lease", daemon=True).start()
        self._beating = [
            asyncio.create_task(self._keep(store), name="lease"),
            asyncio.create_task(self._look(store, at_each_beat), name="lease looks"),
        ]

    async def release(self) -> None:
        """In order: the others take over at once."""
        if self._store is None:
            return
        self._stopping.set()
        for beating in self._beating:
            await beating  # never cancelled, so that no statement is broken off
        self._released.set()
        self._until, self.peers = None, NoPeers()
        await self._store.leave()

    async def _keep(self, store: Replica) -> None:
        """Apart from everything else, so that nothing else can keep it from renewing."""
        while not await self._stopped():
            await self._renew(store)

    async def _look(self, store: Replica, at_each_beat: Callable[[], Awaitable[None]]) -> None:
        while not await self._stopped():
            try:
                if gone := await store.reap():
                    log.warning("%d replica(s) gone; their work is taken over", gone)
                await at_each_beat()
            except Exception:
                log.exception("work of others not looked for")

    async def _stopped(self) -> bool:
        """After one beat."""
        with contextlib.suppress(TimeoutError):
            every = min(BEAT, self._lasts / 5).total_seconds()
            await asyncio.wait_for(self._stopping.wait(), every)
        return self._stopping.is_set()

    async def _renew(self, store: Replica) -> None:
        asked = _now()
        try:
            await store.renew(self._lasts)
        except LeaseLost:
            self.lost("other replicas took this one for dead")
        except Exception as error:  # noqa: BLE001 - whatever the driver raises
            said = str(error).partition("\n")[0]
            self.lost(f"the database is lost ({type(error).__name__}: {said})")
        self._extend(asked)

    def _extend(self, asked: float) -> None:
        """Counted from before the database was asked, and a fifth shorter than there."""
        self._until = asked + self._lasts.total_seconds() * 0.8

    def _watch(self) -> None:
        """A thread, because the loop may be what is stuck."""
        while not self._released.wait(0.25):
            self.check()


def _now() -> float:
    """Seconds that also count while the machine sleeps, where the system has such a clock."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
