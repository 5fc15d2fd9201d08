"""How steps come along. Each change is durable before it is relied upon, with its event and its
audit row; those that come while others are being committed share the next transaction.

Runs side by side change their steps all the time, and what a transaction costs (its turn among
all writers, the look at the lease, the audit's end, the disk) is the same for one and for many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, update

from engine.store import audit
from engine.store.batches import Batches
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


class Progress:
    """One per process. What was handed over is committed also when nobody waits for it any more;
    `settled` returns when nothing is under way."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._batches = Batches(self._commit, name="progress")

    async def put(self, *changes: StepChange) -> None:
        """All of them durable on return, or none. Raises what the database raises, and
        LeaseLost."""
        await self._batches.put(changes)

    async def settled(self) -> None:
        await self._batches.settled()

    async def _commit(self, batch: Sequence[Sequence[StepChange]]) -> Sequence[None]:
        changes = [change for together in batch for change in together]
        await self._database.commit(lambda connection: self._write(connection, changes))
        self._feed.wake(*{change.run_id for change in changes})
        return [None] * len(batch)

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
