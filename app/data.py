"""The data folder: who owns it, where the server is found, the generated key, the log."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Locked, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta


@dataclass(frozen=True)
class Server:
    """A running `luthien serve`, as `serve.json` tells of it."""

    address: str
    """`http://127.0.0.1:8080`"""
    token: str
    pid: int

    def __repr__(self) -> str:
        return f"Server({self.address}, pid {self.pid})"


class DataFolder:
    """Made on first use, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def log_file(self) -> Path:
        return self.path / "luthien.log"

    def make(self) -> None:
        """Raises NotConfigured when the folder cannot be made or written."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            writable = os.access(self.path, os.W_OK | os.X_OK)
        except OSError:
            writable = False
        if not writable:
            raise NotConfigured(
                f"The data folder {self.path} cannot be used.",
                why="It is not a folder that this user may write to.",
                who="Whoever owns it can change that.",
                next_step="Set LUTHIEN_DATA_DIR to a folder of your own",
            )

    @contextlib.contextmanager
    def own(self, purpose: str, *, wait: timedelta) -> Iterator[None]:
        """Hold the folder's lock: two processes must never own one SQLite database.

        Waits up to `wait` for another owner to finish, then raises Locked naming it.
        """
        self.make()
        descriptor = os.open(self.path / "luthien.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            deadline = time.monotonic() + wait.total_seconds()
            while not _try_lock(descriptor):
                if time.monotonic() >= deadline:
                    raise self._owned_by_another(descriptor)
                time.sleep(0.05)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    @property
    def owned(self) -> bool:
        """Whether a living process holds the folder."""
        try:
            descriptor = os.open(self.path / "luthien.lock", os.O_RDWR)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def server(self) -> Server | None:
        """The running server; None when there is none. A `serve.json` without a living owner
        of the folder is what a killed server left behind."""
        return self._last_server() if self.owned else None

    @contextlib.contextmanager
    def announce(self, address: str) -> Iterator[Server]:
        """Tell the command line where this server is, until the block ends.

        A killed server's token is used again, so that whoever followed a run through it can go on.
        """
        last = self._last_server()
        server = Server(address, last.token if last else secrets.token_urlsafe(32), os.getpid())
        _write_private(self._serve_file, json.dumps(asdict(server)))
        try:
            yield server
        finally:
            self._serve_file.unlink(missing_ok=True)

    def master_key(self) -> str:
        """The key of the embedded database, generated on first use."""
        self.make()
        path = self.path / "master.key"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text().strip()
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        _write_private(path, key + "\n")
        return key

    @property
    def _serve_file(self) -> Path:
        return self.path / "serve.json"

    def _last_server(self) -> Server | None:
        try:
            stored = json.loads(self._serve_file.read_text())
            return Server(str(stored["address"]), str(stored["token"]), int(stored["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _owned_by_another(self, descriptor: int) -> Locked:
        try:
            owner = json.loads(os.pread(descriptor, 4096, 0))
            who = f"`luthien {owner['purpose']}` (process {owner['pid']})"
        except (ValueError, KeyError, TypeError):
            who = "Another luthien process"
        return Locked(
            f"{who} is at work in {self.path}.",
            why="Only one process may own the embedded database.",
            who=f"{who} lets go of it when it ends.",
            next_step="Wait for it, or keep `luthien serve` running, which all commands share",
        )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, mode 0600 from the first byte on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
