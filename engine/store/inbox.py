"""Accepted requests, and rights to read credentials."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.actor import Actor, Origin
from engine.control_plane import Disclosure, Request
from engine.errors import UnknownCommand
from engine.store import audit
from engine.store.batches import Batches
from engine.store.models import DeliveryRow, DisclosureRow, ReplicaRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from engine.clock import Clock
    from engine.registry import Registry
    from engine.secrets import SealKeys
    from engine.store.database import Database

log = logging.getLogger(__name__)

MOST_AT_HAND = 1_000


class Inbox:
    """Deliveries are told apart by the door's own id; a second one starts nothing."""

    def __init__(
        self,
        database: Database,
        keys: SealKeys,
        registry: Registry,
        clock: Clock,
        replica: str = "",
    ) -> None:
        self._database = database
        self._replica = replica
        self._keys = keys
        self._registry = registry
        self._clock = clock
        self._arrivals = Batches(self._add_all, name="arrivals")
        self._departures = Batches(self._close_all, name="departures")
        self._at_hand: OrderedDict[str, Request] = OrderedDict()
        """What this process accepted and did not open yet: it need not be read, where no other
        process could have taken it meanwhile."""
        self._left_alone: set[str] = set()

    async def add(self, request: Request) -> bool:
        """Durable on return; False when this delivery is known."""
        row = {
            "id": request.delivery,
            "received_at": self._clock.now(),
            "actor": request.actor.model_dump(mode="json"),
            "command": request.command.name,
            "arguments": request.command.model_dump(mode="json"),
            "origin": request.origin.model_dump(mode="json"),
            "plan_only": request.plan_only,
            "reply": self._keys.seal(request.reply, about=request.delivery)
            if request.reply
            else None,
            "prompt": request.prompt,
            "owner": self._replica,
            "sealed": self._keys.seal_all(request.command.secrets(), about=request.delivery),
        }
        is_new = await self._arrivals.put(row)
        if is_new and self._database.embedded:
            self._at_hand[request.delivery] = request
            while len(self._at_hand) > MOST_AT_HAND:
                self._at_hand.popitem(last=False)
        return is_new

    async def _add_all(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        """Which of them were new."""
        dialect = sqlite if self._database.embedded else postgresql
        statement = dialect.insert(DeliveryRow).on_conflict_do_nothing().returning(DeliveryRow.id)
        new = set(await self._database.put(statement, rows))
        first = {row["id"]: place for place, row in reversed(list(enumerate(rows)))}
        return [row["id"] in new and first[row["id"]] == n for n, row in enumerate(rows)]

    def untried(self, delivery: str) -> bool:
        """Whether this process accepted it, and nobody began to handle it: nothing came of it."""
        return delivery in self._at_hand

    async def open(self, delivery: str) -> Request | None:
        """The request when it still waits to be handled, and nobody else handles it: from now on
        it is ours."""
        if (request := self._at_hand.pop(delivery, None)) is not None:
            return request
        async with self._database.read() as session:
            row = await session.get(DeliveryRow, delivery)
        if row is not None and row.owner != self._replica and row.handled_at is None:
            async with self._database.write() as session:
                row = await session.get(DeliveryRow, delivery)
                if row is not None and await _abandoned(session, row.owner):
                    row.owner = self._replica
        if row is None or row.handled_at is not None or row.owner != self._replica:
            return None
        return self._request(row)

    async def under_way(self, delivery: str) -> bool:
        """Whether another process handles it just now."""
        async with self._database.read() as session:
            row = await session.get(DeliveryRow, delivery)
            return (
                row is not None
                and row.handled_at is None
                and row.owner != self._replica
                and not await _abandoned(session, row.owner)
            )

    async def close(self, delivery: str) -> None:
        """Handled: what was needed to answer is forgotten."""
        await self._departures.put(delivery)

    async def _close_all(self, deliveries: Sequence[str]) -> Sequence[None]:
        done = (
            update(DeliveryRow)
            .where(DeliveryRow.id.in_(deliveries), DeliveryRow.owner == self._replica)
            .values(handled_at=self._clock.now(), reply=None, sealed=None)
            .returning(DeliveryRow.id)
        )
        await self._database.put(done)
        return [None] * len(deliveries)

    async def pending(self) -> list[Request]:
        """Those that nobody handles, oldest first: their process is gone."""
        ownerless = or_(
            DeliveryRow.owner.is_(None), DeliveryRow.owner.not_in(select(ReplicaRow.id))
        )
        query = (
            select(DeliveryRow)
            .where(DeliveryRow.handled_at.is_(None), ownerless)
            .order_by(DeliveryRow.received_at)
        )
        async with self._database.read() as session:
            rows = await session.scalars(query)
            return [request for row in rows if (request := self._readable(row)) is not None]

    async def forget(self, before: datetime) -> int:
        """Drop the handled ones received before this moment."""
        old = delete(DeliveryRow).where(
            DeliveryRow.handled_at.is_not(None), DeliveryRow.received_at < before
        )
        async with self._database.write() as session:
            connection = await session.connection()
            return (await connection.execute(old)).rowcount

    async def disclosure(self, subject: str) -> Disclosure | None:
        """The newest one of this instance."""
        query = (
            select(DisclosureRow)
            .where(DisclosureRow.subject == subject)
            .order_by(DisclosureRow.opened_at.desc())
            .limit(1)
        )
        async with self._database.read() as session:
            row = await session.scalar(query)
        return self._disclosure(row) if row is not None else None

    async def disclosures(self) -> dict[str, Disclosure]:
        """The newest one of every instance."""
        newest = func.max(DisclosureRow.opened_at).over(partition_by=DisclosureRow.subject)
        ranked = select(DisclosureRow.run_id, newest.label("newest")).subquery()
        query = select(DisclosureRow).join(
            ranked,
            (DisclosureRow.run_id == ranked.c.run_id)
            & (DisclosureRow.opened_at == ranked.c.newest),
        )
        async with self._database.read() as session:
            return {row.subject: self._disclosure(row) for row in await session.scalars(query)}

    def _disclosure(self, row: DisclosureRow) -> Disclosure:
        return Disclosure(
            run_id=row.run_id,
            subject=row.subject,
            actor=row.actor,
            until=row.until,
            open=row.closed_at is None and row.until > self._clock.now(),
        )

    async def close_disclosure(self, actor: Actor, subject: str) -> None:
        now = self._clock.now()
        async with self._database.write() as session:
            await session.execute(
                update(DisclosureRow)
                .where(DisclosureRow.subject == subject, DisclosureRow.closed_at.is_(None))
                .values(closed_at=now)
            )
            await audit.append(
                session, at=now, actor=actor, action="credentials.forgotten", subject=subject
            )

    def _readable(self, row: DeliveryRow) -> Request | None:
        """None for a command that only another version knows: it is left to that one."""
        try:
            return self._request(row)
        except (UnknownCommand, ValidationError):
            if row.id not in self._left_alone:
                self._left_alone.add(row.id)
                log.warning("delivery %s is of another version: %s", row.id, row.command)
            return None

    def _request(self, row: DeliveryRow) -> Request:
        command = self._registry.load_command(row.command, row.arguments)
        return Request(
            delivery=row.id,
            actor=Actor.model_validate(row.actor),
            command=command.with_secrets(self._keys.open_all(row.sealed, about=row.id)),
            origin=Origin.model_validate(row.origin),
            plan_only=row.plan_only,
            reply=self._keys.open(row.reply, about=row.id) if row.reply else "",
            prompt=row.prompt,
        )


async def _abandoned(session: AsyncSession, owner: str | None) -> bool:
    return owner is None or await session.get(ReplicaRow, owner) is None
