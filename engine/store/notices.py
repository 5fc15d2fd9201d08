"""Notices in the database: the implementation of `engine.notices.Notices`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select

from engine.answer import Offer, Part
from engine.notices import Notice, Waiting
from engine.store.models import NoticeRow

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.clock import Clock
    from engine.store.database import Database


class StoredNotices:
    """Durable when a method returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def announce(self, notice: Notice) -> None:
        async with self._database.write() as session:
            await put(session, notice, self._clock.now())

    async def withdraw(self, prefix: str, *, keep: Collection[str]) -> None:
        stale = (
            NoticeRow.key.startswith(prefix, autoescape=True),
            NoticeRow.told_at.is_(None),
            NoticeRow.key.not_in(list(keep)),
        )
        async with self._database.read() as session:
            if await session.scalar(select(NoticeRow.key).where(*stale).limit(1)) is None:
                return
        async with self._database.write() as session:
            await session.execute(delete(NoticeRow).where(*stale))

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        query = select(NoticeRow).where(
            NoticeRow.key.in_(list(keys)), NoticeRow.told_at.is_not(None)
        )
        async with self._database.read() as session:
            rows = await session.scalars(query)
            return {row.key: row.told_at for row in rows if row.told_at is not None}

    async def untold(self) -> Sequence[Waiting]:
        query = select(NoticeRow).where(NoticeRow.told_at.is_(None)).order_by(NoticeRow.at)
        async with self._database.read() as session:
            return [Waiting(_notice(row), row.at) for row in await session.scalars(query)]

    async def tell(self, key: str) -> None:
        async with self._database.write() as session:
            row = await session.get(NoticeRow, key)
            if row is not None and row.told_at is None:
                row.told_at = self._clock.now()


async def put(session: AsyncSession, notice: Notice, at: datetime) -> None:
    """Have it told, unless it was; while it waits its words are replaced."""
    words: dict[str, Any] = {
        "text": notice.text,
        "offers": [offer.model_dump(mode="json") for offer in notice.offers],
        "parts": [part.model_dump(mode="json") for part in notice.parts],
        "channel": notice.channel,
        "thread": notice.thread,
        "broadcast": notice.broadcast,
        "addressee": notice.to,
    }
    row = await session.get(NoticeRow, notice.key)
    if row is None:
        session.add(NoticeRow(key=notice.key, at=at, **words))
    elif row.told_at is None:
        for name, value in words.items():
            setattr(row, name, value)


_PARTS: TypeAdapter[tuple[Part, ...]] = TypeAdapter(tuple[Part, ...])


def _notice(row: NoticeRow) -> Notice:
    return Notice(
        key=row.key,
        text=row.text,
        offers=tuple(map(Offer.model_validate, row.offers)),
        parts=_PARTS.validate_python(row.parts),
        channel=row.channel,
        thread=row.thread,
        broadcast=row.broadcast,
        to=row.addressee,
    )
