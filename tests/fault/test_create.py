"""`create` is broken off at every call it makes: before it, after it, and with its answer lost.

Afterwards there is exactly one whole instance, told once, with credentials that can be delivered.
Real processes and real SIGKILLs; a tap on the wire decides the moment.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.house import House, open_house, until
from tests.fault.tap import Call, Moment, Tap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

SPEED = 300.0
"""Railway's waits and our own are this much shorter: minutes become a second."""

LANES = 3
"""Schedules under way at a time, each with a workspace of its own."""
SEED = int(os.environ.get("SEED", "1"))
READS = int(os.environ.get("SCHEDULES", "12"))
"""How many of the schedules around reading calls are tried; `make faults` tries all."""


def write(vendor: str, operation: str, nth: int = 1) -> Call:
    return Call(vendor, operation, nth, write=True)


def read(vendor: str, operation: str, nth: int = 1) -> Call:
    return Call(vendor, operation, nth, write=False)


WRITE_CALLS = (
    write("railway", "projectCreate"),
    write("railway", "templateDeployV2", 1),
    write("railway", "templateDeployV2", 2),
    write("railway", "serviceCreate"),
    write("railway", "serviceDomainCreate"),
    write("railway", "variableCollectionUpsert"),
    write("railway", "serviceConnect"),
    write("railway", "serviceInstanceAutoDeployUpdate"),
    write("railway", "projectUpdate"),
    write("slack", "chat.postMessage", 1),
    write("slack", "chat.postMessage", 2),
    write("slack", "chat.postMessage", 3),
    write("slack", "chat.update", 1),
    write("slack", "chat.update", 2),
    write("slack", "chat.postEphemeral"),
)
READ_CALLS = (
    read("railway", "projectNames", 1),
    read("railway", "projectNames", 2),
    read("railway", "gitHubRepoAccessAvailable"),
    read("railway", "project", 1),
    read("railway", "project", 3),
    read("railway", "project", 5),
    read("railway", "template", 1),
    read("railway", "template", 2),
    read("railway", "workflowStatus", 1),
    read("railway", "workflowStatus", 2),
    read("railway", "domains"),
    read("railway", "variables", 1),
    read("railway", "variables", 2),
    read("railway", "serviceInstance", 1),
    read("railway", "serviceInstance", 2),
    read("railway", "serviceInstanceAutoDeployStatus"),
    read("railway", "deployment"),
    read("railway", "projectsByIds", 1),
    read("slack", "chat.getPermalink"),
)


class Lane:
    """A workspace, a bot behind a tap, and ada; schedules run in it one after another."""

    def __init__(self, house: House, tap: Tap) -> None:
        self.house = house
        self.tap = tap
        self._number = 0

    async def types(self, text: str) -> None:
        await self.house.control("slack/command", user="ada", channel="#ops", text=text)

    async def reads(self, thread_ts: str = "") -> list[dict[str, Any]]:
        thread = {"thread_ts": thread_ts} if thread_ts else {}
        answer = await self.house.http.get(
            "/control/slack/messages", params={"channel": "#ops", "as": "ada", **thread}
        )
        return list(answer.json()["messages"])

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        self.house.server.stop(signal.SIGKILL)

    async def create_with(self, call: Call, moment: Moment) -> None:
        """One create that is broken off at `call`. Raises AssertionError."""
        self._number += 1
        name = f"acme{self._number}"
        killed = moment is not Moment.LOST
        self.tap.strike(call, moment, self.kill if killed else lambda: None)
        await self.types(f"/luthien create {name}")
        await asyncio.wait_for(self.tap.struck.wait(), 40)
        if killed:
            await until(self._bot_is_gone, within=10, what="the workspace loses the bot")
            await self.house.serve()
        final = await until(lambda: self.final(name), within=60, what=f"{name} is told to its end")
        assert final["text"].startswith("✅"), final["text"]
        await self._one_whole_instance(name)
        await self._told_once(name)
        # An ephemeral message cannot be looked up, so one in doubt is not sent again.
        await self._credentials(name, at_least=0 if call.operation == "chat.postEphemeral" else 1)

    async def _bot_is_gone(self) -> bool:
        return not (await self.house.http.get("/control/ready")).json()["bot"]

    async def final(self, name: str) -> dict[str, Any] | None:
        for message in await self.reads():
            key = _key(message)
            if key.startswith("final:") and f"instance {name}:" in message["text"]:
                return message
        return None

    async def _one_whole_instance(self, name: str) -> None:
        [project] = [p for p in await self.house.projects() if p["name"] == f"luthien-{name}"]
        assert project["description"] == "ready"
        [environment] = project["environments"]
        services = Counter(service["name"] for service in environment["services"])
        assert services == {"Postgres": 1, "Redis": 1, "gateway": 1}
        assert all(s["status"] == "SUCCESS" for s in environment["services"])

    async def _told_once(self, name: str) -> None:
        messages = await self.reads()
        [root] = [m for m in messages if _key(m) == "root" and f"instance {name}:" in m["text"]]
        await until(
            lambda: self._root_says_done(root["ts"]), within=10, what="the root message's end"
        )
        thread = await self.reads(root["ts"])
        keys = Counter(_key(m) for m in thread if _key(m))
        assert set(keys.values()) == {1}, keys
        lines = [line for m in thread for line in m["text"].splitlines() if line.startswith("✓")]
        steps = Counter(line.split(" · ")[0] for line in lines)
        assert set(steps.values()) == {1}, steps
        assert len(steps) == 11, steps

    async def _root_says_done(self, ts: str) -> bool:
        root = next(m for m in await self.reads() if m["ts"] == ts)
        return bool(root["text"].startswith("✅"))

    async def _credentials(self, name: str, *, at_least: int) -> None:
        shown = [m for m in await self.reads() if _shows_credentials(m, name)]
        assert at_least <= len(shown) <= 1, len(shown)
        await self.types(f"/luthien credentials {name}")
        again = len(shown) + 1
        await until(
            lambda: self._shown(name, again), within=10, what=f"credentials of {name} on demand"
        )

    async def _shown(self, name: str, at_least: int) -> bool:
        shown = [m for m in await self.reads() if _shows_credentials(m, name)]
        return len(shown) >= at_least


def _key(message: dict[str, Any]) -> str:
    payload = (message.get("metadata") or {}).get("event_payload", {})
    return str(payload.get("key", ""))


def _shows_credentials(message: dict[str, Any], name: str) -> bool:
    return bool(
        message["ephemeral"]
        and message["text"].startswith(f"Credentials of {name}")
        and "sk-luthien-" in str(message["blocks"])
        and "sk-luthien-" not in message["text"]
    )


@asynccontextmanager
async def lane(folder: Path) -> AsyncIterator[Lane]:
    folder.mkdir(parents=True)  # noqa: ASYNC240 - a moment, before anything runs
    async with open_house(folder, speed=SPEED) as house, Tap(str(house.http.base_url)) as tap:
        house.settings["RAILWAY_API_URL"] = f"{tap.url}/railway/graphql/v2"
        house.settings["SLACK_API_URL"] = f"{tap.url}/slack/api/"
        await house.serve()
        yield Lane(house, tap)


async def survive(schedules: Sequence[tuple[Call, Moment]], folder: Path) -> None:
    """All schedules, a few side by side; every failure is named."""
    waiting = list(schedules)
    failures: list[str] = []

    async def work(place: Path) -> None:
        async with lane(place) as own:
            while waiting:
                call, moment = waiting.pop(0)
                try:
                    await own.create_with(call, moment)
                except (AssertionError, TimeoutError, ValueError) as error:
                    failures.append(f"{moment} {call}: {type(error).__name__} {error}")
                    return  # what is left of this lane says nothing about the next schedule

    while waiting:
        lanes = range(min(LANES, len(waiting)))
        await asyncio.gather(*(work(folder / f"{len(waiting)}-{number}") for number in lanes))
    assert not failures, "\n".join(failures)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", list(Moment))
async def test_create_survives_a_break_at_every_write(moment: Moment, tmp_path: Path) -> None:
    await survive([(call, moment) for call in WRITE_CALLS], tmp_path)


@pytest.mark.timeout(600)
async def test_create_survives_a_kill_around_its_reads(tmp_path: Path) -> None:
    every = [(call, moment) for call in READ_CALLS for moment in (Moment.BEFORE, Moment.AFTER)]
    chosen = random.Random(SEED).sample(every, min(READS, len(every)))
    await survive(chosen, tmp_path)


async def test_no_call_of_create_is_left_out(tmp_path: Path) -> None:
    async with lane(tmp_path / "lane") as own:
        begin = len(own.tap.calls)
        await own.types("/luthien create whole")
        await until(lambda: own.final("whole"), within=60, what="the run is told to its end")
        made = {(c.vendor, c.operation) for c in own.tap.calls[begin:]}
        mutations = [c for c in own.tap.calls[begin:] if c.write and c.vendor == "railway"]
    listed = {(c.vendor, c.operation) for c in (*WRITE_CALLS, *READ_CALLS)}
    asked_once_per_process = {
        ("railway", "me"),
        ("slack", "auth.test"),
        ("slack", "users.info"),
        ("slack", "conversations.info"),
    }
    assert made - listed <= asked_once_per_process
    assert len(mutations) <= 12
