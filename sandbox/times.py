"""What time it is for the stand-ins: the machine's clocks, or those of a simulation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_now: Callable[[], float] = time.time
_monotonic: Callable[[], float] = time.monotonic


def now() -> float:
    """Seconds since the epoch."""
    return _now()


def monotonic() -> float:
    """Seconds that only ever grow."""
    return _monotonic()


def run_on(now: Callable[[], float], monotonic: Callable[[], float]) -> None:
    """From now on these are the clocks of every sandbox in this process."""
    global _now, _monotonic
    _now, _monotonic = now, monotonic
