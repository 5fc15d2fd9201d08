"""Ports for servers that tests start."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

FIRST, LAST = 20_000, 31_999
"""Below the range from which the system picks ports for outgoing connections, so that none of
those can take one while its server is restarted."""
_ours: list[int] = []
"""One locked file for each port that this process was given, to its end."""


def free_port(together: int = 1) -> int:
    """Nobody listens there now, and no other process of these tests is given it while this one
    lives: workers and test runs side by side do not take it from one another. `together`: so many
    in a row, of which this is the first."""
    folder = Path(tempfile.gettempdir()) / f"luthien-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        first = random.randint(FIRST, LAST - together)
        locks = [_taken(folder, port) for port in range(first, first + together)]
        held = [lock for lock in locks if lock is not None]
        if len(held) == together:
            _ours.extend(held)
            return first
        for lock in held:
            os.close(lock)


def _taken(folder: Path, port: int) -> int | None:
    """Its lock; None when somebody has it."""
    lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as found:
            found.bind(("127.0.0.1", port))
        return lock
    os.close(lock)
    return None
