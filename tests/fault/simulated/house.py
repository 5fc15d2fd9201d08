"""A simulated house: the stand-ins' applications, the bot's lives one after another, and Ada."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from app.demo import ROOT
from engine.errors import NotConfigured, ProviderError
from engine.secrets import parse_keys
from engine.store.audit import AuditTrail
from engine.store.database import open_database
from sandbox import times
from sandbox.masking import ANSWER_LIMIT, Mask
from sandbox.server import Settings, create_app
from sandbox.slack.manifest import BOT_TOKEN, SIGNING_SECRET
from tests.fault.simulated.database import SimulatedDatabase
from tests.fault.simulated.life import RAILWAY_URL, Life
from tests.fault.simulated.loop import EPOCH, SimulatedClock, SimulatedLoop
from tests.fault.simulated.wire import ToTheBot, Weather, Wire, elsewhere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fault.tap import Kind

_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_KEYS = parse_keys(_KEY)
GRACE = timedelta(minutes=7)
"""Of a deletion where one falls due: it is told one minute before."""
LONG_GRACE = timedelta(minutes=70)
"""Where none does: the shorter it is, the more often deletions are looked at."""
SPEED = 10.0
"""Of Railway's own work: a build takes seconds instead of minutes."""
_FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


_made: list[bytes] = []


def _empty_database(folder: Path) -> bytes:
    """A database with our schema and a signed audit, made once in a process."""
    if not _made:
        file = folder / "empty.db"
        # In a thread, because its own loop has to be a real one.
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(asyncio.run, _migrated(file)).result()
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _made.append(file.read_bytes())
    return _made[0]


async def _migrated(file: Path) -> None:
    database = open_database(f"sqlite+aiosqlite:///{file}", _KEYS)
    await database.migrate()
    await database.close()


class _Unmasked(Mask):
    """Nobody reads this journal but us, and finding its secrets takes time."""

    @override
    def answer(self, body: bytes) -> str:
        return body[:ANSWER_LIMIT].decode("utf-8", "replace")

    @override
    def value(self, value: Any, *, hide: bool = False) -> Any:
        return value


_NOTHING_IS_WRITTEN = ("SELECT", "PRAGMA", "CONNECT", "BEGIN")
"""By these; on a full disk they work."""


class SimulatedHouse:
    """Where a schedule happens. All times are simulated seconds from its begin."""

    def __init__(
        self, folder: Path, draw: random.Random, loop: SimulatedLoop, grace: timedelta
    ) -> None:
        self._grace = grace
        self._file = folder / "luthien.db"
        self._eye = sqlite3.connect(self._file)
        self._eye.row_factory = sqlite3.Row
        self._loop = loop
        self._draw = draw
        self.weather = Weather(draw)
        self.weather.kill = self.kill
        self.clock = SimulatedClock(loop)
        self.database_down_until = 0.0
        self.disk_full_until = 0.0
        self.life: Life | None = None
        self.killed = 0
        self._committing: Kind | None = None
        """How the process dies at the transaction that is about to be committed."""
        self.to_bot = ToTheBot(
            lambda: (
                (self.life.application, self.life.context)
                if self.life is not None and self.life.application is not None
                else None
            ),
            self.weather,
        )
        self._application = create_app(
            Settings(
                port=8899,
                speed=SPEED,
                manifest=ROOT / "manifest.json",
                request_url="http://bot/slack/events",
                to_app=self.to_bot,
            )
        )
        self._application.traffic.mask = _Unmasked()
        self._wire = Wire(self._application, self.weather)
        self.http = httpx.AsyncClient(
            base_url="http://sandbox", transport=httpx.ASGITransport(self._application)
        )
        self._reviving: set[asyncio.Task[None]] = set()

    # ── lives ─────────────────────────────────────────────────────────────────────────────────

    async def begin(self) -> None:
        """A new life of the bot."""
        told = (await self.http.get("/control/slack/workspace")).json()
        people = {user["name"]: user["id"] for user in told["users"]}
        rooms = {channel["name"]: channel["id"] for channel in told["channels"]}
        database = SimulatedDatabase(self._file, self._trouble, _KEYS)
        settings = {
            "railway_api_token": "sandbox-account",
            "railway_api_url": RAILWAY_URL,
            "slack_bot_token": BOT_TOKEN,
            "slack_signing_secret": SIGNING_SECRET,
            "slack_api_url": "http://127.0.0.1/slack/api/",
            "luthien_admins": people["ada"],
            "luthien_deployers": people["ben"],
            "luthien_channel": rooms["ops"],
            "luthien_delete_grace": f"PT{int(self._grace.total_seconds())}S",
            "luthien_data_dir": str(self._file.parent),
            "luthien_master_key": _KEY,
        }
        self.life = Life(settings, database, self._wire, self.clock)
        try:
            await self.life.begin()
        except (NotConfigured, ProviderError, DBAPIError):
            # As any process that cannot start: a supervisor tries again.
            await self.life.kill()
            self.kill()

    def kill(self) -> None:
        """As SIGKILL; a supervisor starts the next life some seconds later."""
        self.killed += 1
        task = self._loop.create_task(self._die_and_live(), context=elsewhere())
        self._reviving.add(task)
        task.add_done_callback(self._reviving.discard)

    async def _die_and_live(self) -> None:
        life, self.life = self.life, None
        if life is not None:
            await life.kill()
        await asyncio.sleep(self._draw.uniform(1, 8))
        if self.life is None:
            await self.begin()

    def _trouble(self, statement: str) -> None:
        now = self._loop.time()
        if now < self.database_down_until:
            raise sqlite3.OperationalError("unable to open database file")
        if now < self.disk_full_until and not statement.startswith(_NOTHING_IS_WRITTEN):
            raise sqlite3.OperationalError("database or disk is full")
        if statement == "COMMIT":
            self._committing = self.weather.strike("database")
        if self._committing is not None and self._committing.arrives is (statement != "COMMIT"):
            self._committing = None
            self.kill()
            raise asyncio.CancelledError

    # ── what the laws look at ─────────────────────────────────────────────────────────────────

    async def control(self, verb: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"/control/{verb}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def railway(self) -> dict[str, Any]:
        return dict((await self.http.get("/control/state")).json()["railway"])

    async def journal(self) -> list[dict[str, Any]]:
        return list((await self.http.get("/control/journal")).json()["entries"])

    async def sees(self, thread: str = "") -> list[dict[str, Any]]:
        asked = {"channel": "#ops", "as": "ada"} | ({"thread_ts": thread} if thread else {})
        answer = await self.http.get("/control/slack/messages", params=asked)
        return list(answer.json()["messages"])

    def rows(self, query: str) -> list[dict[str, Any]]:
        return [dict(row) for row in self._eye.execute(query)]

    def new_runs(self) -> list[dict[str, Any]]:
        return self.rows("select * from runs order by number")

    async def audit_break(self) -> int | None:
        database = SimulatedDatabase(self._file, lambda _: None, _KEYS)
        try:
            return (await AuditTrail(database).verify()).broken_at
        finally:
            await database.close()

    @property
    def at_ease(self) -> bool:
        """No life is ending or beginning, and the one there is would take what Ada asks."""
        if self._reviving or self.life is None or self.life.application is None:
            return False
        return self.life.knows_itself


@asynccontextmanager
async def open_house(
    draw: random.Random, grace: timedelta = GRACE
) -> AsyncIterator[SimulatedHouse]:
    """The stand-ins run; the bot does not yet."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    clocks = times.other(lambda: EPOCH.timestamp() + loop.moment, lambda: loop.moment)
    with clocks, tempfile.TemporaryDirectory(prefix="luthien-", dir=_FOLDER) as made:
        folder = Path(made)
        (folder / "luthien.db").write_bytes(_empty_database(folder))
        house = SimulatedHouse(folder, draw, loop, grace)
        inner = house._application.sandbox
        async with inner.router.lifespan_context(inner):
            try:
                yield house
            finally:
                for task in tuple(house._reviving):
                    task.cancel()
                await asyncio.gather(*house._reviving, return_exceptions=True)
                if house.life is not None:
                    await house.life.kill()
                await house.http.aclose()
                house._eye.close()
