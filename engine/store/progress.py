"""How steps come along. Each change is durable before it is relied upon, with its event and its
audit row; those that come while others are being committed share the next transaction.

Runs side by side change their steps all the time, and what a transaction costs (its turn among
all writers, the look at the lease, the audit's end, the disk) is the same for one and for many.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from engine.store import audit
from engine.store.models import EventRow, StepRow, table_of
from engine.store.signals import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from engine.feed import Feed
    from engine.run import EventKind, StepStatus
    from engine.step import Result
    from engine.store.database import Database

MOST_AT_ONCE = 100

_STEPS = table_of(StepRow)
_STEP = (
    update(_STEPS)
    .where(_STEPS.c.run_id == bindparam("of_run"), _STEPS.c.key == bindparam("of_step"))
    .values(
        {
            name: bindparam(name)
            for name in ("status", "attempts", "started_at", "ended_at", "result")
        }
    )
)
_EVENT = insert(table_of(EventRow))


@dataclass(frozen=True)
class StepChange:
    """What a step is from now on, what is told about it, and what the audit keeps."""

    run_id: str
    key: str
    status: StepStatus
    attempts: int
    at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    result: Result = field(default_factory=dict)
    event: EventKind | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    fact: audit.Fact | None = None


_Unit = tuple[tuple[StepChange, ...], asyncio.Future[None]]
"""What is durable together, and whoever waits for it."""


class Progress:
    """One per process. What was handed over is committed also when nobody waits for it any more;
    `settled` returns when nothing is under way."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._waiting: list[_Unit] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, *changes: StepChange) -> None:
        """All of them durable on return, or none. Raises what the database raises, and
        LeaseLost."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((changes, durable))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all(), name="progress")
        await durable

    async def settled(self) -> None:
        if self._committing is not None:
            await self._committing

    async def _commit_all(self) -> None:
        batch: list[_Unit] = []
        try:
            while self._waiting:
                batch = self._waiting[:MOST_AT_ONCE]
                del self._waiting[:MOST_AT_ONCE]
                await self._commit(batch)
        except asyncio.CancelledError:  # the process is ending: nobody must wait for ever
            for _, durable in (*batch, *self._waiting):
                durable.cancel()
            raise
        finally:
            self._committing = None

    async def _commit(self, batch: Sequence[_Unit]) -> None:
        try:
            changes = [change for changes, _ in batch for change in changes]
            await self._database.commit(lambda connection: self._write(connection, changes))
        except Exception as error:  # noqa: BLE001 - it is raised where each of them is waited for
            if len(batch) > 1 and _is_of_one(error):
                for one in batch:  # so that nobody suffers from another one's
                    await self._commit([one])
                return
            for _, durable in batch:
                if not durable.done():
                    durable.set_exception(error)
            return
        for _, durable in batch:
            if not durable.done():
                durable.set_result(None)
        self._feed.wake()

    def _write(self, connection: Connection, changes: Sequence[StepChange]) -> None:
        connection.execute(
            _STEP,
            [
                {
                    "of_run": c.run_id,
                    "of_step": c.key,
                    "status": c.status,
                    "attempts": c.attempts,
                    "started_at": c.started_at,
                    "ended_at": c.ended_at,
                    "result": c.result,
                }
                for c in changes
            ],
        )
        events = [
            {"run_id": c.run_id, "at": c.at, "kind": c.event, "step": c.key, "data": dict(c.told)}
            for c in changes
            if c.event is not None
        ]
        if events:
            connection.execute(_EVENT, events)
        audit.add(connection, self._database.keys, [c.fact for c in changes if c.fact is not None])
        for signal in self._database.signal(EVENTS):
            connection.execute(signal)


def _is_of_one(error: Exception) -> bool:
    """Whether one of the changes cannot be stored, so that none was. Where the answer to a commit
    was lost they may all be stored, and storing them again would tell everything twice."""
    cannot_be_sent = type(error) is StatementError or isinstance(error, TypeError | ValueError)
    return cannot_be_sent or isinstance(error, IntegrityError | DataError)
