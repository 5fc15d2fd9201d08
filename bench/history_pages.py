"""Pages of runs and audit over a long history."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench.figures import figure, percentile
from bench.processes import scratch
from bench.result import BenchFailed, Goal, Result, Table
from engine.actor import Actor, Door, Role
from engine.clock import SystemClock
from engine.feed import Feed
from engine.run import RunStatus
from engine.store.audit import AuditTrail
from engine.store.database import open_database
from engine.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from bench.result import Effort

TITLE = "Pages of a long history"
GOAL_MS = 100
ROWS = 1_000_000
TIMES = 20

HOW = f"""\
{ROWS:,} runs and as many rows of audit in a SQLite database of our schema, three years of them, \
written without going through the engine (one step each; 200 people, 500 instances; everything is \
over but three runs). Then each kind of page is asked for as the doors do, {TIMES} times, in the \
process that has the database open."""


async def measure(effort: Effort) -> Result:
    rows = effort.count(ROWS, 20_000)
    file = scratch() / "history.db"
    database = open_database(f"sqlite+aiosqlite:///{file}")
    await database.migrate()
    await asyncio.to_thread(_fill, file, rows)
    audit, journal = AuditTrail(database), Journal(database, Feed(), SystemClock())
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
        "audit, the newest 20": lambda: audit.entries(limit=21),
        "audit, the last page": lambda: audit.entries(limit=20, skip=rows - 20),
        "audit of a person by id": lambda: audit.entries(actor="U0077", limit=21),
        "audit of a person, a page far back": lambda: audit.entries(
            actor="slack:U0077", limit=20, skip=rows // 400
        ),
        "audit of an instance": lambda: audit.entries(subject="customer-77", limit=21),
        "audit of an instance since yesterday": lambda: audit.entries(
            subject="customer-77", since=now - timedelta(days=1), limit=1000
        ),
        "audit since an hour ago": lambda: audit.entries(
            since=now - timedelta(hours=1), limit=200
        ),
        "audit of one action": lambda: audit.entries(actions=("credentials.shown",), limit=21),
    }
    table = []
    slowest = 0.0
    for name, page in pages.items():
        took: list[float] = []
        found: Sequence[object] = ()
        for _ in range(effort.count(TIMES, 2)):
            began = time.perf_counter()
            found = await page()
            took.append((time.perf_counter() - began) * 1000)
        if not found and rows >= ROWS:
            raise BenchFailed(f"{name}: nothing was found")
        slowest = max(slowest, percentile(took, 95))
        table.append((name, str(len(found)), figure(percentile(took, 50)), figure(max(took))))
    await database.close()
    file.unlink()
    return Result(
        TITLE,
        HOW,
        (Table(f"Pages over {rows:,} rows, ms", ("", "rows", "p50", "most"), tuple(table)),),
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


async def _counted(journal: Journal, now: datetime) -> Sequence[object]:
    actor = Actor(door=Door.SLACK, id="U0077", name="ada", role=Role.DEPLOYER)
    return [await journal.created_since(actor, ["create"], now - timedelta(days=1))]


def _fill(file: Path, rows: int) -> None:
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
        connection.executemany(
            "INSERT INTO audit (seq, at, actor, action, subject, run_id, detail, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, '{}', '')",
            (
                (
                    n,
                    _when(n, rows),
                    f"slack:U{n % 200:04}",
                    "credentials.shown" if n % 50_000 == 7 else "step.done",
                    f"customer-{n % 500}",
                    f"r{n}",
                )
                for n in range(1, rows + 1)
            ),
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


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
    """Evenly over three years, the last one now."""
    at = datetime.now(UTC) - timedelta(days=3 * 365) * ((rows - number) / rows)
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
