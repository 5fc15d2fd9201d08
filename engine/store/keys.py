"""API keys in the database: the implementation of `engine.keys.ApiKeys`.

A key is 256 random bits, so nobody can guess it from its hash, however fast the hash: a slow one
made for passwords would only slow down every call. The hash is keyed with the master key, so that
whoever can write the database alone cannot put a key of their own there.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from engine.actor import Role
from engine.errors import AlreadyExists, NotFound
from engine.keys import ApiKey
from engine.store import audit
from engine.store.models import ApiKeyRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.actor import Actor
    from engine.clock import Clock
    from engine.secrets import SealKeys
    from engine.store.database import Database

PREFIX = "luthien"
"""A key's text is `luthien_<id>_<secret>`: scanners for leaked secrets can know it."""
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LETTERS = 8
_SECRET_BYTES = 32
_USED = timedelta(minutes=1)
"""A busy key's last use is not written more often."""


class StoredKeys:
    """Durable and audited when a method returns."""

    def __init__(self, database: Database, keys: SealKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    async def create(
        self, name: str, role: Role, creator: Actor, expires_at: datetime
    ) -> tuple[ApiKey, str]:
        key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LETTERS))
        text = f"{PREFIX}_{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        now = self._clock.now()
        async with self._database.write() as session:
            for row in await _named(session, name):
                if _key(row).alive(now):
                    raise AlreadyExists(
                        f"There is a key named `{name}` already.",
                        why=f"{row.creator_name} made it; its id is {row.id}.",
                        who="You can choose another name, or revoke that key first.",
                        next_step=f"/luthien apikey revoke {name}",
                    )
            row = ApiKeyRow(
                id=key_id,
                name=name,
                role=int(role),
                digest=self._keys.digests(text, about=_about(key_id))[0],
                sealed_by=self._keys.current_id,
                creator=creator.key,
                creator_name=creator.name,
                created_at=now,
                expires_at=expires_at,
            )
            session.add(row)
            await audit.append(
                session,
                at=now,
                actor=creator,
                action="apikey.created",
                subject=f"key:{name}",
                detail={"id": key_id, "role": role.label, "expires_at": expires_at.isoformat()},
            )
            return _key(row), text

    async def all(self) -> Sequence[ApiKey]:
        query = select(ApiKeyRow).order_by(ApiKeyRow.created_at.desc())
        async with self._database.read() as session:
            return [_key(row) for row in await session.scalars(query)]

    async def find(self, wanted: str) -> ApiKey:
        async with self._database.read() as session:
            row = await session.get(ApiKeyRow, wanted)
            found = [_key(row)] if row else [_key(row) for row in await _named(session, wanted)]
        if not found:
            raise _unknown(wanted)
        now = self._clock.now()
        return next((key for key in found if key.alive(now)), found[0])

    async def maker(self, key_id: str) -> str:
        async with self._database.read() as session:
            row = await session.get(ApiKeyRow, key_id)
        return row.creator if row else ""

    async def revoke(self, actor: Actor, key_id: str) -> ApiKey:
        now = self._clock.now()
        async with self._database.write() as session:
            row = await session.get(ApiKeyRow, key_id)
            if row is None:
                raise _unknown(key_id)
            if row.revoked_at is None:
                row.revoked_at = now
                await audit.append(
                    session,
                    at=now,
                    actor=actor,
                    action="apikey.revoked",
                    subject=f"key:{row.name}",
                    detail={"id": key_id},
                )
            return _key(row)

    async def check(self, presented: str) -> ApiKey | None:
        _, _, rest = presented.partition("_")
        key_id, _, _ = rest.partition("_")
        async with self._database.read() as session:
            row = await session.get(ApiKeyRow, key_id) if key_id else None
        if row is None or not self._is(row, presented):
            return None
        now = self._clock.now()
        if not _key(row).alive(now):
            return None
        moves = row.sealed_by != self._keys.current_id
        if moves or row.used_at is None or now - row.used_at >= _USED:
            async with self._database.write() as session:
                kept = await session.get_one(ApiKeyRow, key_id)
                kept.used_at = now
                kept.digest = self._keys.digests(presented, about=_about(key_id))[0]
                kept.sealed_by = self._keys.current_id
        return _key(row)

    def _is(self, row: ApiKeyRow, presented: str) -> bool:
        """In constant time, under the present master key or, in a rotation, one before it."""
        candidates = self._keys.digests(presented, about=_about(row.id))
        return any(secrets.compare_digest(row.digest, digest) for digest in candidates)


async def _named(session: AsyncSession, name: str) -> list[ApiKeyRow]:
    query = select(ApiKeyRow).where(ApiKeyRow.name == name).order_by(ApiKeyRow.created_at.desc())
    return list(await session.scalars(query))


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        creator=row.creator,
        creator_name=row.creator_name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )


def _about(key_id: str) -> str:
    return f"api key {key_id}"


def _unknown(wanted: str) -> NotFound:
    return NotFound(
        f"There is no API key `{wanted}`.",
        why="Neither a key's id nor a key's name is so.",
        who="You can look at the keys that there are.",
        next_step="/luthien apikey list",
    )
