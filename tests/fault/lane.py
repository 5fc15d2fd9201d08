"""One place to break things in: stand-ins, a tap, a bot in its own data folder, and Ada.

A lane lives long; schedules run in it one after another, each in a world that is set anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx

from app.demo import Sandbox, clean_environment, sandbox_command, server_settings
from engine.store.audit import AuditTrail
from engine.store.database import open_database
from tests.e2e import canaries
from tests.e2e.house import Process, until
from tests.fault.nursery import Nursery
from tests.fault.tap import Tap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fault.nursery import Bot

SPEED = 300.0
"""Railway's waits and our own are this much shorter: minutes become a second."""
SUBJECT = "acme"
PROJECT = f"luthien-{SUBJECT}"
HERE = "#ops"
SETTLED_S = 0.1
QUIET_S = 1.0
"""After which a bot that has nothing to do is believed to say nothing more."""


class Lane:
    """`settings` are those of its bot; `bot` is None while none lives."""

    def __init__(
        self,
        folder: Path,
        http: httpx.AsyncClient,
        tap: Tap,
        nursery: Nursery,
        settings: dict[str, str],
        first: dict[str, Any],
    ) -> None:
        self.tap = tap
        self._folder = folder
        self._http = http
        self._nursery = nursery
        self.settings = settings
        self._first = first
        """Railway's world as a new account finds it."""
        self.bot: Bot | None = None
        self._last_run = 0
        self._last_entry = 0
        self._seen: set[str] = set()
        """The private messages that were there before she did something."""

    # ── the bot ───────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Returns once Slack reaches the bot. One that dies on the way is left dead."""
        await until(self._unplugged, within=10, what="the workspace loses the old bot")
        self.bot = await self._nursery.serve(clean_environment(self.settings), self._folder)
        await until(self._plugged_or_dead, within=60, what=lambda: f"bot ready\n{self.log}")

    def kill(self) -> None:
        if self.bot is not None:
            self.bot.kill()

    @property
    def alive(self) -> bool:
        return self.bot is not None and not self.bot.ended

    async def keep_alive(self) -> None:
        """Bring it back when it is dead, as a supervisor would."""
        while not self.alive:
            await self.start()

    async def reached_again(self) -> None:
        """Returns once Slack reaches the bot, whose connection may have been cut."""
        await until(self._plugged, within=30, what=lambda: f"the bot connects again\n{self.log}")

    async def rests(self) -> None:
        """Returns when there is nothing more to do or to tell; whoever dies on the way is brought
        back. Only the caller's patience ends it earlier."""
        since = None
        while since is None or time.monotonic() - since < SETTLED_S:
            await self.keep_alive()
            if not self.at_rest():
                since = None
            elif since is None:
                since = time.monotonic()
            await asyncio.sleep(0.02)

    async def _unplugged(self) -> bool:
        return not (await self._http.get("/control/ready")).json()["bot"]

    async def _plugged(self) -> bool:
        return bool((await self._http.get("/control/ready")).json()["bot"])

    async def _plugged_or_dead(self) -> bool:
        return not self.alive or await self._plugged()

    @property
    def log(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "luthien.log").read_text(errors="replace")
        return ""

    # ── the world ─────────────────────────────────────────────────────────────────────────────

    async def control(self, verb: str, **body: Any) -> dict[str, Any]:
        """POST to the sandbox's controls."""
        answer = await self._http.post(f"/control/{verb}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def renew(self) -> None:
        """An empty account and an empty channel."""
        fresh = {"railway": self._first, "slack": {"messages": {}, "reply_urls": {}}}
        answer = await self._http.put("/control/state", json=fresh)
        assert answer.is_success, answer.text
        [newest] = self.rows("select coalesce(max(number), 0) as number from runs")
        self._last_run = newest["number"]

    def new_runs(self) -> list[dict[str, Any]]:
        """Those of this world, oldest first."""
        return self.rows(f"select * from runs where number > {self._last_run} order by number")

    async def railway(self) -> dict[str, Any]:
        """Everything at the Railway stand-in, table by table."""
        return dict((await self._http.get("/control/state")).json()["railway"])

    async def asks_railway(self, document: str, **variables: Any) -> None:
        """Somebody else changes something at Railway."""
        answer = await self._http.post(
            "/railway/graphql/v2",
            json={"query": document, "variables": variables},
            headers={"Authorization": "Bearer sandbox-account"},
        )
        assert "errors" not in answer.json(), answer.text

    async def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """What reached the stand-ins, and their answers, in order."""
        answer = await self._http.get("/control/journal", params={"since": since})
        return list(answer.json()["entries"])

    async def last_entry(self) -> int:
        """The number of the journal's newest line."""
        newer = await self.journal(self._last_entry)
        self._last_entry = int(newer[-1]["seq"]) if newer else self._last_entry
        return self._last_entry

    # ── Ada ───────────────────────────────────────────────────────────────────────────────────

    async def types(self, text: str) -> bool:
        """False when Slack said that the bot did not take it."""
        self._seen = {m["ts"] for m in await self.sees() if m["ephemeral"]}
        took = await self.control("slack/command", user="ada", channel=HERE, text=text)
        return bool(took["status"] == 200)

    async def clicks(self, label: str, ts: str, *, who: str = "ada") -> bool:
        took = await self.control("slack/click", user=who, channel=HERE, ts=ts, label=label)
        return bool(took["status"] == 200)

    async def sees(self, thread: str = "") -> list[dict[str, Any]]:
        """The channel, or one thread, as she sees it; oldest first."""
        asked = {"channel": HERE, "as": "ada"} | ({"thread_ts": thread} if thread else {})
        answer = await self._http.get("/control/slack/messages", params=asked)
        return list(answer.json()["messages"])

    async def waits_for(self, words: str, *, within: float = 15) -> dict[str, Any]:
        """The newest message with these words."""

        async def found() -> dict[str, Any] | None:
            seen = [m for m in await self.sees() if words in m["text"] + str(m["blocks"])]
            return seen[-1] if seen else None

        message = await until(found, within=within, what=f"ada sees {words!r}\n{self.log[-3000:]}")
        return dict(message)

    async def answered(
        self, words: str, *, private: bool = True, within: float = 30
    ) -> dict[str, Any] | None:
        """The new private message with these words, or the one to everybody; None when the bot
        has nothing more to say and did not say them."""
        deadline = time.monotonic() + within
        quiet_since: float | None = None
        while time.monotonic() < deadline:
            for message in await self.sees():
                new = message["ephemeral"] is private and message["ts"] not in self._seen
                if new and words in message["text"] + str(message["blocks"]):
                    return message
            now = time.monotonic()
            quiet = self.alive and self.at_rest()
            quiet_since = (quiet_since or now) if quiet else None
            if quiet_since is not None and now - quiet_since > QUIET_S:
                return None
            await asyncio.sleep(0.03)
        return None

    # ── what the bot keeps ────────────────────────────────────────────────────────────────────

    def rows(self, query: str) -> list[dict[str, Any]]:
        """From the bot's own database, as it is committed."""
        with contextlib.closing(self._connect()) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def at_rest(self) -> bool:
        """Nothing is under way, nothing is to be told."""
        [counts] = self.rows(_BUSY)
        return not any(counts.values())

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._folder}/luthien/luthien.db?mode=ro", uri=True)

    async def audit_break(self) -> int | None:
        """The first row of the audit that does not follow; None: it is whole."""
        database = open_database(f"sqlite+aiosqlite:///{self._folder}/luthien/luthien.db")
        try:
            return (await AuditTrail(database).verify()).broken_at
        finally:
            await database.close()


_BUSY = """
select (select count(*) from deliveries where handled_at is null),
       (select count(*) from runs where status in ('queued', 'running', 'cancelling')),
       (select count(*) from events e join runs r on r.id = e.run_id
          left join narrations n on n.run_id = e.run_id
         where e.seq > coalesce(n.seq, 0) and r.status <> 'awaiting_approval'),
       (select count(*) from notices where told_at is null),
       (select count(*) from approvals where not told)
"""


@asynccontextmanager
async def open_lane(folder: Path, **changed: str) -> AsyncIterator[Lane]:
    """With a living bot; `changed` are settings that differ."""
    folder.mkdir(parents=True)  # noqa: ASYNC240 - a moment, before anything runs
    command = sandbox_command(0, SPEED, folder / "sandbox")
    kept = command.index("--data")
    del command[kept : kept + 2]  # memory is enough, and faster
    async with Nursery() as nursery, Tap() as tap:
        sandbox = Process("sandbox", [*command, "--address", tap.url], {}, folder)
        sandbox.start()
        try:

            async def listens() -> bool:
                assert sandbox.ended is None, sandbox.log
                return "http://" in sandbox.log

            await until(listens, within=60, what="the sandbox")
            url = sandbox.log.split()[-1]
            tap.leads_to(url)
            limits = httpx.Limits(keepalive_expiry=2)
            async with httpx.AsyncClient(
                base_url=url, trust_env=False, timeout=30, limits=limits
            ) as http:
                known = await asyncio.to_thread(Sandbox.at, int(url.rpartition(":")[2]))
                seen = Sandbox(tap.port, known.admin, known.deployer, known.channel)
                settings = server_settings(seen, listen=0, pace=SPEED, data=folder / "luthien")
                first = (await http.get("/control/state")).json()["railway"]
                lane = Lane(folder, http, tap, nursery, settings | changed, first)
                try:
                    await lane.start()
                    yield lane
                    await canaries.assert_no_canary_escaped(
                        canaries.Searched(folder, http, lane.settings)
                    )
                finally:
                    if lane.bot is not None:
                        lane.bot.close()
        finally:
            sandbox.stop()
