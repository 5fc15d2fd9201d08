"""How long Slack waits for the acknowledgement, beside a bare Bolt app that only acknowledges."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import aiohttp

from bench.figures import Spread, figure
from bench.processes import (
    SIGNING_SECRET,
    control,
    running_echo,
    running_sandbox,
    running_server,
    scratch,
)
from bench.result import BenchFailed, Goal, Result, Table
from bench.slack_client import SlackClient, replies

if TYPE_CHECKING:
    from pathlib import Path

    from bench.result import Effort
    from bench.slack_client import Replies

TITLE = "Acknowledgement of a slash command"
ALLOWED_MS = 3.0
RATE = 50
"""Requests a second in the second half."""
BLOCK_S = 4
"""The two apps take turns of this length under load."""
QUESTION = "help"
CHANGE = "create taken"
"""A change that ends after the acknowledgement: the name is taken."""

HOW = f"""\
Signed slash commands over HTTP mode, from the first byte sent to the last byte of the empty \
200. *Ours* is `luthien serve`: signature check, grammar, role, one committed row in SQLite \
(WAL, synchronous=FULL), ack. *Echo* is a bare async Bolt app in the same run, with the same \
Bolt setting (`process_before_response`), adapter, uvicorn and client; the two take turns, \
request by request one at a time, then in blocks of {BLOCK_S} s at {RATE} requests a second \
(sent when due, whatever is still unanswered). One at a time, the next request goes out when \
the answer that follows the acknowledgement has arrived; at {RATE} a second our work after the \
acknowledgement (reading the row back, answering over response_url, closing the row) goes on \
beside the acknowledgements that are measured. Milliseconds."""


async def measure(effort: Effort) -> Result:
    folder = scratch() / "ack"
    with (
        running_sandbox(folder, speed=10) as sandbox,
        running_server(folder, sandbox, pace=10, socket_mode=False) as server,
        running_echo(folder) as echo,
    ):
        name = {"count": 1, "name": "luthien-taken", "description": "ready"}
        await control(sandbox, "POST", "railway/populate", name)
        async with replies() as replied, aiohttp.ClientSession(trust_env=False) as http:
            client = SlackClient(http, SIGNING_SECRET, sandbox.admin, sandbox.channel, replied.url)
            race = _Race(
                client,
                replied,
                ours=f"{server.url}/slack/events",
                echo=f"{echo.url}/slack/events",
                default=f"{echo.url}/default/events",
            )
            for text in (QUESTION, CHANGE):
                await race.one_at_a_time(text, effort.count(30, 5))  # warm
            pairs = effort.count(300, 40)
            question = await race.one_at_a_time(QUESTION, pairs)
            change = await race.one_at_a_time(CHANGE, pairs // 2)
            loaded = await race.under_load(QUESTION, effort.count(4, 1))
            default = [
                await client.acknowledged_ms(race.default, QUESTION)
                for _ in range(effort.count(100, 20))
            ]
        _all_durable(server.database, race.sent)
    sync = Spread.of(_disk_syncs(folder, effort.count(300, 50)))
    return _result(
        {
            f"`{QUESTION}`, one at a time": question,
            f"`{CHANGE}`, one at a time": change,
            f"`{QUESTION}`, {RATE} a second": loaded,
        },
        default=Spread.of(default),
        sync=sync,
        rows=race.sent,
    )


class _Race:
    """The two apps, asked in turn by one client."""

    def __init__(
        self, client: SlackClient, replied: Replies, *, ours: str, echo: str, default: str
    ) -> None:
        self._client = client
        self._replied = replied
        self._ours = ours
        self._echo = echo
        self.default = default
        self.sent = 0
        """Requests to ours so far; each must have left one row."""

    async def one_at_a_time(self, text: str, pairs: int) -> tuple[Spread, Spread]:
        """Ours and the echo."""
        ours, echo = [], []
        for _ in range(pairs):
            echo.append(await self._client.acknowledged_ms(self._echo, text))
            ours.append(await self._client.acknowledged_ms(self._ours, text))
            self.sent += 1
            await self._replied.next()
        return Spread.of(ours), Spread.of(echo)

    async def under_load(self, text: str, rounds: int) -> tuple[Spread, Spread]:
        """Ours and the echo."""
        ours: list[float] = []
        echo: list[float] = []
        for _ in range(rounds):
            echo += await self._block(self._echo, text)
            block = await self._block(self._ours, text)
            self.sent += len(block)
            for _ in block:
                await self._replied.next()
            ours += block
        return Spread.of(ours), Spread.of(echo)

    async def _block(self, url: str, text: str) -> list[float]:
        began = time.perf_counter()
        under_way = []
        for number in range(RATE * BLOCK_S):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            under_way.append(asyncio.create_task(self._client.acknowledged_ms(url, text)))
        return await asyncio.gather(*under_way)


def _all_durable(database: Path, sent: int) -> None:
    """Raises BenchFailed unless every acknowledged command left its row."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM deliveries").fetchone()
    if kept != sent:
        raise BenchFailed(f"{sent} commands were acknowledged, {kept} are in the database")


def _disk_syncs(folder: Path, count: int) -> list[float]:
    """What the disk itself takes for one durable append of a database page, in milliseconds."""
    took = []
    with (folder / "sync.bin").open("wb") as file:
        for _ in range(count):
            file.write(b"\0" * 4096)
            began = time.perf_counter()
            file.flush()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return took


def _result(
    measured: dict[str, tuple[Spread, Spread]], *, default: Spread, sync: Spread, rows: int
) -> Result:
    lines, goals = [], []
    for name, (ours, echo) in measured.items():
        more50, more99 = ours.p50 - echo.p50, ours.p99 - echo.p99
        figures = (ours.p50, ours.p99, echo.p50, echo.p99, more50, more99)
        lines.append((name, str(ours.count), *map(figure, figures)))
        goals += [
            Goal(
                f"{name}: at most {ALLOWED_MS:g} ms more than the echo{whose}",
                f"{which} {figure(more)} ms more",
                more <= ALLOWED_MS,
            )
            for which, more, whose in (
                ("p50", more50, ""),
                ("p99", more99, ", also at p99 (our own goal)"),
            )
        ]
    columns = ("", "requests", "ours p50", "ours p99", "echo p50", "echo p99", "Δ p50", "Δ p99")
    return Result(
        TITLE,
        HOW,
        (Table("Acknowledgement, ms", columns, tuple(lines)),),
        tuple(goals),
        (
            f"All {rows} commands that were acknowledged are in the database.",
            f"One durable append of 4 KiB (fdatasync) on this disk: p50 {figure(sync.p50)} ms, "
            f"p99 {figure(sync.p99)} ms; each acknowledgement of ours includes one.",
            "Bolt's default setting (acknowledging from a loop that looks every 10 ms), one at a "
            f"time: p50 {figure(default.p50)} ms, p99 {figure(default.p99)} ms.",
        ),
    )
