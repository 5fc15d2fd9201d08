"""What keeps the record safe: the audit's verification, and the exchange of the master key."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from bench.figures import figure
from bench.processes import scratch
from bench.result import Goal, Result, Table
from engine.clock import SystemClock
from engine.run import RunStatus
from engine.secrets import SealKeys, generate_key, parse_keys
from engine.store.audit import AuditTrail, append, link
from engine.store.audit_head import set_head
from engine.store.database import open_database
from engine.store.keyring import StoredKeyring
from engine.store.models import AuditRow, DeliveryRow, RunRow

if TYPE_CHECKING:
    from bench.result import Effort
    from engine.store.database import Database

TITLE = "The audit and the master key"
NOW = datetime(2026, 11, 21, tzinfo=UTC)
_ADDED = 500

HOW = """\
In this process, on SQLite in WAL with synchronous=FULL, through the code that the commands use. \
*Exchange* is `secrets rotate` without the engine around it: a new key is written to its file, \
every value is opened and sealed anew in transactions of 200, and the old key is forgotten; half \
of the values belong to runs, half to deliveries. *Longest transaction* is how long it keeps \
another writer waiting. *Verify* is `audit verify`: every row read and hashed, then the end's \
signature; *longest turn* is how long it keeps other work of its process waiting."""


@dataclass
class _Place:
    text: str
    where: str = "the benchmark"

    def keep(self, text: str) -> None:
        self.text = text


async def measure(effort: Effort) -> Result:
    secrets, entries = effort.count(10_000, 500), effort.count(100_000, 2_000)
    exchanged = await _exchange(secrets)
    verified = await _verify(entries)
    return Result(
        TITLE,
        HOW,
        (
            Table(
                "Exchange of the master key",
                ("", "figure"),
                (
                    (f"{secrets:,} secrets, s", figure(exchanged["seconds"])),
                    ("secrets a second", figure(secrets / exchanged["seconds"])),
                    ("longest transaction, ms", figure(exchanged["longest"] * 1000)),
                ),
            ),
            Table(
                "Audit",
                ("", "figure"),
                (
                    (f"verify {entries:,} entries, s", figure(verified["seconds"])),
                    ("entries a second", figure(entries / verified["seconds"])),
                    ("longest turn, ms", figure(verified["longest"] * 1000)),
                    ("one entry more in a transaction, ms", figure(verified["append"] * 1000)),
                ),
            ),
        ),
        (
            Goal(
                f"{secrets:,} secrets exchanged, none lost or left",
                f"{exchanged['done']:,} of {secrets:,}",
                exchanged["done"] == secrets,
            ),
        ),
    )


async def _open(name: str, keys: SealKeys) -> Database:
    folder = scratch() / name
    await asyncio.to_thread(folder.mkdir, parents=True)
    database = open_database(f"sqlite+aiosqlite:///{folder}/luthien.db", keys)
    await database.migrate()
    return database


async def _exchange(count: int) -> dict[str, float]:
    place = _Place(generate_key())
    keys = parse_keys(place.text)
    database = await _open("exchange", keys)
    rows = [_sealed(number, keys) for number in range(count)]
    async with database.write() as session:
        for row, part in ((RunRow, rows[: count // 2]), (DeliveryRow, rows[count // 2 :])):
            names = {column.key for column in row.__table__.columns}
            kept = [{k: v for k, v in one.items() if k in names} for one in part]
            await session.execute(insert(row), kept)
    keyring = StoredKeyring(database, keys, place, SystemClock())
    began, longest, done, after = time.perf_counter(), 0.0, 0, ""
    await keyring.renew(keys.current_id)
    while True:
        started = time.perf_counter()
        some = await keyring.reseal(after)
        longest = max(longest, time.perf_counter() - started)
        done, after = done + some.done, some.after
        if not after:
            break
    await keyring.retire()
    seconds = time.perf_counter() - began
    census = await keyring.census()
    await database.close()
    whole = census.sealed == {census.current: count} and not census.earlier
    return {"seconds": seconds, "longest": longest, "done": done if whole else -1}


def _sealed(number: int, keys: SealKeys) -> dict[str, Any]:
    """A row of either table, with whatever the two need."""
    name = f"x{number:06}"
    return {
        "id": name,
        "sealed": keys.seal(f'{{"ANTHROPIC_API_KEY": "{"k" * 100}"}}', about=name),
        **dict.fromkeys(("received_at", "created_at"), NOW),
        **{name: {} for name in ("actor", "arguments", "origin", "plan", "result")},
        **dict.fromkeys(("line", "title", "subject", "cancelled_by", "thread_url", "prompt"), ""),
        **dict.fromkeys(("removing", "replan", "plan_only"), False),
        "command": "config",
        "status": RunStatus.ERRORED,
        "execution": 1,
        "plan_digest": "",
        "expected_s": 1,
    }


async def _verify(count: int) -> dict[str, float]:
    keys = parse_keys(generate_key())
    database = await _open("verify", keys)
    rows, before = [], "0" * 64
    for seq in range(1, count + 1):
        row = AuditRow(
            seq=seq,
            at=NOW,
            actor="slack:U0ADA00001",
            action="step.done",
            subject=f"acme-{seq % 1_000}",
            run_id="r2345678",
            detail={"step": "deploy", "result": {"id": f"deployment-{seq}"}},
        )
        before = link(before, row)
        rows.append({c.key: getattr(row, c.key) for c in AuditRow.__table__.columns})
        rows[-1]["hash"] = before
    async with database.write() as session:
        await session.execute(insert(AuditRow), rows)
        connection = await session.connection()
        await connection.run_sync(set_head, keys, count, before, new=False)
    began = time.perf_counter()
    async with database.write() as session:
        for _ in range(_ADDED):
            await append(session, at=NOW, actor="slack:U0ADA00001", action="step.done")
    added = (time.perf_counter() - began) / _ADDED
    began = time.perf_counter()
    check = await AuditTrail(database).verify()
    seconds = time.perf_counter() - began
    longest = 0.0

    async def others() -> None:
        nonlocal longest
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - started)

    waiting = asyncio.create_task(others())
    await AuditTrail(database).verify()
    waiting.cancel()
    await database.close()
    if check.broken_at is not None or check.rows != count + _ADDED:
        raise RuntimeError(f"the audit is not whole: {check}")
    return {"seconds": seconds, "longest": longest, "append": added}
