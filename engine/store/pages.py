"""Pages of what happened, newest first, in a time that does not grow with how much there is.

Each page is found in an index alone, and only its own rows are read. A database walks an index in
order for one value; of several values (the statuses of what is under way) it would read all rows
and sort them, so each value has a walk of its own, and the walks are merged.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, union_all

from engine.actor import Door
from engine.store.models import ApiKeyRow, AuditRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import InstrumentedAttribute

    Filters = Sequence[ColumnElement[bool]]

_SKEW = timedelta(hours=1)
"""How far apart the clocks of replicas may have been: rows are in order of commit, not of time."""


async def runs_page(
    session: AsyncSession,
    *,
    subject: str | None,
    statuses: Sequence[str],
    limit: int,
    before: int | None,
) -> Sequence[RunRow]:
    """`before`: only runs with a lower number."""
    filters: list[ColumnElement[bool]] = [] if before is None else [RunRow.number < before]
    if subject is not None:
        filters.append(RunRow.subject == subject)
        if statuses:
            filters.append(RunRow.status.in_(statuses))
        found = _newest(RunRow.number, None, (), filters, limit)
    else:
        found = _newest(RunRow.number, RunRow.status, statuses, filters, limit)
    page = select(RunRow).where(RunRow.number.in_(found)).order_by(RunRow.number.desc())
    return list(await session.scalars(page))


async def audit_page(
    session: AsyncSession,
    *,
    since: datetime | None,
    actor: str,
    subject: str,
    actions: Sequence[str],
    limit: int,
    skip: int,
) -> Sequence[AuditRow]:
    """`actor` is a whole key (`slack:U0ADA`) or only the id in it."""
    filters: list[ColumnElement[bool]] = []
    if since is not None:
        filters += [AuditRow.at >= since, AuditRow.seq >= await _first_since(session, since)]
    actors = await _keys(session, actor) if actor else []
    if actor and not actors:
        return []
    if actors:
        column, values = AuditRow.actor, actors
        if subject:
            filters.append(AuditRow.subject == subject)
        if actions:
            filters.append(AuditRow.action.in_(actions))
    elif subject:
        column, values = AuditRow.subject, [subject]
        if actions:
            filters.append(AuditRow.action.in_(actions))
    else:
        column, values = AuditRow.action, list(actions)
    if not values and not filters and skip:  # there are no gaps in it, so it need not be counted
        last = await session.scalar(select(func.max(AuditRow.seq))) or 0
        filters, skip = [AuditRow.seq <= last - skip], 0
    found = _newest(AuditRow.seq, column, values, filters, limit, skip)
    page = select(AuditRow).where(AuditRow.seq.in_(found)).order_by(AuditRow.seq.desc())
    return list(await session.scalars(page))


def _newest(
    number: InstrumentedAttribute[int],
    column: InstrumentedAttribute[str] | None,
    values: Sequence[str],
    filters: Filters,
    limit: int,
    skip: int = 0,
) -> Any:
    """The numbers of the rows that have one of these values (no values: of all rows)."""
    walk = select(number.label("number")).where(*filters).order_by(number.desc())
    walks = [walk.where(column == value) for value in values] if column is not None else []
    if len(walks) <= 1:
        page = (walks or [walk])[0].limit(limit).offset(skip).subquery()
    else:
        each = [select(one.limit(limit + skip).subquery().c.number) for one in walks]
        merged = union_all(*each).subquery()
        ordered = select(merged.c.number).order_by(merged.c.number.desc())
        page = ordered.limit(limit).offset(skip).subquery()
    return select(page.c.number)


async def _first_since(session: AsyncSession, since: datetime) -> int:
    first = select(AuditRow.seq).where(AuditRow.at >= since - _SKEW).order_by(AuditRow.at)
    found = await session.scalar(first.limit(1))
    return found if found is not None else 2**62


async def _keys(session: AsyncSession, actor: str) -> list[str]:
    """Which of the keys that it can mean were ever written, those of their API keys included."""
    possible = [actor] if ":" in actor else [actor, *(f"{door}:{actor}" for door in Door)]
    made = select(ApiKeyRow.id).where(ApiKeyRow.creator.in_(possible))
    possible += [f"{Door.API}:{key_id}" for key_id in await session.scalars(made)]
    written = {key: select(AuditRow.seq).where(AuditRow.actor == key).limit(1) for key in possible}
    return [key for key, row in written.items() if await session.scalar(row) is not None]
