"""What the master keys have sealed, and its sealing anew: `engine.keyring.Keyring`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal_column, select

from engine.errors import NotConfigured
from engine.keyring import Census, Resealed, Waiting, not_ours
from engine.secrets import KEY_ID_BYTES, generate_key
from engine.sessions import AT_MOST, IDLE
from engine.store.audit_head import KNOWN, set_head, signer
from engine.store.models import ApiKeyRow, DeliveryRow, RunRow, SignInLinkRow, WebSessionRow

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.clock import Clock
    from engine.keyring import KeyPlace
    from engine.secrets import SealKeys
    from engine.store.database import Database

SETTING = "LUTHIEN_MASTER_KEY"
AT_ONCE = 200
"""Values in one transaction, so that nobody else waits for long."""


@dataclass(frozen=True)
class _Column:
    """Holds sealed values, each about its row's id."""

    row: type[DeliveryRow] | type[RunRow]
    name: str

    @property
    def value(self) -> ColumnElement[bytes | None]:
        column: ColumnElement[bytes | None] = getattr(self.row, self.name)
        return column

    @property
    def key_id(self) -> ColumnElement[bytes]:
        """Written out, so that Postgres sees that it is what rows are grouped by."""
        return func.substr(self.value, literal_column("1"), literal_column(str(KEY_ID_BYTES)))


SEALED = (
    _Column(DeliveryRow, "reply"),
    _Column(DeliveryRow, "sealed"),
    _Column(RunRow, "sealed"),
)
"""Every column that holds sealed values; a test compares."""


class StoredKeyring:
    """`place` is None where the keys are a setting."""

    def __init__(
        self, database: Database, keys: SealKeys, place: KeyPlace | None, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._place = place
        self._clock = clock

    async def census(self) -> Census:
        current, *earlier = self._keys.ids
        async with self._database.read() as session:
            head = (await session.execute(KNOWN)).first()
            alive = await self._alive(session)
            # Keys of before it was written down whose they are may be anybody's.
            lost = [row.name for row in alive if row.sealed_by not in (None, *self._keys.ids)]
            return Census(
                current=current,
                earlier=tuple(earlier),
                where=self._place.where if self._place else SETTING,
                ours=self._place is not None,
                sealed=await _sealed(session),
                api_keys=len(alive) - len(lost),
                lost_api_keys=tuple(lost),
                signed_by=signer(self._keys, head) if head else "",
                waiting=await self._waiting(session),
            )

    async def renew(self, replacing: str) -> str:
        if self._keys.current_id != replacing:
            return self._keys.current_id
        if self._place is None:
            raise not_ours(SETTING)
        text = self._keys.led_by(generate_key())
        self._place.keep(text)
        self._keys.become(text)
        return self._keys.current_id

    async def reseal(self, after: str = "") -> Resealed:
        place, _, last = after.partition(":")
        done = unreadable = 0
        for index, column in list(enumerate(SEALED))[int(place or 0) :]:
            async with self._database.write() as session:
                rows = list(await session.scalars(self._stale(column, last)))
                for row in rows:
                    value = self._again(row, column)
                    if value is None:
                        unreadable += 1
                        continue
                    setattr(row, column.name, value)
                    done += 1
            if rows:
                return Resealed(done, unreadable, f"{index}:{rows[-1].id}")
            last = ""
        await self._sign_anew()
        return Resealed(done, unreadable, "")

    async def retire(self) -> tuple[str, ...]:
        if self._place is None or len(self._keys.ids) == 1:
            return ()
        await self._sign_anew()
        census = await self.census()
        if not census.idle:
            return ()
        text = self._keys.without(census.earlier)
        self._place.keep(text)
        self._keys.become(text)
        return census.earlier

    async def _sign_anew(self) -> None:
        """The audit's end, where an earlier key has signed it and nothing was added since. One
        that none of ours has signed is left as it is."""
        async with self._database.write() as session:
            head = (await session.execute(KNOWN)).first()
            if head is not None and signer(self._keys, head) in self._keys.ids[1:]:
                connection = await session.connection()
                await connection.run_sync(set_head, self._keys, head.seq, head.hash, new=False)

    def _stale(self, column: _Column, last: str) -> Select[Any]:
        """Values that an earlier key of ours has sealed, of rows behind that one."""
        earlier = [bytes.fromhex(key) for key in self._keys.ids[1:]]
        return (
            select(column.row)
            .where(column.key_id.in_(earlier), column.row.id > last)
            .order_by(column.row.id)
            .limit(AT_ONCE)
        )

    def _again(self, row: DeliveryRow | RunRow, column: _Column) -> bytes | None:
        """None for a damaged one."""
        try:
            value = self._keys.open(getattr(row, column.name), about=row.id)
        except NotConfigured:
            return None
        return self._keys.seal(value, about=row.id)

    async def _alive(self, session: AsyncSession) -> list[ApiKeyRow]:
        alive = (ApiKeyRow.revoked_at.is_(None)) & (ApiKeyRow.expires_at > self._clock.now())
        return list(await session.scalars(select(ApiKeyRow).where(alive)))

    async def _waiting(self, session: AsyncSession) -> tuple[Waiting, ...]:
        current, now = self._keys.current_id, self._clock.now()
        if len(self._keys.ids) == 1:
            return ()
        found = [
            Waiting(f"API key {row.name}", row.expires_at)
            for row in await self._alive(session)
            if row.sealed_by in (None, *self._keys.ids[1:])
        ]
        links = select(SignInLinkRow).where(
            SignInLinkRow.used_at.is_(None), SignInLinkRow.expires_at > now
        )
        found += [
            Waiting(f"sign-in link of {row.name}", row.expires_at)
            for row in await session.scalars(links)
            if row.sealed_by != current
        ]
        visits = select(WebSessionRow).where(
            WebSessionRow.seen_at > now - IDLE, WebSessionRow.created_at > now - AT_MOST
        )
        found += [
            Waiting(
                f"web page session of {row.name}",
                min(row.seen_at + IDLE, row.created_at + AT_MOST),
            )
            for row in await session.scalars(visits)
            if row.sealed_by != current
        ]
        return tuple(found)


async def _sealed(session: AsyncSession) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for column in SEALED:
        query = (
            select(column.key_id, func.count())
            .where(column.value.is_not(None))
            .group_by(column.key_id)
        )
        for key_id, count in await session.execute(query):
            counted[bytes(key_id).hex()] += count
    return dict(counted)
