"""`luthien demo`: the sandbox and `luthien serve` as two processes, without account or secret."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.errors import DONE, FAILED
from engine.errors import NotConfigured, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = timedelta(seconds=60)
_OURS = ("RAILWAY_", "SLACK_", "LUTHIEN_")
_TRIED_OUT = ("LUTHIEN_DELETE_GRACE",)
"""Settings that are worth watching in the demo: with PT1M a deletion happens before one's eyes."""
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
"""Source: Linux, prctl(2)."""


class ChildDied(OpsError):
    """One of the two processes ended by itself."""

    code = "child_died"


@dataclass(frozen=True)
class Sandbox:
    """Where the stand-ins are, and who is who in their workspace."""

    port: int
    admin: str
    deployer: str
    channel: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    def at(cls, port: int) -> Sandbox:
        """Asks the running sandbox for its people."""
        told = _get(f"http://127.0.0.1:{port}/control/slack/workspace")
        people = {user["name"]: user["id"] for user in told["users"]}
        rooms = {channel["name"].lstrip("#"): channel["id"] for channel in told["channels"]}
        return cls(port, people["ada"], people["ben"], rooms["ops"])


def sandbox_command(port: int, speed: float, data: Path, *extra: str) -> list[str]:
    """How the sandbox is started for us."""
    manifest = ["--manifest", str(ROOT / "manifest.json"), "--expect-bot"]
    given = ["--port", str(port), "--speed", str(speed), "--seed", "1", "--data", str(data)]
    return [sys.executable, "-m", "sandbox", *given, *manifest, *extra]


def server_settings(sandbox: Sandbox, *, listen: int, pace: float, data: Path) -> dict[str, str]:
    """The settings of a `luthien serve` that works against the sandbox over Socket Mode."""
    return {
        "RAILWAY_API_TOKEN": "sandbox-account",
        "RAILWAY_API_URL": f"{sandbox.url}/railway/graphql/v2",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
        "SLACK_API_URL": f"{sandbox.url}/slack/api/",
        "LUTHIEN_ADMINS": sandbox.admin,
        "LUTHIEN_DEPLOYERS": sandbox.deployer,
        "LUTHIEN_CHANNEL": sandbox.channel,
        "LUTHIEN_GATEWAY_URL": f"http://{{domain}}:{sandbox.port}",
        "LUTHIEN_LISTEN": f"127.0.0.1:{listen}",
        # The stand-in of Slack is used in a browser on this machine, so a link to it is right.
        **({"LUTHIEN_PUBLIC_URL": f"http://127.0.0.1:{listen}"} if listen else {}),
        "LUTHIEN_PACE": f"{pace:g}",
        "LUTHIEN_DATA_DIR": str(data),
        **{name: os.environ[name] for name in _TRIED_OUT if name in os.environ},
    }


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours without any setting of the caller's own installation."""
    dropped = {"DATABASE_URL", "PORT"}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS) and k not in dropped}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, **settings, "PYTHONPATH": path}


def demo(port: int, speed: float, data: Path) -> int:
    """Until Ctrl-C or SIGTERM. Returns the exit code."""
    shown, data = data, data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    with _owned(data, port, shown):
        for needed in (port, port + 1):
            _refuse_if_taken(needed, port, shown)
        try:
            with _stopped_by_signals():
                _both(port, speed, data, shown)
        except _Stop:
            return DONE
    return FAILED


def _both(port: int, speed: float, data: Path, shown: Path) -> None:
    again = f"make demo PORT={port} DEMO_DATA={shown}"
    with contextlib.ExitStack() as stack:
        sandbox = stack.enter_context(
            _Child("sandbox", sandbox_command(port, speed, data / "sandbox"), {}, data, again)
        )
        sandbox.until(lambda: _told(port).get("slack") is True)
        known = Sandbox.at(port)
        settings = server_settings(known, listen=port + 1, pace=speed, data=data / "luthien")
        command = [sys.executable, "-m", "app", "serve"]
        server = stack.enter_context(_Child("luthien", command, settings, data, again))
        server.until(lambda: _ready(port), sandbox)
        sys.stdout.write(
            f"Open   {known.url}/\n"
            f"Page   http://127.0.0.1:{port + 1}/   (/luthien web lets you in)\n"
            "Type   /luthien create acme   in #ops, as Ada\n"
            f"Stop   Ctrl-C. The next start goes on from here; to begin afresh: rm -rf {shown}\n"
        )
        sys.stdout.flush()
        while True:
            for child in (sandbox, server):
                child.check()
            time.sleep(0.2)


class _Child:
    """A process whose output goes to a log file beside its data."""

    def __init__(
        self, name: str, command: list[str], settings: Mapping[str, str], data: Path, again: str
    ) -> None:
        self.name = name
        self._again = again
        self.log = data / f"{name}.log"
        self._command = command
        self._settings = settings
        self._data = data
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Child:
        with self.log.open("wb") as log:
            # In the data folder there is no .env, and a session of its own keeps the terminal's
            # Ctrl-C for us: the two are stopped in order.
            self._process = subprocess.Popen(  # noqa: S603 (our own modules)
                self._command,
                cwd=self._data,
                env=clean_environment(self._settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_leave_with_parent,
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def check(self) -> None:
        """Raises ChildDied."""
        code = self._process.poll() if self._process else None
        if code is not None:
            raise ChildDied(
                f"`{self.name}` ended by itself (exit code {code}).",
                why=_tail(self.log) or "It said nothing.",
                who=f"Its whole output is in {self.log}.",
                next_step=self._again,
            )

    def until(self, ready: Any, *others: _Child) -> None:
        """Wait until `ready()` holds. Raises ChildDied."""
        deadline = time.monotonic() + _PATIENCE.total_seconds()
        while not ready():
            for child in (self, *others):
                child.check()
            if time.monotonic() > deadline:
                raise ChildDied(
                    f"`{self.name}` is not ready after {_PATIENCE.total_seconds():.0f} s.",
                    why=_tail(self.log),
                    who=f"Its whole output is in {self.log}.",
                    next_step=self._again,
                )
            time.sleep(0.05)


class _Stop(BaseException):
    """Somebody asked the demo to stop."""


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in _ENDS:
            signal.signal(number, signal.SIG_IGN)
        raise _Stop

    for number in _ENDS:
        signal.signal(number, stop)
    yield


def _leave_with_parent() -> None:
    """In the child: end when the demo does, however it ends. Only Linux can promise that."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def _owned(data: Path, port: int, shown: Path) -> Iterator[None]:
    """One demo at a time keeps its things in a folder; the file says where it is."""
    with (data / "demo.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            running = lock.read().strip()
            raise NotConfigured(
                f"A demo is running on {shown} already: http://127.0.0.1:{running}/",
                why="Two of them would write over each other's instances.",
                who="Use that one; whoever started it can stop it with Ctrl-C.",
                next_step=f"make demo PORT={port + 100} DEMO_DATA={shown}-{port + 100}",
            ) from None
        lock.truncate(0)
        lock.write(str(port))
        lock.flush()
        yield


def _refuse_if_taken(port: int, page: int, shown: Path) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            running = bool(_told(page))
            raise NotConfigured(
                f"Port {port} is taken.",
                why=f"A sandbox runs there already: http://127.0.0.1:{page}/"
                if running
                else f"Another program listens there. The demo needs {page} and {page + 1}.",
                who="You can choose another pair of ports, or stop what listens there.",
                next_step=f"make demo PORT={page + 100} DEMO_DATA={shown}",
            ) from None


def _told(port: int) -> dict[str, bool]:
    """What the sandbox says of its parts; nothing while it does not answer."""
    try:
        parts = _get(f"http://127.0.0.1:{port}/control/ready")
    except (OSError, ValueError):
        return {}
    return {key: parts.get(key) is True for key in ("railway", "slack", "bot")}


def _ready(port: int) -> bool:
    parts = _told(port)
    return bool(parts) and all(parts.values())


def _get(url: str) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            return dict(json.load(error))


def _tail(log: Path, lines: int = 5) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return ""
