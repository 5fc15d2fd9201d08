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


def free_port() -> int:
    """Nobody listens there now, and no other process of these tests is given it while this one
    lives: workers and test runs side by side do not take it from one another."""
    folder = Path(tempfile.gettempdir()) / f"luthien-ports-{os.geteuid()}"
    folder.mkdir(exist_ok=True)
    while True:
        port = random.randint(FIRST, LAST)
        lock = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as found:
                found.bind(("127.0.0.1", port))
            _ours.append(lock)
            return port
        os.close(lock)
