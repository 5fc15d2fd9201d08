"""The data folder: who owns it, where the server is found, the generated key, the log."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.reading import Fault, fault, misconfigured
from engine.errors import Locked, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from app.reading import Reading
    from app.settings import Settings
    from engine.keyring import KeyPlace
    from engine.secrets import SealKeys

MAIN, DISPATCH = "luthien.db", "dispatch.db"
"""The embedded databases, as they are called in the data folder and in a backup."""


@dataclass(frozen=True)
class Server:
    """A running `luthien serve`, as `serve.json` tells of it."""

    address: str
    """`http://127.0.0.1:8080`"""
    token: str
    pid: int

    def __repr__(self) -> str:
        return f"Server({self.address}, pid {self.pid})"


def tried(reading: Reading) -> Reading:
    """The settings with the data folder made and its key looked at, or with their faults."""
    data = DataFolder(reading.settings.luthien_data_dir)
    try:
        data.make()
    except NotConfigured:
        wrong = f"is {data.path}, which is no folder that this user may write to"
        return reading.but(fault("luthien_data_dir", wrong))
    if "LUTHIEN_MASTER_KEY" in reading.faulty or reading.settings.luthien_master_key is not None:
        return reading
    if missing := missing_key(reading.settings):
        return reading.but(missing)
    if not data.key_is_sound():
        lost = (
            "Put that file back from a copy: nobody can read without it what it has sealed. If it"
            " is lost for good, `luthien lost-key` says what goes with it before anything is done."
        )
        wrong = f"is not set, and {data.key_file} does not hold a key"
        return reading.but(Fault("LUTHIEN_MASTER_KEY", wrong, lost))
    return reading


def missing_key(settings: Settings) -> Fault | None:
    """The data folder's key, where it is not there and a database hangs on one: a new one opens
    nothing of it."""
    data = DataFolder(settings.luthien_data_dir)
    if settings.luthien_master_key is not None or data.has_key:
        return None
    # Imported late: mostly the key is there.
    from engine.store.copying import hangs_on_a_key

    database = settings.database_file or data.path / MAIN
    if not hangs_on_a_key(database):
        return None
    return Fault(
        "LUTHIEN_MASTER_KEY",
        f"is not set, and {data.key_file} is not there, though {database} belongs to a key",
        "Put that file back from a copy, or set the key. If it is lost for good,"
        " `luthien lost-key` says what goes with it before anything is done.",
    )


def seal_keys(settings: Settings) -> SealKeys:
    """Those of the setting, or of the data folder, where one is made for a database in which
    there is nothing yet. Raises NotConfigured."""
    if missing := missing_key(settings):
        raise misconfigured((missing,))
    given = settings.luthien_master_key
    text = (
        given.get_secret_value() if given else DataFolder(settings.luthien_data_dir).master_key()
    )
    return _parsed(text)


def key_place(settings: Settings) -> KeyPlace | None:
    """None where the keys are a setting, or where the processes that share a database would each
    have a file of their own."""
    if settings.luthien_master_key is not None or not settings.database.startswith("sqlite"):
        return None
    return KeyFile(DataFolder(settings.luthien_data_dir).key_file)


@dataclass(frozen=True)
class KeyFile:
    """The data folder's keys: `engine.keyring.KeyPlace`."""

    path: Path

    @property
    def where(self) -> str:
        return str(self.path)

    def keep(self, text: str) -> None:
        _write_private(self.path, text + "\n")


class DataFolder:
    """Made on first use, readable by its owner only. One that is there already, as a volume is,
    and what it holds of ours are closed to others."""

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
            self._close_to_others()
        except OSError:
            writable = False
        if not writable:
            raise NotConfigured(
                f"The data folder {self.path} cannot be used.",
                why="It is not a folder that this user may write to.",
                who="Whoever owns it can change that; LUTHIEN_DATA_DIR names another one.",
                next_step="/luthien doctor",
            )

    @contextlib.contextmanager
    def own(
        self, purpose: str, *, wait: timedelta, database: Path | None = None
    ) -> Iterator[None]:
        """Hold the folder, and a `database` file that lies elsewhere: two processes must never own
        one SQLite database.

        Waits up to `wait` for another owner to finish, then raises Locked naming it.
        """
        self.make()
        with contextlib.ExitStack() as held:
            held.enter_context(_lock(self._lock_file, purpose, wait))
            if database is not None:
                held.enter_context(_lock(Path(f"{database}.lock"), purpose, wait))
            yield

    def server(self) -> Server | None:
        """The running server; None when there is none. A `serve.json` of another process than the
        folder's owner is what a killed server left behind."""
        server, owner = self._last_server(), _owner(self._lock_file)
        return server if server and owner and owner.get("pid") == server.pid else None

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
        with contextlib.suppress(FileNotFoundError):
            return self.key_file.read_text().strip()
        from engine.secrets import generate_key  # late, too

        key = generate_key()
        _write_private(self.key_file, key + "\n")
        return key

    def replace_key(self, text: str) -> None:
        """In the place of one that is lost; what cannot be read as a key is kept beside it."""
        if self.has_key:
            self.key_file.rename(
                self.key_file.with_name(f"master.key.unreadable-{time.time_ns()}")
            )
        _write_private(self.key_file, text + "\n")

    @property
    def has_key(self) -> bool:
        return self.key_file.exists()

    def key_is_sound(self) -> bool:
        """Whether the embedded database's key can be used; one that is not there yet can."""
        try:
            _parsed(self.key_file.read_text())
        except FileNotFoundError:
            return True
        except (OSError, UnicodeDecodeError, NotConfigured):
            return False
        return True

    @property
    def key_file(self) -> Path:
        return self.path / "master.key"

    def _close_to_others(self) -> None:
        """The files are ours by their names. A folder that also holds what is not, such as a home
        or a temporary one, is left as it is."""
        alone = True
        for path in self.path.iterdir():
            if path.name.removeprefix(".").startswith(_OURS):
                _narrow(path)
            elif path.name != "lost+found":  # of a volume
                alone = False
        if alone and not self.path.stat().st_mode & stat.S_ISVTX:
            _narrow(self.path)

    @property
    def _lock_file(self) -> Path:
        return self.path / "luthien.lock"

    @property
    def _serve_file(self) -> Path:
        return self.path / "serve.json"

    def _last_server(self) -> Server | None:
        try:
            stored = json.loads(self._serve_file.read_text())
            return Server(str(stored["address"]), str(stored["token"]), int(stored["pid"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


_OURS = ("luthien.", "dispatch.", "master.key", "serve.json")
"""What the names of our files begin with, once a dot is taken off."""


def close_to_others(database: Path) -> None:
    """A SQLite file, wherever it lies and whatever its name is, with those beside it."""
    for end in ("", "-wal", "-shm", "-journal"):
        _narrow(Path(f"{database}{end}"))


def _narrow(path: Path) -> None:
    """Take away what others than its owner may, where we are that."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # or gone by now
        found = path.lstat()
        plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
        if plain and found.st_uid == os.geteuid() and found.st_mode & 0o077:
            path.chmod(stat.S_IMODE(found.st_mode) & ~0o077)


def _parsed(keys: str) -> SealKeys:
    """Raises NotConfigured."""
    # Imported late: a command that a server performs seals nothing.
    from engine.secrets import parse_keys

    return parse_keys(keys)


@contextlib.contextmanager
def _lock(path: Path, purpose: str, wait: timedelta) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise NotConfigured(
            f"The lock file {path} cannot be opened.",
            why=f"{error.strerror}.",
            who="Whoever owns its folder can change that.",
            next_step="/luthien doctor",
        ) from error
    try:
        deadline = time.monotonic() + wait.total_seconds()
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise _held(path)
            time.sleep(0.05)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "purpose": purpose}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> dict[str, Any] | None:
    """Who holds a lock file now; None when nobody does, or it cannot be told."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        if _try_lock(descriptor):
            return None
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return None
    finally:
        os.close(descriptor)
    return owner if isinstance(owner, dict) else None


def _held(path: Path) -> Locked:
    owner = _owner(path) or {}
    who = f"`luthien {owner['purpose']}` (process {owner['pid']})" if owner else "Another process"
    return Locked(
        f"{who} is at work in {path.parent}.",
        why="Only one process may own the embedded database.",
        who="It lets go when it ends; a `luthien serve` is shared by all commands.",
        next_step="/luthien doctor" if not owner else f"Wait for process {owner['pid']} to end",
    )


def _write_private(path: Path, text: str) -> None:
    """Whole or not at all, mode 0600 from the first byte on."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # what relies on this file must not be kept longer than the file
    finally:
        os.close(folder)
