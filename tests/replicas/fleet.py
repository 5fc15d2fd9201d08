"""Several `luthien serve` over one real Postgres, each with its own connection to Slack.

Whoever ends by itself is started anew, as a supervisor would.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from app.demo import clean_environment
from engine.secrets import generate_key
from tests.e2e.chat import Chat
from tests.e2e.house import House, Process, open_house, until
from tests.ports import free_port
from tests.replicas.balancer import balanced
from tests.replicas.cable import Cable
from tests.replicas.chronicle import Chronicle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.postgres import Postgres
    from tests.replicas.balancer import Balancer

FOR_EVER = timedelta(minutes=5)
"""A lease that no busy machine loses: where it shall be over, the test says so (`fall`)."""
SPEED = 25.0
"""A create takes about eight seconds."""
PATIENCE = 90.0
"""Seconds after which a test gives up. How fast the machine is says nothing about us."""


@dataclass
class Replica:
    """One server. `ends` are the exit codes it had before it was started anew."""

    process: Process
    address: str
    cable: Cable
    settings: dict[str, str]
    source: Path | None = None
    """Where its code lies; None: this checkout."""
    ends: list[int] = field(default_factory=list)
    supervisor: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            try:
                return (await http.get(f"{self.address}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

    def supervise(self) -> None:
        """Start it, and start it anew whenever it ends."""
        self.supervisor = asyncio.create_task(self._keep_up())

    async def _keep_up(self) -> None:
        self.process.start()
        while True:
            if (code := self.process.ended) is not None:
                self.ends.append(code)
                self.process.start()
            await asyncio.sleep(0.2)

    async def retire(self) -> int:
        """Asked to leave, and not started again: its exit code."""
        await self._let_go()
        self.process.send(signal.SIGTERM)

        async def gone() -> bool:
            return self.process.ended is not None

        await until(gone, within=PATIENCE, what=lambda: self.process.log)
        return self.process.ended or 0

    async def fell(self) -> None:
        """At once, for good."""
        await self._let_go()
        self.cable.mend()
        self.process.send(signal.SIGKILL)
        self.process.stop()

    async def _let_go(self) -> None:
        if self.supervisor is not None:
            self.supervisor.cancel()
            await asyncio.gather(self.supervisor, return_exceptions=True)

    def api(self) -> httpx.AsyncClient:
        """As the owner of its data folder."""
        told = json.loads((Path(self.settings["LUTHIEN_DATA_DIR"]) / "serve.json").read_text())
        headers = {"Authorization": f"Bearer {told['token']}", "X-Luthien-User": "tester"}
        return httpx.AsyncClient(
            base_url=self.address, headers=headers, trust_env=False, timeout=PATIENCE
        )


@dataclass
class Fleet:
    """The sandbox, the database, and the replicas."""

    house: House
    chat: Chat
    pg: Postgres
    database: str
    over_http: bool
    replicas: list[Replica] = field(default_factory=list)
    closing: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    balancer: Balancer | None = None
    """Where Slack and people reach them over HTTP."""

    @property
    def address(self) -> str:
        return f"http://{self.house.settings['LUTHIEN_LISTEN']}"

    async def add(self, source: Path | None = None) -> Replica:
        """One more, of this code or of another copy of it."""
        cable, listen, folder = Cable(self.pg.port), free_port(), self.house.folder
        server = await cable.open()
        self.closing.push_async_callback(cable.close)
        self.closing.callback(server.close)
        name = f"replica-{len(self.replicas)}"
        settings = self.house.settings | {
            "DATABASE_URL": self.pg.url(self.database, port=cable.port),
            "LUTHIEN_LISTEN": f"127.0.0.1:{listen}",
            "LUTHIEN_DATA_DIR": str(folder / name),
            "LUTHIEN_PUBLIC_URL": self.address if self.over_http else f"http://127.0.0.1:{listen}",
        }
        process = Process(name, luthien("serve", source=source), settings, folder)
        replica = Replica(process, f"http://127.0.0.1:{listen}", cable, settings, source)
        self.replicas.append(replica)
        self.closing.push_async_callback(replica.fell)
        replica.supervise()
        return replica

    @property
    def chronicle(self) -> Chronicle:
        return Chronicle(self.pg, self.database)

    async def all_ready(self, within: float = PATIENCE) -> None:
        for replica in self.replicas:
            await until(replica.ready, within=within, what=lambda r=replica: r.process.log)  # type: ignore[misc]

    def rows(self, query: str) -> list[Any]:
        return self.pg.run(query, self.database)

    def claimant(self, claim: str) -> str:
        """The process that has it, or had when it died, as the replicas name themselves; empty
        where none has. `claim` as in LIKE."""
        rows = self.rows(f"SELECT owner FROM claims WHERE name LIKE '{claim}'")
        return str(rows[0][0]) if rows else ""

    def named(self, owner: str) -> Replica | None:
        """Whose process it is; None: of a process that was."""
        pid = owner.split("-")[-2] if owner else ""
        return next((r for r in self.replicas if str(r.process.pid) == pid), None)

    async def owner_of(self, run_id: str, claim: str = "run:{}:%") -> Replica:
        """Who carries the run out; waits until somebody does."""

        async def find() -> Replica | None:
            return self.named(self.claimant(claim.format(run_id)))

        found: Replica = await until(find, within=PATIENCE, what=f"an owner of {run_id}")
        return found

    async def handling(self, delivery: str) -> Replica:
        """Who has taken this delivery (as in LIKE); waits until somebody has."""

        async def find() -> Replica | None:
            rows = self.rows(f"SELECT owner FROM deliveries WHERE id LIKE '{delivery}'")
            return self.named(str(rows[0][0])) if rows else None

        found: Replica = await until(find, within=PATIENCE, what=f"delivery {delivery}")
        return found

    async def fall(self, replica: Replica) -> None:
        """Killed, and its lease over: the others need not wait for that."""
        pid, ends = replica.process.pid, len(replica.ends)
        replica.process.send(signal.SIGKILL)

        async def gone() -> bool:
            # What it sent last may still be on its way, and would renew the lease after us.
            asked = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE"
            return len(replica.ends) > ends and not self.rows(f"{asked} '%-{pid}-%'")

        await until(gone, within=PATIENCE, what=self.logs)
        over = "UPDATE replicas SET until = clock_timestamp() WHERE id LIKE"
        self.rows(f"{over} '%-{pid}-%' RETURNING id")

    async def hold(self, operation: str, vendor: str = "railway") -> None:
        """The next such request is not answered: whoever made it stands still there, whoever
        takes over does not."""
        fault = {"vendor": vendor, "operation": operation, "kind": "delay", "seconds": 600}
        await self.house.control("faults", **fault)

    async def asked(self, operation: str, more_than: int = 0) -> None:
        """Waits until a vendor was asked for this."""

        async def seen() -> bool:
            return await self.times_asked(operation) > more_than

        await until(seen, within=PATIENCE, what=lambda: f"{operation}\n{self.logs()}")

    async def times_asked(self, operation: str) -> int:
        return sum(entry["operation"] == operation for entry in await self.house.journal())

    async def luthien(
        self, by: Replica, *arguments: str, source: Path | None = None
    ) -> tuple[int, str]:
        """A command line beside a replica, in its version unless told: exit code and output."""
        process = await asyncio.create_subprocess_exec(
            *luthien(*arguments, source=source or by.source),
            cwd=self.house.folder,
            env=clean_environment(by.settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def slow_builds(self, factor: float) -> None:
        """Of deployments that begin from now on."""
        settings = {"railway": {"settings": {"pace": factor}}}
        assert (await self.house.http.put("/control/state", json=settings)).is_success

    async def step_begun(self, run_id: str, key: str) -> None:
        async def begun() -> bool:
            asked = f"SELECT 1 FROM steps WHERE run_id = '{run_id}' AND key = '{key}'"
            return bool(self.pg.run(f"{asked} AND attempts > 0", self.database))

        await until(begun, within=PATIENCE, what=f"step {key}")

    async def run_of(self, name: str) -> str:
        async def find() -> str:
            rows = self.pg.run(
                f"SELECT id FROM runs WHERE subject = '{name}' AND command = 'create'",
                self.database,
            )
            return str(rows[0][0]) if rows else ""

        return str(await until(find, within=PATIENCE, what=f"a run for {name}"))

    async def over(self, run_id: str, within: float = PATIENCE) -> str:
        """The status at its end."""

        async def status() -> str:
            [[status]] = self.pg.run(f"SELECT status FROM runs WHERE id='{run_id}'", self.database)
            alive = ("queued", "running", "cancelling")
            return "" if status in alive else str(status)

        return str(await until(status, within=within, what=lambda: self.logs()))

    def logs(self) -> str:
        """What each replica said last, and what the database does for them now."""
        said = [f"== {r.address} {r.ends}\n{r.process.log[-3000:]}" for r in self.replicas]
        return "\n".join([*said, "== the database", *self._sessions()])

    def _sessions(self) -> list[str]:
        asked = """
            SELECT pid, client_port, state, wait_event_type, wait_event,
                   pg_blocking_pids(pid), clock_timestamp() - xact_start,
                   clock_timestamp() - state_change, left(query, 150)
            FROM pg_stat_activity WHERE datname = current_database() ORDER BY xact_start"""
        return ["  ".join(map(str, row)) for row in self.rows(asked)]

    async def nothing_doubled(self, *names: str) -> None:
        """One project for each, everything told once, the record whole."""
        made = sorted(project["name"] for project in await self.house.projects())
        assert made == sorted(f"luthien-{name}" for name in names)
        await until(self._all_told, within=PATIENCE, what=self.logs)
        doubled = {what: count for what, count in (await self._told()).items() if count > 1}
        assert not doubled, f"told more than once: {doubled}"
        verified = await self.house.luthien("audit", "verify", "--json")
        assert verified.code == 0, verified.err

    async def _told(self) -> Counter[tuple[str, str]]:
        """How often what was told of which run, by what our messages carry."""
        found = Counter[tuple[str, str]]()
        for message in await self.chat.ada.everything():
            said = (message.raw.get("metadata") or {}).get("event_payload") or {}
            if "key" in said:
                found[said["run"], said["key"]] += 1
        return found

    async def _all_told(self) -> bool:
        """Every run has its first message and its end."""
        told = await self._told()
        ends = self.pg.run("SELECT run_id, seq FROM events WHERE kind = 'ended'", self.database)
        return all({(run, "root"), (run, f"final:{seq}")} <= told.keys() for run, seq in ends)


@asynccontextmanager
async def open_fleet(
    folder: Path,
    pg: Postgres,
    count: int,
    *,
    speed: float = SPEED,
    over_http: bool = False,
    lease: timedelta = FOR_EVER,
    **changed: Any,
) -> AsyncIterator[Fleet]:
    """`over_http`: all behind one address, to which Slack posts, too; else each has its own
    connection to Slack."""
    shared = {"LUTHIEN_MASTER_KEY": generate_key(), "LUTHIEN_LEASE": f"PT{lease.seconds}S"}
    with pg.database() as url:
        settings = {"DATABASE_URL": url} | shared | changed
        async with open_house(folder, speed=speed, over_http=over_http, **settings) as house:
            fleet = Fleet(house, Chat(house.http), pg, url.rpartition("/")[2], over_http)
            async with fleet.closing:
                for _ in range(count):
                    await fleet.add()
                await fleet.all_ready()
                if over_http:
                    port = int(house.settings["LUTHIEN_LISTEN"].rpartition(":")[2])
                    before = balanced(port, [replica.address for replica in fleet.replicas])
                    fleet.balancer = await fleet.closing.enter_async_context(before)
                yield fleet


def luthien(*arguments: str, source: Path | None = None) -> list[str]:
    """A command line of ours, of this code or of another copy of it."""
    code = ["env", f"PYTHONPATH={source}"] if source else []
    return [*code, sys.executable, "-m", "app", *arguments]
