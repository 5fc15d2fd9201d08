"""Pages of runs and audit over a long history."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import create_engine

from bench.figures import figure, percentile
from bench.processes import running_sandbox, running_server, scratch
from bench.result import BenchFailed, Goal, Result, Table
from engine.actor import Actor, Door, Role
from engine.clock import SystemClock
from engine.feed import Feed
from engine.run import RunStatus
from engine.secrets import parse_keys
from engine.store import audit
from engine.store.audit import AuditTrail, Fact
from engine.store.database import open_database
from engine.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from bench.processes import Server
    from bench.result import Effort

TITLE = "Pages of a long history"
GOAL_MS = 100
ROWS = 1_000_000
TIMES = 20

HOW = f"""\
{ROWS:,} runs and as many rows of audit in the SQLite database of `luthien serve`, three years of \
them, written without going through the engine (one step each; 200 people, 500 instances; \
everything is over but three runs). Then each page is asked for over HTTP, {TIMES} times, by an \
owner of the bot: rights, query, rendering and the whole answer. *Read by the engine* is what is \
below the pages, in a process that has the database open."""


async def measure(effort: Effort) -> Result:
    rows = effort.count(ROWS, 20_000)
    times = effort.count(TIMES, 2)
    folder = scratch() / "history"
    with running_sandbox(folder, speed=10) as sandbox:
        with running_server(folder, sandbox, pace=10) as server:
            file, key = server.database, (server.data / "master.key").read_text()
        await asyncio.to_thread(_fill, file, rows, key)
        read = await _read(file, rows, times)
        with running_server(folder, sandbox, pace=10) as server:
            asked = await _asked(server, rows, times)
    slowest = max(percentile(took, 95) for _, took in asked.values())
    return Result(
        TITLE,
        HOW,
        (
            Table("Asked of the server, ms", ("", "KiB", "p50", "most"), _rows(asked)),
            Table("Read by the engine, ms", ("", "rows", "p50", "most"), _rows(read)),
        ),
        (
            Goal(
                f"run and audit pages over 1,000,000 rows in at most {GOAL_MS} ms",
                f"the slowest page: p95 {figure(slowest)} ms",
                slowest <= GOAL_MS and rows >= ROWS,
            ),
        ),
        (
            "The floor is reading the rows that are shown and making them into what doors see:"
            " pages of one row more or less take the same over ten rows and over a million.",
        ),
    )


Taken = dict[str, tuple[float, list[float]]]
"""By page: how much it holds, and how long each took, ms."""


def _rows(taken: Taken) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (name, figure(size), figure(percentile(took, 50)), figure(max(took)))
        for name, (size, took) in taken.items()
    )


async def _asked(server: Server, rows: int, times: int) -> Taken:
    """Raises BenchFailed when a page is refused or holds nothing of what it is about."""
    middle = f"r{rows // 2}"
    api = {
        "GET /api/v1/runs": "/api/v1/runs",
        "GET /api/v1/runs, from the middle": f"/api/v1/runs?before={middle}",
        "GET /api/v1/runs, of an instance": "/api/v1/runs?instance=customer-77",
        "GET /api/v1/runs, under way": "/api/v1/runs?status=running",
        "GET /api/v1/audit": "/api/v1/audit",
        "GET /api/v1/audit, the last page": f"/api/v1/audit?limit=20&page={rows // 20}",
        "GET /api/v1/audit, of a person": "/api/v1/audit?actor=U0077",
        "GET /api/v1/audit, of an instance": "/api/v1/audit?instance=customer-77",
        "GET /api/v1/audit, since an hour ago": "/api/v1/audit?since=1h",
    }
    page = {
        "the web page's runs": "/runs",
        "the web page's runs, from the middle": f"/runs?before={middle}",
        "the web page's runs, of an instance": "/runs?instance=customer-77",
        "the web page's audit": "/c/audit",
        "the web page's audit, of an instance": "/c/audit?instance=customer-77",
    }
    taken: Taken = {}
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as http:
        await _sign_in(http, server)
        bearer = {"Authorization": f"Bearer {server.token}"}
        for name, path in (api | page).items():
            headers = bearer if name in api else {}
            found = '"runs":[]' if "status=running" in path else "customer-"  # it ended them
            took, size = [], 0.0
            for _ in range(times + 1):
                began = time.perf_counter()
                answer = await http.get(path, headers=headers)
                took.append((time.perf_counter() - began) * 1000)
                if answer.status_code != 200 or found not in answer.text:
                    raise BenchFailed(f"{path}: {answer.status_code} {answer.text[:300]}")
                size = len(answer.content) / 1024
            taken[name] = (size, took[1:])  # the first one warms it up
    return taken


async def _sign_in(http: httpx.AsyncClient, server: Server) -> None:
    link = (await server.command("web"))["answer"]["data"]["url"]
    form = (await http.get(link)).text
    token = re.search(r'name="token" value="([^"]+)"', form)
    if token is None:
        raise BenchFailed(f"the sign-in page has no form:\n{form}")
    await http.post(link, data={"token": token[1]})


async def _read(file: Path, rows: int, times: int) -> Taken:
    database = open_database(f"sqlite+aiosqlite:///{file}")
    trail, journal = AuditTrail(database), Journal(database, Feed(), SystemClock())
    now = datetime.now(UTC)
    pages: dict[str, Callable[[], Awaitable[Sequence[object]]]] = {
        "runs, the newest 20": lambda: journal.runs(subject=None, statuses=(), limit=20),
        "runs, 20 from the middle": lambda: journal.runs(
            subject=None, statuses=(), limit=20, before=f"r{rows // 2}"
        ),
        "runs of an instance, 20": lambda: journal.runs(
            subject="customer-77", statuses=(), limit=20
        ),
        "runs under way": lambda: journal.runs(
            subject=None,
            statuses=(RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING),
            limit=1000,
        ),
        "how many creations of somebody today": lambda: _counted(journal, now),
        "audit, the newest 20": lambda: trail.entries(limit=21),
        "audit, the last page": lambda: trail.entries(limit=20, skip=rows - 20),
        "audit of a person by id": lambda: trail.entries(actor="U0077", limit=21),
        "audit of a person, a page far back": lambda: trail.entries(
            actor="slack:U0077", limit=20, skip=rows // 400
        ),
        "audit of an instance": lambda: trail.entries(subject="customer-77", limit=21),
        "audit of an instance since yesterday": lambda: trail.entries(
            subject="customer-77", since=now - timedelta(days=1), limit=1000
        ),
        "audit since an hour ago": lambda: trail.entries(
            since=now - timedelta(hours=1), limit=200
        ),
        "audit of one action": lambda: trail.entries(actions=("credentials.shown",), limit=21),
    }
    taken: Taken = {}
    for name, page in pages.items():
        took: list[float] = []
        found: Sequence[object] = ()
        for _ in range(times):
            began = time.perf_counter()
            found = await page()
            took.append((time.perf_counter() - began) * 1000)
        if not found and rows >= ROWS:
            raise BenchFailed(f"{name}: nothing was found")
        taken[name] = (len(found), took)
    await database.close()
    return taken


async def _counted(journal: Journal, now: datetime) -> Sequence[object]:
    actor = Actor(door=Door.SLACK, id="U0077", name="ada", role=Role.DEPLOYER)
    return [await journal.created_since(actor, ["create"], now - timedelta(days=1))]


def _fill(file: Path, rows: int, key: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        marks = ",".join("?" * len(columns))
        statement = f"INSERT INTO runs ({','.join(columns)}) VALUES ({marks})"
        connection.executemany(statement, _runs(columns, rows))
        connection.executemany(
            "INSERT INTO steps (run_id, key, position, definition, title, status, attempts,"
            " note, result) VALUES (?, 'only', 0, ?, 'Do it', 'done', 1, '', '{}')",
            ((f"r{n}", _STEP) for n in range(1, rows + 1)),
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    keys = parse_keys(key.strip())
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as sql:
        for first in range(1, rows + 1, 10_000):
            numbers = range(first, min(first + 10_000, rows + 1))
            audit.add(sql, keys, [_fact(n, rows) for n in numbers])
    engine.dispose()


def _fact(n: int, rows: int) -> Fact:
    return Fact(
        at=_at(n, rows),
        actor=f"slack:U{n % 200:04}",
        action="credentials.shown" if n % 50_000 == 7 else "step.done",
        subject=f"customer-{n % 500}",
        run_id=f"r{n}",
    )


_STEP = json.dumps({"kind": "nothing", "key": "only", "expected": 1, "after": [], "redo": []})


def _runs(columns: list[str], rows: int) -> Iterator[tuple[object, ...]]:
    plan = json.dumps({"steps": [], "changes": [], "notes": [], "outcome": {}})
    for n in range(1, rows + 1):
        person = {"door": "slack", "id": f"U{n % 200:04}", "name": "ada", "role": 2}
        alive = rows - n < 3
        row: dict[str, object] = {
            "number": n,
            "id": f"r{n}",
            "command": "create" if n % 20 == 0 else "redeploy",
            "arguments": "{}",
            "line": f"redeploy customer-{n % 500}",
            "title": f"Redeploy customer-{n % 500}",
            "subject": f"customer-{n % 500}",
            "status": "running" if alive else "succeeded",
            "execution": 1,
            "removing": 0,
            "actor": json.dumps(person),
            "origin": json.dumps({"door": "slack"}),
            "plan": plan,
            "plan_digest": "",
            "replan": 0,
            "expected_s": 60,
            "created_at": _when(n, rows),
            "started_at": _when(n, rows),
            "ended_at": None if alive else _when(n, rows),
            "result": "{}",
            "cancelled_by": "",
            "thread_url": "",
        }
        yield tuple(row.get(column) for column in columns)


def _when(number: int, rows: int) -> str:
    return _at(number, rows).strftime("%Y-%m-%d %H:%M:%S.%f")


def _at(number: int, rows: int) -> datetime:
    """Evenly over three years, the last one now."""
    return datetime.now(UTC) - timedelta(days=3 * 365) * ((rows - number) / rows)
