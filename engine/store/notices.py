"""Notices in the database: the implementation of `engine.notices.Notices`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from sqlalchemy import String, cast, delete, or_, select

from engine.answer import Offer, Part
from engine.notices import Notice, Waiting, amended
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

    async def withdraw(self, prefix: str, *, keep: Collection[str], remark: str) -> None:
        untold = NoticeRow.told_at.is_(None) & ~NoticeRow.withdrawn
        offering = cast(NoticeRow.offers, String) != "[]"
        over = (
            NoticeRow.key.startswith(prefix, autoescape=True),
            NoticeRow.key.not_in(list(keep)),
            or_(untold, offering) if remark else untold,
        )
        async with self._database.read() as session:
            if await session.scalar(select(NoticeRow.key).where(*over).limit(1)) is None:
                return
        async with self._database.write() as session:
            for row in await session.scalars(select(NoticeRow).where(*over)):
                _withdraw(row, remark)

    async def forget(self, key: str) -> None:
        ours = NoticeRow.key == key
        untold = NoticeRow.withdrawn & NoticeRow.told_at.is_(None)
        async with self._database.write() as session:
            await session.execute(delete(NoticeRow).where(ours, untold))

    async def offering(self, word: str) -> Sequence[Notice]:
        having = cast(NoticeRow.offers, String).contains(word, autoescape=True)
        query = select(NoticeRow).where(having)
        async with self._database.read() as session:
            found = [_notice(row) for row in await session.scalars(query)]
        return [n for n in found if any(word in o.line.split() for o in n.offers)]

    async def amend(self, key: str, offers: Collection[Offer], remark: str) -> None:
        async with self._database.write() as session:
            row = await session.get(NoticeRow, key)
            if row is not None:
                _amend(row, offers, remark)

    async def told(self, keys: Collection[str]) -> Mapping[str, datetime]:
        query = select(NoticeRow).where(
            NoticeRow.key.in_(list(keys)), NoticeRow.told_at.is_not(None)
        )
        async with self._database.read() as session:
            rows = await session.scalars(query)
            return {row.key: row.told_at for row in rows if row.told_at is not None}

    async def untold(self) -> Sequence[Waiting]:
        query = select(NoticeRow).where(or_(NoticeRow.told_at.is_(None), NoticeRow.amended))
        async with self._database.read() as session:
            return [
                Waiting(
                    _notice(row),
                    row.at,
                    told=row.told_at is not None,
                    withdrawn=row.withdrawn and row.told_at is None,
                )
                for row in await session.scalars(query.order_by(NoticeRow.at))
            ]

    async def tell(self, notice: Notice) -> None:
        async with self._database.write() as session:
            row = await session.get(NoticeRow, notice.key)
            if row is None:
                return
            row.told_at = row.told_at or self._clock.now()
            if _notice(row) == notice:  # else it was amended while it was told
                row.amended = False


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
        session.add(NoticeRow(key=notice.key, at=at, amended=False, withdrawn=False, **words))
    elif row.told_at is None:
        row.withdrawn = False
        for name, value in words.items():
            setattr(row, name, value)


async def amend_all(session: AsyncSession, prefix: str, remark: str) -> None:
    """All that has this prefix and was told offers nothing any more; the rest is not told."""
    ours = NoticeRow.key.startswith(prefix, autoescape=True)
    untold, offering = NoticeRow.told_at.is_(None), cast(NoticeRow.offers, String) != "[]"
    for row in await session.scalars(select(NoticeRow).where(ours, or_(untold, offering))):
        _withdraw(row, remark)


def _withdraw(row: NoticeRow, remark: str) -> None:
    """One that was not told is not deleted: it may be on its way to people at this moment, and
    then somebody has to take its buttons away."""
    row.withdrawn = row.told_at is None
    if remark:
        _amend(row, (), remark)


def _amend(row: NoticeRow, offers: Collection[Offer], remark: str) -> None:
    notice = amended(_notice(row), offers, remark)
    row.offers = [offer.model_dump(mode="json") for offer in notice.offers]
    row.parts = [part.model_dump(mode="json") for part in notice.parts]
    row.amended = True


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
