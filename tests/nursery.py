"""Processes that start at once: one process has imported the product already, and forks.

What is forked is a process like any other: its own data folder, its own lock, its own streams,
real signals and a real end. Only the imports, most of a start's work, are done once for all of
them. What a start from nothing does is seen by the tests that use `subprocess` (the demo, the
terminal).
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[1]
LONGEST_WISH = 1 << 20
"""Bytes: arguments and environment of one process."""


class Child:
    """A process of the nursery; used like `subprocess.Popen`."""

    def __init__(self, pid: int, ending: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        self._ending = ending
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self._code is None and select.select([self._ending], [], [], 0)[0]:
            # Empty when the nursery itself is gone.
            self._code = int(os.read(self._ending, 16) or b"-9")
            os.close(self._ending)
            os.close(self._handle)
        return self._code

    def wait(self, timeout: float) -> int:
        """Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
            select.select([self._ending], [], [], 0.1)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, number)


class Nursery:
    """Lives as long as this process, and its children with it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line, self._turn = ours, threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        assert self._line.recv(16) == b"ready", "the nursery ended"
        atexit.register(self._process.kill)

    def start(
        self,
        module: str,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        streams: Sequence[IO[bytes]],
    ) -> Child:
        """`python -m <module> <arguments>`; `streams` are its standard input, output, error."""
        wish = {"module": module, "arguments": arguments, "env": dict(env), "cwd": str(cwd)}
        ending, tell = os.pipe()
        try:
            given = [stream.fileno() for stream in streams]
            with self._turn:
                socket.send_fds(self._line, [json.dumps(wish).encode()], [*given, tell])
                pid = self._line.recv(16)
        finally:
            os.close(tell)
        assert pid, "the nursery ended"
        return Child(int(pid), ending)


@functools.cache
def nursery() -> Nursery:
    """This process's own."""
    return Nursery()


# ── inside the nursery ────────────────────────────────────────────────────────────────────────

_MODULES = (
    "aiosqlite",
    "api.web.app",
    "app.__main__",
    "app.program",
    "app.serve",
    "bot.door",
    "dbos",
    "sandbox.__main__",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.off",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
"""What `luthien`, `luthien serve` and the sandbox import, also what they import late."""


def _main(line: socket.socket) -> None:
    for name in _MODULES:
        importlib.import_module(name)
    _discover()
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, "a fork would lose the other threads"
    bell, ring = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ring)
    endings: dict[int, int] = {}
    line.send(b"ready")
    while True:
        ready, _, _ = select.select([line.fileno(), bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
            _tell_endings(endings)
        if line.fileno() in ready:
            wish, given, _, _ = socket.recv_fds(line, LONGEST_WISH, 4)
            if not wish:
                return
            pid = os.fork()
            if pid == 0:
                _become(json.loads(wish), given)
            for descriptor in given[:3]:
                os.close(descriptor)
            endings[pid] = given[3]
            line.send(str(pid).encode())


def _discover() -> None:
    import commands
    from engine import registry

    registry.discover(commands)


def _tell_endings(endings: dict[int, int]) -> None:
    while endings:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        ending = endings.pop(pid)
        os.write(ending, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(ending)


def _become(wish: Mapping[str, Any], given: Sequence[int]) -> None:
    """In the child, which never returns."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number, descriptor in enumerate(given[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, 256)  # the nursery's own, and other children's
    os.environ.clear()
    os.environ.update(wish["env"])
    time.tzset()
    os.chdir(wish["cwd"])
    sys.argv = [wish["module"], *wish["arguments"]]
    code: object = 1
    try:
        importlib.import_module(f"{wish['module']}.__main__").main()
        code = 0
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001 - the log has to say why
        traceback.print_exc()
    finally:
        _end(0 if code is None else code if isinstance(code, int) else 1)


def _end(code: int) -> None:
    """What the interpreter does at its end, without taking everything apart."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for the other threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


_PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""

if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
