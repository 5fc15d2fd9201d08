"""What is remembered, in the database: the implementation of `engine.memory.Memory`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.memory import Remembered, Revision
from engine.store.models import MemoryRow
from engine.store.notices import put

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.clock import Clock
    from engine.notices import Notice
    from engine.store.database import Database


class _Outrun(Exception):
    """Somebody else was faster."""


class StoredMemory:
    """Durable when a method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def recall(self, kind: str) -> Mapping[str, Remembered]:
        query = select(MemoryRow).where(MemoryRow.kind == kind)
        async with self._database.read() as session:
            rows = await session.scalars(query)
            return {row.key: Remembered(row.version, row.value) for row in rows}

    async def revise(self, revisions: Sequence[Revision], notices: Sequence[Notice] = ()) -> bool:
        if not revisions and not notices:
            return True
        try:
            async with self._database.write() as session:
                for revision in revisions:
                    await _apply(session, revision)
                for notice in notices:
                    await put(session, notice, self._clock.now())
        except (_Outrun, IntegrityError):
            return False
        return True


async def _apply(session: AsyncSession, revision: Revision) -> None:
    """Raises IntegrityError or _Outrun when the version seen is not the version there."""
    here = (
        MemoryRow.kind == revision.kind,
        MemoryRow.key == revision.key,
        MemoryRow.version == revision.seen,
    )
    if revision.value is None:
        done = await session.execute(delete(MemoryRow).where(*here))
    elif revision.seen == 0:
        new = {"kind": revision.kind, "key": revision.key, "version": 1}
        await session.execute(insert(MemoryRow).values(**new, value=dict(revision.value)))
        return
    else:
        changed = {"version": revision.seen + 1, "value": dict(revision.value)}
        done = await session.execute(update(MemoryRow).where(*here).values(**changed))
    if done.rowcount != 1:  # type: ignore[attr-defined] # of a statement that writes
        raise _Outrun
