"""Copies of whole databases: of SQLite files in use, and from one kind to another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, text

from engine.store import audit
from engine.store.audit_head import KEYED
from engine.store.models import (
    AllowanceRow,
    AuditHeadRow,
    ClaimRow,
    ReplicaRow,
    Row,
    SlotRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.store.database import Database

_OF_PROCESSES = {row.__tablename__ for row in (ReplicaRow, ClaimRow, SlotRow, AllowanceRow)}
"""They tell of running processes, and are empty where none runs."""
_AT_ONCE = 500
TABLES: tuple[Table, ...] = tuple(
    table for table in Row.metadata.sorted_tables if table.name not in _OF_PROCESSES
)
"""Whatever is worth keeping, those first that others refer to."""


class NotWhole(Exception):
    """A copy that cannot be trusted; says what is wrong with it."""


@dataclass(frozen=True)
class Copied:
    """How many rows of which table, audit rows among them."""

    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def snapshot(source: Path, target: Path) -> None:
    """One moment of a SQLite file that others may be writing to. Source: SQLite docs, backup."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")  # one file, without companions


def check_file(path: Path) -> None:
    """Raises NotWhole for what is no whole SQLite database."""
    try:
        with closing(sqlite3.connect(path)) as found:
            [[said]] = found.execute("PRAGMA integrity_check").fetchall()[:1]
    except sqlite3.DatabaseError as error:
        raise NotWhole(str(error)) from None
    if said != "ok":
        raise NotWhole(str(said))


def hangs_on_a_key(path: Path) -> bool:
    """Whether a SQLite file holds what a master key has signed or sealed; so does one that cannot
    be read, for all we know. One that is not there does not."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path)) as found:
            named = found.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            tables = sorted(KEYED & {name for [name] in named})
            queries = (f"SELECT 1 FROM {table} LIMIT 1" for table in tables)  # noqa: S608 (ours)
            return any(found.execute(query).fetchone() for query in queries)
    except sqlite3.Error:
        return True


async def is_empty(database: Database) -> bool:
    async with database.read() as session:
        filled = [table.name for table in TABLES if await _count(session, table)]
    return filled in ([], [AuditHeadRow.__tablename__])


async def copy(source: Database, target: Database) -> Copied:
    """Everything, in one transaction; both have the same schema. Raises NotWhole, and has then
    changed nothing."""
    async with source.read(one_moment=True) as here, target.write() as there:
        await there.execute(delete(AuditHeadRow))
        for table in TABLES:
            read = await here.stream(select(table))
            async for part in read.mappings().partitions(_AT_ONCE):
                await there.execute(insert(table), [dict(row) for row in part])
        if not target.embedded:
            await _go_on_counting(there)
        counted = {table.name: await _count(here, table) for table in TABLES}
        arrived = {table.name: await _count(there, table) for table in TABLES}
        if arrived != counted:
            raise NotWhole(f"{counted} rows became {arrived}")
        broken, before = await audit.first_break(there), await audit.first_break(here)
        if broken != before:
            raise NotWhole(f"the audit's row {broken} does not follow from the one before it")
    return Copied(counted)


async def _count(session: AsyncSession, table: Table) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0


async def _go_on_counting(session: AsyncSession) -> None:
    """Postgres numbers rows by sequences, which know nothing of rows that came with a number."""
    for table in TABLES:
        column = table.autoincrement_column
        if column is None:
            continue
        place = {"t": table.name, "c": column.name}
        sequence = await session.scalar(text("SELECT pg_get_serial_sequence(:t, :c)"), place)
        if sequence is not None:
            last = await session.scalar(select(func.max(column)))
            await session.execute(select(func.setval(sequence, last or 1, last is not None)))
