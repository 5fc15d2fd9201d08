"""The processes that share a database, and what each of them has claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Interval, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from engine.errors import NotConfigured
from engine.lease import LeaseLost
from engine.store.database import session_name
from engine.store.models import AllowanceRow, ClaimRow, ReplicaRow, SlotRow
from engine.store.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

    from engine.secrets import SealKeys
    from engine.store.database import Database


_END_TRANSACTIONS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = ANY(:names) AND usename = current_user AND state <> 'idle'
""")
"""Postgres waits without end for a client that it has not heard to the end, as one that was frozen
among the statements of a pipeline, and keeps all its locks."""


async def living(database: Database) -> list[str]:
    """The processes that share a database now; nobody shares the embedded one."""
    if database.embedded:
        return []
    alive = select(ReplicaRow.id).where(ReplicaRow.until >= func.clock_timestamp())
    async with database.read() as session:
        return list(await session.scalars(alive.order_by(ReplicaRow.id)))


class Replicas:
    """This process among them: `engine.lease.Replica`. `check` is the lease's.

    The embedded database has one process at a time: nothing needs to be claimed, and whoever comes
    finds the rows of processes that are gone.
    """

    def __init__(
        self,
        database: Database,
        version: str,
        check: Callable[[], None] = lambda: None,
        keys: SealKeys | None = None,
    ) -> None:
        self._database = database
        self._keys = keys
        self.check = check
        self.count = 1
        self._version = version
        self._line: AsyncConnection | None = None
        self.id = database.client
        self.joined = False
        self.shared = not database.embedded
        self.signals = Signals(self.id)

    # ── the lease ─────────────────────────────────────────────────────────────────────────────

    async def join(self, lasts: timedelta) -> None:
        async with self._database.write() as session:
            if self._database.embedded:
                await session.execute(delete(ReplicaRow))
            await self._check_keys(session)
            row = ReplicaRow(id=self.id, version=self._version, until=self._ahead(lasts))
            row.keys = ",".join(self._keys.ids) if self._keys else None
            session.add(row)
        self.joined = True
        if not self._database.embedded:
            # One of its own, never replaced: that it breaks means that the database was away.
            self._line = await self._database.line()
            self._database.fence(self.id, self.signals)
            await self.signals.listen(await self._database.line(), self._database.on_lost)

    async def renew(self, lasts: timedelta) -> None:
        if self._line is None:
            return
        renewed = (
            update(ReplicaRow).where(ReplicaRow.id == self.id).values(until=self._ahead(lasts))
        )
        if (await self._line.execute(renewed)).rowcount != 1:
            raise LeaseLost(self.id)

    async def reap(self) -> int:
        if self._line is None:
            return 0
        over = ReplicaRow.until < func.clock_timestamp()
        async with self._database.read() as session:
            seen = (await session.execute(select(ReplicaRow.id, over))).all()
            self.count = len(seen)
            dead = [session_name(replica) for replica, is_over in seen if is_over]
            if not dead:
                return 0
            await session.execute(_END_TRANSACTIONS, {"names": dead})
        async with self._database.write() as session:
            gone = list(await session.scalars(select(ReplicaRow.id).where(over).with_for_update()))
            await session.execute(delete(ClaimRow).where(ClaimRow.owner.in_(gone)))
            await session.execute(delete(ReplicaRow).where(ReplicaRow.id.in_(gone)))
        return len(gone)

    async def leave(self) -> None:
        await self.signals.close()
        self._database.fence(None)
        async with self._database.write() as session:
            await session.execute(delete(ClaimRow).where(ClaimRow.owner == self.id))
            await session.execute(delete(ReplicaRow).where(ReplicaRow.id == self.id))
        self.joined = False
        if self._line is not None:
            await self._line.close()

    # ── claims ────────────────────────────────────────────────────────────────────────────────

    async def claim(self, name: str) -> bool:
        if self._database.embedded:
            return True
        async with self._database.read() as session:
            owner = await session.scalar(select(ClaimRow.owner).where(ClaimRow.name == name))
        if owner is not None:
            return owner == self.id
        async with self._database.write() as session:
            row = await session.get(ClaimRow, name)
            if row is None:
                row = ClaimRow(name=name, owner=self.id)
                session.add(row)
            return row.owner == self.id

    async def release(self, name: str) -> None:
        if self._database.embedded:
            return
        ours = delete(ClaimRow).where(ClaimRow.name == name, ClaimRow.owner == self.id)
        async with self._database.append() as session:
            await session.execute(ours)

    async def take_slot(self, tick: str, slot: int) -> bool:
        if self._database.embedded:
            return True
        async with self._database.read() as session:
            taken = await session.scalar(select(SlotRow.slot).where(SlotRow.tick == tick))
        if taken is not None and taken >= slot:
            return False
        async with self._database.write() as session:
            row = await session.get(SlotRow, tick)
            if row is not None and row.slot >= slot:
                return False
            await session.merge(SlotRow(tick=tick, slot=slot))
        return True

    # ── allowances ────────────────────────────────────────────────────────────────────────────

    async def spend(self, name: str, every: timedelta, *, burst: int = 1) -> timedelta:
        """The generic cell rate algorithm, in one statement that needs no other lock."""
        if self._database.embedded:
            return timedelta()
        now, ahead = func.clock_timestamp(), AllowanceRow.spent_until
        first = insert(AllowanceRow).values(name=name, spent_until=now + every)
        spent = first.on_conflict_do_update(
            index_elements=[AllowanceRow.name],
            set_={"spent_until": func.greatest(ahead, now) + every},
            where=ahead <= now + every * (burst - 1),
        ).returning(ahead)
        async with self._database.append() as session:
            if await session.scalar(spent) is not None:
                return timedelta()
            left = select(cast(ahead - now, Interval)).where(AllowanceRow.name == name)
            spent_for = await session.scalar(left) or timedelta()
        return max(spent_for - every * (burst - 1), timedelta(milliseconds=10))

    async def hold(self, name: str, duration: timedelta) -> None:
        if self._database.embedded:
            return
        until = func.clock_timestamp() + duration
        put = insert(AllowanceRow).values(name=name, spent_until=until)
        later = func.greatest(AllowanceRow.spent_until, until)
        async with self._database.append() as session:
            await session.execute(
                put.on_conflict_do_update(
                    index_elements=[AllowanceRow.name], set_={"spent_until": later}
                )
            )

    async def mark(self, name: str) -> None:
        await self.hold(name, timedelta())

    async def since(self, name: str) -> timedelta | None:
        if self._database.embedded:
            return None
        ago = select(cast(func.clock_timestamp() - AllowanceRow.spent_until, Interval))
        async with self._database.read() as session:
            return await session.scalar(ago.where(AllowanceRow.name == name))

    # ── signals ───────────────────────────────────────────────────────────────────────────────

    def on(self, topic: str, act: Callable[[str], None]) -> None:
        self.signals.on(topic, act)

    async def tell(self, topic: str, text: str = "") -> None:
        if self._database.embedded:
            return
        async with self._database.append() as session:
            await session.execute(self.signals.statement(topic, text))

    # ── the others ────────────────────────────────────────────────────────────────────────────

    async def others_differ(self) -> bool:
        """Whether another one runs other code."""
        query = select(ReplicaRow.id).where(ReplicaRow.version != self._version).limit(1)
        async with self._database.read() as session:
            return await session.scalar(query) is not None

    async def agree(self) -> None:
        """What this process signs must be known to the others, also when it does not join them.
        Raises NotConfigured."""
        if not self._database.embedded:
            async with self._database.read() as session:
                await self._check_keys(session)

    async def _check_keys(self, session: AsyncSession) -> None:
        """Whether each of us can read what the others seal. Raises NotConfigured."""
        mine = self._keys.ids if self._keys else ()
        others = select(ReplicaRow).where(
            ReplicaRow.keys.is_not(None), ReplicaRow.until >= self._ahead(timedelta())
        )
        for other in await session.scalars(others) if mine else ():
            theirs = (other.keys or "").split(",")
            if mine[0] in theirs and theirs[0] in mine:
                continue
            raise NotConfigured(
                f"The replica {other.id} and this one cannot read what the other seals.",
                why=f"This one seals with the master key {mine[0]}, that one with {theirs[0]};"
                " each has to know both.",
                who="Whoever runs luthien-ops gives all replicas the same LUTHIEN_MASTER_KEY. A"
                " new one comes behind the present one first (<present>,<new>, restart all), and"
                " in front of it with the next restart.",
                next_step="Set LUTHIEN_MASTER_KEY=<present>,<new> and restart",
            )

    def _ahead(self, lasts: timedelta) -> datetime | ColumnElement[datetime]:
        """By the database's clock, which all share."""
        if self._database.embedded:
            return datetime.now(UTC) + lasts
        return func.clock_timestamp() + lasts
