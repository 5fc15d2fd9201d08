"""Bots that start at once: a process has imported the product already, and forks.

A forked bot is a process like any other: its own data folder, its own lock, a real SIGKILL. Only
the imports, more than half of a start's work, are done once for all of them.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Self

import commands
from engine import registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Bot:
    """A living `luthien serve`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    @property
    def ended(self) -> bool:
        readable, _, _ = select.select([self._handle], [], [], 0)
        return bool(readable)

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed. Returns when the process is gone."""
        if not self.ended:
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        select.select([self._handle], [], [], 20)

    def close(self) -> None:
        self.kill()
        os.close(self._handle)


class Nursery:
    """The process that forks; ends with the block, and its bots with it."""

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.fault.nursery"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._line()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await self._process.wait()

    async def serve(self, settings: Mapping[str, str], folder: Path) -> Bot:
        """A new bot with these settings; its output is added to a file in the folder."""
        wish = {"settings": dict(settings), "folder": str(folder)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        await self._process.stdin.drain()
        return Bot(int(await self._line()))

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the nursery ended"
        return line.decode().strip()


# ── inside the nursery ────────────────────────────────────────────────────────────────────────


def main() -> None:
    _load()
    assert threading.active_count() == 1, "a fork would lose the other threads"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody has to wait for the dead
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become_a_bot(wish)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _load() -> None:
    """Everything that `luthien serve` imports, also what it imports late."""
    for name in _MODULES:
        importlib.import_module(name)
    registry.discover(commands)
    gc.collect()
    gc.freeze()


_MODULES = (
    "aiosqlite",
    "alembic.ddl.sqlite",
    "app.__main__",
    "app.serve",
    "bot.door",
    "dbos",
    "engine.plane",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
)


def _become_a_bot(wish: Mapping[str, Any]) -> None:
    """In the child, which never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(wish["settings"])
    os.chdir(wish["folder"])
    log = os.open("luthien.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, stream in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(number, stream)
    sys.argv = ["luthien", "serve"]
    from app.__main__ import main as luthien

    code: object = 1
    try:
        luthien()
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001 - the log has to say why
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


_PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""

if __name__ == "__main__":
    main()
