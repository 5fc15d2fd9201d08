"""What time it is for the stand-ins: the machine's clocks, or those of a simulation."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_now: Callable[[], float] = time.time
_monotonic: Callable[[], float] = time.monotonic


def now() -> float:
    """Seconds since the epoch."""
    return _now()


def monotonic() -> float:
    """Seconds that only ever grow."""
    return _monotonic()


@contextmanager
def other(now: Callable[[], float], monotonic: Callable[[], float]) -> Iterator[None]:
    """Meanwhile these are the clocks of every sandbox in this process."""
    global _now, _monotonic
    before = _now, _monotonic
    _now, _monotonic = now, monotonic
    try:
        yield
    finally:
        _now, _monotonic = before
