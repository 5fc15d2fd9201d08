"""When the garbage collector looks around: not while the program starts.

What imports and wiring make stays until the end; walking it again and again, as it grows, took a
sixth of a start (docs/benchmarks.md).
"""

from __future__ import annotations

import gc


def rest() -> None:
    """While something is started."""
    gc.disable()


def wake() -> None:
    """From here on as usual, except for what is there by now: that is not walked ever again, which
    also takes milliseconds off the slowest acknowledgements."""
    gc.freeze()
    gc.enable()
