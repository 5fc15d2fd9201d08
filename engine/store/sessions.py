"""Links and sessions of the web page: the implementation of `engine.sessions.Sessions`."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from engine.errors import Refused
from engine.sessions import AT_MOST, IDLE, LINK_LASTS, Link, Visitor
from engine.store import audit
from engine.store.models import SignInLinkRow, WebSessionRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Actor
    from engine.clock import Clock
    from engine.secrets import SealKeys
    from engine.store.database import Database

_BYTES = 32
_SEEN = timedelta(minutes=1)
"""A busy session is not written more often."""
_KEPT = timedelta(days=1)
"""How long a used or expired link can still be told apart from one that never was."""


class StoredSessions:
    """Durable when a method returns."""

    def __init__(self, database: Database, keys: SealKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def invite(self, actor: Actor) -> str:
        token, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        async with self._database.write() as session:
            await session.execute(
                delete(SignInLinkRow).where(SignInLinkRow.expires_at < now - _KEPT)
            )
            session.add(
                SignInLinkRow(
                    digest=self._links(token)[0],
                    actor=actor.key,
                    name=actor.name,
                    expires_at=now + LINK_LASTS,
                    sealed_by=self._keys.current_id,
                )
            )
            await audit.append(session, at=now, actor=actor, action="web.invited")
        return token

    async def invited(self, token: str) -> Link:
        async with self._database.read() as session:
            row = await self._link(session, token)
        return Link(Visitor(row.actor, row.name), row.expires_at)

    async def enter(self, token: str) -> str:
        new, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        async with self._database.write() as session:
            link = await self._link(session, token)
            unused = (SignInLinkRow.digest == link.digest) & SignInLinkRow.used_at.is_(None)
            taken = await session.scalar(
                update(SignInLinkRow)
                .where(unused)
                .values(used_at=now)
                .returning(SignInLinkRow.digest)
            )
            if taken is None:  # another process was faster
                raise _used_up()
            stale = (WebSessionRow.seen_at < now - IDLE) | (
                WebSessionRow.created_at < now - AT_MOST
            )
            await session.execute(delete(WebSessionRow).where(stale))
            session.add(
                WebSessionRow(
                    digest=self._sessions(new)[0],
                    actor=link.actor,
                    name=link.name,
                    created_at=now,
                    seen_at=now,
                    sealed_by=self._keys.current_id,
                )
            )
            await audit.append(session, at=now, actor=link.actor, action="web.signed_in")
        return new

    async def visitor(self, session: str) -> Visitor | None:
        now = self._clock.now()
        async with self._database.read() as reading:
            row = await self._session(reading, session)
        if row is None or now - row.seen_at >= IDLE or now - row.created_at >= AT_MOST:
            return None
        moves = row.sealed_by != self._keys.current_id
        if moves or now - row.seen_at >= _SEEN:
            async with self._database.write() as writing:
                kept = await self._session(writing, session)
                if kept is None:  # signed out just now
                    return None
                kept.seen_at = now
                kept.digest = self._sessions(session)[0]
                kept.sealed_by = self._keys.current_id
        return Visitor(row.actor, row.name)

    async def leave(self, session: str) -> None:
        async with self._database.write() as writing:
            row = await self._session(writing, session)
            if row is not None:
                await writing.delete(row)
                now = self._clock.now()
                await audit.append(writing, at=now, actor=row.actor, action="web.signed_out")

    async def _link(self, session: AsyncSession, token: str) -> SignInLinkRow:
        row = await session.scalar(
            select(SignInLinkRow).where(SignInLinkRow.digest.in_(self._links(token)))
        )
        if row is None:
            raise _dead("This link is not known here.", "It is not whole, or it is old.")
        if row.used_at is not None:
            raise _used_up()
        if row.expires_at <= self._clock.now():
            minutes = int(LINK_LASTS.total_seconds() // 60)
            raise _dead("This link has expired.", f"A link lets in for {minutes} minutes.")
        return row

    async def _session(self, session: AsyncSession, told: str) -> WebSessionRow | None:
        digests = self._sessions(told)
        return await session.scalar(select(WebSessionRow).where(WebSessionRow.digest.in_(digests)))

    def _links(self, token: str) -> tuple[str, ...]:
        return self._keys.digests(token, about="sign-in link")

    def _sessions(self, told: str) -> tuple[str, ...]:
        return self._keys.digests(told, about="web session")


def _used_up() -> Refused:
    return _dead("This link was used already.", "A link lets in once.")


def _dead(what: str, why: str) -> Refused:
    return Refused(
        what,
        why=why,
        who="You can ask for a new one in Slack, or where luthien-ops runs.",
        next_step="/luthien web",
    )
