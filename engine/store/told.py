"""What was told about runs: the implementation of `engine.told.Told`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.approvals import StoredApprovals
from engine.store.models import EventRow, NarrationRow, RunRow, ToldRow
from engine.told import Post, PostState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Executable

    from engine.clock import Clock
    from engine.store.database import Database
    from engine.store.models import Row

_ROOT = "root"


class StoredTold:
    """Durable when a method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._approvals = StoredApprovals(database)

    async def posts(self, run_id: str) -> Mapping[str, Post]:
        query = select(ToldRow).where(ToldRow.run_id == run_id)
        async with self._database.read() as session:
            return {row.key: _post(row) for row in await session.scalars(query)}

    async def at(self, channel: str, ts: str) -> Post | None:
        query = select(ToldRow).where(ToldRow.ts == ts, ToldRow.channel == channel).limit(1)
        async with self._database.read() as session:
            row = await session.scalar(query)
        return _post(row) if row else None

    async def put(self, post: Post) -> None:
        kept = self._put(
            ToldRow,
            ("run_id", "key"),
            run_id=post.run_id,
            key=post.key,
            channel=post.channel,
            ts=post.ts,
            state=post.state,
            digest=post.digest,
            url=post.url,
            at=self._clock.now(),
        )
        async with self._database.write() as session:
            await session.execute(kept)
            if post.key == _ROOT and post.url:
                await session.execute(
                    update(RunRow).where(RunRow.id == post.run_id).values(thread_url=post.url)
                )

    async def cursor(self, run_id: str) -> int:
        async with self._database.read() as session:
            row = await session.get(NarrationRow, run_id)
        return row.seq if row else 0

    async def finish(self, run_id: str, seq: int) -> None:
        async with self._database.write() as session:
            await session.execute(self._put(NarrationRow, ("run_id",), run_id=run_id, seq=seq))

    def _put(self, table: type[Row], known_by: tuple[str, ...], **values: Any) -> Executable:
        """One statement, whether there is such a row or not: every message goes through here."""
        insert = sqlite.insert if self._database.embedded else postgresql.insert
        new = insert(table).values(**values)
        changed = {name: new.excluded[name] for name in values if name not in known_by}
        return new.on_conflict_do_update(index_elements=known_by, set_=changed)

    async def untold_approvals(self) -> Sequence[str]:
        return await self._approvals.untold()

    async def told_approval(self, run_id: str, revision: int) -> None:
        await self._approvals.tell(run_id, revision)

    async def unfinished(self) -> Sequence[str]:
        told = func.coalesce(NarrationRow.seq, 0)
        query = (
            select(EventRow.run_id)
            .outerjoin(NarrationRow, NarrationRow.run_id == EventRow.run_id)
            .where(EventRow.seq > told)
            .group_by(EventRow.run_id)
            .order_by(func.min(EventRow.seq))
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))


def _post(row: ToldRow) -> Post:
    return Post(
        run_id=row.run_id,
        key=row.key,
        channel=row.channel,
        state=PostState(row.state),
        digest=row.digest,
        ts=row.ts,
        url=row.url,
    )
