"""For every test."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in a shell's background, Ctrl-C is ignored, by us and by what the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
