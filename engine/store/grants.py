"""Granted roles in the database: the implementation of `engine.roles.Grants`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from engine.actor import Role
from engine.notices import Notice
from engine.roles import Grant, Somebody, mention
from engine.store import audit, notices
from engine.store.models import GrantRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Actor
    from engine.clock import Clock
    from engine.store.database import Database


class StoredGrants:
    """Durable when a method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> Sequence[Grant]:
        async with self._database.read() as session:
            return await _all(session)

    async def put(self, grant: Grant, by: Actor, check: Callable[[Sequence[Grant]], None]) -> None:
        to, role = grant.to, grant.role.label
        async with self._database.write() as session:
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
        async with self._database.write() as session:
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
            actor=by.key,
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
