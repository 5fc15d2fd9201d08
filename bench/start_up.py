"""How long `luthien serve` takes to be ready, and what it costs while nothing happens."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import psutil

from bench.figures import figure, percentile
from bench.processes import running_sandbox, running_server, scratch
from bench.result import Result, Table

if TYPE_CHECKING:
    from bench.result import Effort

TITLE = "Start-up and resident memory"
MIB = 2**20

HOW = """\
From starting the process `python -m app serve` to the first 200 of `/readyz` (looked at every \
few milliseconds), which means: settings read, database migrated and open, DBOS launched, HTTP \
listening, and the Socket Mode connection to the stand-in open. *First* starts in an empty \
data folder, *again* in the folder of the start before. Memory and CPU are those of the idle \
process with its connection open. The issue sets no goal for these."""


async def measure(effort: Effort) -> Result:
    folder = scratch() / "start"
    first: list[float] = []
    again: list[float] = []
    with running_sandbox(folder, speed=10) as sandbox:
        for _ in range(effort.count(3, 1)):
            shutil.rmtree(folder / "luthien", ignore_errors=True)
            for times in (first, again):
                with running_server(folder, sandbox, pace=10) as server:
                    times.append(server.ready_s)
        with running_server(folder, sandbox, pace=10) as server:
            process = psutil.Process(server.pid)
            await asyncio.sleep(effort.count(3, 1))
            process.cpu_percent()
            await asyncio.sleep(effort.count(15, 2))
            cpu = process.cpu_percent()
            memory = process.memory_full_info()
            threads = process.num_threads()
    rows = [
        (name, figure(percentile(times, 50)), figure(min(times)), figure(max(times)))
        for name, times in (("first", first), ("again", again))
    ]
    return Result(
        TITLE,
        HOW,
        (
            Table("Start to /readyz, s", ("", "median", "least", "most"), tuple(rows)),
            Table(
                "Idle",
                ("", "figure"),
                (
                    ("resident memory (RSS), MiB", figure(memory.rss / MIB)),
                    ("of this its own (USS), MiB", figure(memory.uss / MIB)),
                    ("threads", str(threads)),
                    ("CPU, % of one core", figure(cpu)),
                ),
            ),
        ),
    )
