"""Granted roles in the database: the implementation of `engine.roles.Grants`."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from engine.actor import Role
from engine.mentions import mention
from engine.notices import Notice
from engine.roles import Grant, Somebody
from engine.store import audit, notices
from engine.store.models import GrantRow
from engine.store.signals import GRANTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Actor
    from engine.clock import Clock
    from engine.store.database import Database


class StoredGrants:
    """Durable when a method returns. They are asked for with whatever anybody does, before it is
    acknowledged, and change now and then: so they are kept in memory, and read again after every
    change of this process and every one that the others tell. `looked_at_every`: also after this
    time, where a process may change them that tells nobody (`luthien role` beside the servers)."""

    def __init__(
        self, database: Database, clock: Clock, looked_at_every: timedelta | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._every_s = looked_at_every.total_seconds() if looked_at_every else math.inf
        self._known: Sequence[Grant] | None = None
        self._until = 0.0
        self._changes = 0

    def changed(self) -> None:
        """What is known is of before."""
        self._known = None
        self._changes += 1

    async def all(self) -> Sequence[Grant]:
        if self._known is not None and self._clock.monotonic() < self._until:
            return self._known
        until, seen = self._clock.monotonic() + self._every_s, self._changes
        async with self._database.read() as session:
            found = await _all(session)
        if seen == self._changes:  # else this may be of before
            self._known, self._until = found, until
        return found

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[AsyncSession]:
        try:
            async with self._database.write() as session:
                yield session
                for signal in self._database.signal(GRANTS):
                    await session.execute(signal)
        finally:
            self.changed()

    async def put(self, grant: Grant, by: Actor, check: Callable[[Sequence[Grant]], None]) -> None:
        to, role = grant.to, grant.role.label
        async with self._change() as session:
            others = [known for known in await _all(session) if known.to.key != to.key]
            check([*others, grant])
            await session.merge(
                GrantRow(
                    grantee=to.key,
                    name=to.name,
                    is_group=to.is_group,
                    role=role,
                    by=grant.by,
                    at=grant.at,
                )
            )
            await self._tell(session, to, by, f"gave {{whom}} the role *{role}*")
            await self._audit(session, to, by, "role.grant", role=role)

    async def remove(
        self, to: Somebody, by: Actor, check: Callable[[Sequence[Grant]], None]
    ) -> None:
        async with self._change() as session:
            row = await session.get(GrantRow, to.key)
            if row is None:
                return
            check([known for known in await _all(session) if known.to.key != to.key])
            role = row.role
            await session.execute(delete(GrantRow).where(GrantRow.grantee == to.key))
            await self._tell(session, to, by, f"took the role *{role}* from {{whom}}")
            await self._audit(session, to, by, "role.revoke", role=role)

    async def _tell(self, session: AsyncSession, to: Somebody, by: Actor, said: str) -> None:
        """A person in private; a group where everybody reads, with a mention."""
        now = self._clock.now()
        text = f"{mention(by.key)} {said.format(whom=to.mention if to.is_group else 'you')}."
        notice = Notice(
            f"role:{to.key}:{now.isoformat()}",
            f"{text} `/luthien whoami` shows what that means.",
            to="" if to.is_group else to.key,
        )
        await notices.put(session, notice, now)

    async def _audit(
        self, session: AsyncSession, to: Somebody, by: Actor, action: str, *, role: str
    ) -> None:
        await audit.append(
            session,
            at=self._clock.now(),
            actor=by,
            action=action,
            subject=to.key,
            detail={"role": role, "name": to.name, "is_group": to.is_group},
        )


async def _all(session: AsyncSession) -> list[Grant]:
    rows = await session.scalars(select(GrantRow).order_by(GrantRow.at, GrantRow.grantee))
    return [
        Grant(Somebody(row.grantee, row.name, row.is_group), Role.parse(row.role), row.by, row.at)
        for row in rows
    ]
