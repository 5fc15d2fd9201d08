"""How long `luthien serve` takes to be ready, and what it costs while nothing happens."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil

from app.demo import clean_environment, server_settings
from bench.figures import figure, percentile
from bench.processes import running_sandbox, running_server, scratch
from bench.result import BenchFailed, Goal, Result, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from app.demo import Sandbox
    from bench.result import Effort

TITLE = "Start-up and resident memory"
MIB = 2**20
READY_S = 2.0
RESIDENT_MIB = 200
IDLE_PERCENT = 1.0

PACKAGES = (
    *("aiosqlite", "apscheduler.schedulers.asyncio", "click", "dbos", "fastapi", "httpx"),
    *("jinja2", "nacl.bindings", "opentelemetry.propagate", "prometheus_client"),
    *("pydantic_settings", "rich_click", "slack_bolt.adapter.socket_mode.aiohttp"),
    *("slack_bolt.async_app", "sqlalchemy.ext.asyncio", "uvicorn", "yaml"),
)
"""What the server stands on."""
FLOOR = f"import gc; gc.disable(); import {', '.join(PACKAGES)}"

HOW = """\
From starting the process `python -m app serve` to the first 200 of `/readyz` (looked at every \
few milliseconds), which means: settings read, database migrated and open, DBOS launched, HTTP \
listening, and the Socket Mode connection to the stand-in open. *First* starts in an empty \
data folder, *again* in the folder of the start before. *Floor* is a process that imports the \
packages that the server stands on and ends: no code of ours. A *command line* is a whole \
process, too. Memory and CPU are those of the idle process with its connection open, at \
production's pace."""


async def measure(effort: Effort) -> Result:
    folder = scratch() / "start"
    tries = effort.count(5, 1)
    first: list[float] = []
    again: list[float] = []
    with running_sandbox(folder, speed=1) as sandbox:
        for _ in range(tries):
            shutil.rmtree(folder / "luthien", ignore_errors=True)
            for times in (first, again):
                with running_server(folder, sandbox, pace=1) as server:
                    times.append(server.ready_s)
        with running_server(folder, sandbox, pace=1) as server:
            process = psutil.Process(server.pid)
            await asyncio.sleep(effort.count(10, 1))
            process.cpu_percent()
            await asyncio.sleep(effort.count(30, 2))
            cpu = process.cpu_percent()
            memory = process.memory_full_info()
            threads = process.num_threads()
            asked = [_took(folder, sandbox, "app", "list", "--json") for _ in range(tries)]
        alone = [_took(folder, sandbox, "app", "runs", "--json") for _ in range(tries)]
        helped = [_took(folder, sandbox, "app", "list", "--help") for _ in range(tries)]
    floor = [_run([sys.executable, "-c", FLOOR], folder, {}) for _ in range(tries)]
    resident = memory.rss / MIB
    starts = (("first", first), ("again", again), ("floor", floor))
    lines = (
        ("`list`, which a running server answers", asked),
        ("`runs`, without a server", alone),
        ("`list --help`", helped),
    )
    slowest = max(percentile(first, 50), percentile(again, 50))
    return Result(
        TITLE,
        HOW,
        (
            _table("Start to /readyz, s", starts),
            _table("A command line, s", lines),
            Table(
                "Idle",
                ("", "figure"),
                (
                    ("resident memory (RSS), MiB", figure(resident)),
                    ("of this its own (USS), MiB", figure(memory.uss / MIB)),
                    ("threads", str(threads)),
                    ("CPU, % of one core", figure(cpu)),
                ),
            ),
        ),
        (
            Goal(
                f"start to ready at most {READY_S:g} s", f"{figure(slowest)} s", slowest <= READY_S
            ),
            Goal(
                f"at most {RESIDENT_MIB} MB resident while idle",
                f"{figure(resident)} MiB",
                memory.rss <= RESIDENT_MIB * 10**6,
            ),
            Goal(
                f"idle CPU at most {IDLE_PERCENT:g} % of one core (our own goal)",
                f"{figure(cpu)} %",
                cpu <= IDLE_PERCENT,
            ),
        ),
        (
            "A start is computing on one core; nothing is waited for. Most of it is the floor: "
            "loading the packages. DBOS's own threads look at its database every second "
            "without a setting for it, which is most of the idle CPU.",
        ),
    )


def _table(caption: str, rows: Sequence[tuple[str, Sequence[float]]]) -> Table:
    return Table(
        caption,
        ("", "median", "least", "most"),
        tuple(
            (name, figure(percentile(times, 50)), figure(min(times)), figure(max(times)))
            for name, times in rows
        ),
    )


def _took(folder: Path, sandbox: Sandbox, module: str, *arguments: str) -> float:
    """Seconds that a command line takes in the measured server's data folder."""
    settings = server_settings(sandbox, listen=0, pace=1, data=folder / "luthien")
    return _run([sys.executable, "-m", module, *arguments], folder, settings)


def _run(command: Sequence[str], folder: Path, settings: Mapping[str, str]) -> float:
    began = time.perf_counter()
    ran = subprocess.run(
        command, cwd=folder, env=clean_environment(settings), capture_output=True, check=False
    )
    if ran.returncode:
        raise BenchFailed(f"`{' '.join(command[1:])}` failed:\n{ran.stderr.decode()}")
    return time.perf_counter() - began
