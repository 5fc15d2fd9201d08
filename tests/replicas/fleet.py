"""Several `luthien serve` over one real Postgres, each with its own connection to Slack.

Whoever ends by itself is started anew, as a supervisor would.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx

from engine.secrets import generate_key
from tests.e2e.chat import Chat
from tests.e2e.house import House, Process, open_house, until
from tests.ports import free_port
from tests.replicas.balancer import balanced
from tests.replicas.chronicle import Chronicle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.balancer import Balancer

LEASE = 6
"""Seconds, ten in production. Shorter ones are lost on a busy machine, too."""
SPEED = 25.0
"""A create takes about eight seconds."""
PATIENCE = 90.0
"""Seconds after which a test gives up. How fast the machine is says nothing about us."""


class Cable:
    """A TCP connection's way to Postgres, which can be cut: bytes are no longer passed on, and
    nobody is told, as when a network drops packets."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._whole = asyncio.Event()
        self._whole.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    async def _connect(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        here = asyncio.current_task()
        assert here is not None
        self._tasks.add(here)
        writers = [back]
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._to)
            writers.append(forth)
            await asyncio.gather(self._pass_on(near, forth), self._pass_on(far, back))
        except (OSError, asyncio.CancelledError):
            pass  # the callback of asyncio's own server would complain of a cancelled one
        finally:
            for writer in writers:
                writer.transport.abort()
            self._tasks.discard(here)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError  # one side is gone: so is the other

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass
class Replica:
    """One server. `ends` are the exit codes it had before it was started anew."""

    process: Process
    address: str
    cable: Cable
    ends: list[int] = field(default_factory=list)

    async def ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=2) as http:
            try:
                return (await http.get(f"{self.address}/readyz")).status_code == 200
            except httpx.TransportError:
                return False


@dataclass
class Fleet:
    """The sandbox, the database, and the replicas."""

    house: House
    chat: Chat
    pg: Postgres
    database: str
    replicas: list[Replica]
    balancer: Balancer | None = None
    """Where Slack and people reach them over HTTP."""

    @property
    def address(self) -> str:
        return f"http://{self.house.settings['LUTHIEN_LISTEN']}"

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

    async def hold(self, operation: str, vendor: str = "railway") -> None:
        """The next such request is not answered: whoever made it stands still there, whoever
        takes over does not."""
        fault = {"vendor": vendor, "operation": operation, "kind": "delay", "seconds": 600}
        await self.house.control("faults", **fault)

    async def asked(self, operation: str) -> None:
        """Waits until a vendor was asked for this."""

        async def seen() -> bool:
            return any(e["operation"] == operation for e in await self.house.journal())

        await until(seen, within=PATIENCE, what=lambda: f"{operation}\n{self.logs()}")

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
        return "\n".join(
            f"== {r.address} {r.ends}\n{r.process.log[-3000:]}" for r in self.replicas
        )

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
    **changed: Any,
) -> AsyncIterator[Fleet]:
    """`over_http`: all behind one address, to which Slack posts, too; else each has its own
    connection to Slack."""
    database = pg.create()
    key = generate_key()
    shared = {"LUTHIEN_MASTER_KEY": key, "LUTHIEN_LEASE": f"PT{LEASE}S"} | changed
    open_one = partial(open_house, folder, speed=speed, over_http=over_http)
    async with (
        open_one(DATABASE_URL=pg.url(database), **shared) as house,
        contextlib.AsyncExitStack() as closing,
    ):
        replicas: list[Replica] = []
        for number in range(count):
            cable, listen = Cable(pg.port), free_port()
            server = await cable.open()
            closing.push_async_callback(cable.close)
            closing.callback(server.close)
            settings = house.settings | {
                "DATABASE_URL": pg.url(database, port=cable.port),
                "LUTHIEN_LISTEN": f"127.0.0.1:{listen}",
                "LUTHIEN_DATA_DIR": str(folder / f"data-{number}"),
            }
            if over_http:
                settings["LUTHIEN_PUBLIC_URL"] = f"http://{house.settings['LUTHIEN_LISTEN']}"
            process = Process(
                f"replica-{number}", [sys.executable, "-m", "app", "serve"], settings, folder
            )
            replicas.append(Replica(process, f"http://127.0.0.1:{listen}", cable))
        address = house.settings["LUTHIEN_LISTEN"]
        supervising = [asyncio.create_task(_supervise(replica)) for replica in replicas]
        fleet = Fleet(house, Chat(house.http), pg, database, replicas)
        try:
            await fleet.all_ready()
            if over_http:
                port = int(address.rpartition(":")[2])
                before = balanced(port, [replica.address for replica in replicas])
                fleet.balancer = await closing.enter_async_context(before)
            yield fleet
        finally:
            for task in supervising:
                task.cancel()
            await asyncio.gather(*supervising, return_exceptions=True)
            for replica in replicas:
                replica.cable.mend()
                replica.process.send(signal.SIGKILL)
                replica.process.stop()
    pg.drop(database)


async def _supervise(replica: Replica) -> None:
    replica.process.start()
    while True:
        if (code := replica.process.ended) is not None:
            replica.ends.append(code)
            replica.process.start()
        await asyncio.sleep(0.2)
