"""Forgets what has been over for long. The audit is never forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select

from engine.run import RunStatus
from engine.store.models import AuditRow, LockRow, NoticeRow, Row, RunRow, ToldRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Table

    from engine.store.database import Database

BATCH = 200
"""Runs in one transaction, so that nobody else waits for long."""
NO_RUN = "notice"
"""Stands where the id of a run would, in what is kept of a notice's message."""
_OVER = [status for status in RunStatus if status.over]
_KEPT = (AuditRow.__tablename__, LockRow.__tablename__)


class Forgetting:
    """Writes nothing where there is nothing to forget."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self.batch = batch

    async def runs(self, before: datetime) -> int:
        """Runs that ended before then, with everything that is kept about them; those that still
        hold a lock are somebody's business. Returns how many."""
        forgotten = 0
        old = (
            select(RunRow.id)
            .where(
                RunRow.ended_at < before,
                RunRow.status.in_(_OVER),
                RunRow.id.not_in(select(LockRow.run_id)),
            )
            .limit(self.batch)
        )
        while True:
            async with self._database.read() as session:
                ids = list(await session.scalars(old))
            if not ids:
                return forgotten
            async with self._database.write() as session:
                for table in _about_runs():
                    await session.execute(delete(table).where(table.c.run_id.in_(ids)))
                await session.execute(delete(RunRow).where(RunRow.id.in_(ids)))
            forgotten += len(ids)

    async def notices(self, before: datetime) -> int:
        """Those told before then, and those that nobody could be told in all that time."""
        stale = or_(NoticeRow.told_at < before, NoticeRow.at < before)
        async with self._database.read() as session:
            keys = list(await session.scalars(select(NoticeRow.key).where(stale)))
        for at in range(0, len(keys), self.batch):
            some = keys[at : at + self.batch]
            async with self._database.write() as session:
                await session.execute(
                    delete(ToldRow).where(ToldRow.run_id == NO_RUN, ToldRow.key.in_(some))
                )
                await session.execute(delete(NoticeRow).where(NoticeRow.key.in_(some)))
        return len(keys)


def _about_runs() -> list[Table]:
    """Every table that has rows about runs, those that refer to others first."""
    tables = reversed(Row.metadata.sorted_tables)
    return [t for t in tables if "run_id" in t.c and t.name not in _KEPT]
