"""Many who wait for the same commit: what comes while one is under way goes with the next.

What a commit costs (the turn among all writers, the trips to the driver, the disk) is the same
for one and for many. Nobody waits for company: the first to come is committed at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, StatementError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

MOST_AT_ONCE = 100

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T, R]):
    """`commit` makes some durable and gives what became of each, in their order. What was handed
    over is committed also when nobody waits for it any more."""

    def __init__(
        self, commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]], *, name: str
    ) -> None:
        self._commit = commit
        self._name = name
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, what: T) -> R:
        """Durable on return. Raises what `commit` raises."""
        durable: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((what, durable))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all(), name=self._name)
        return await durable

    async def settled(self) -> None:
        """When nothing is under way."""
        if self._committing is not None:
            await self._committing

    async def _commit_all(self) -> None:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._waiting:
                batch = self._waiting[:MOST_AT_ONCE]
                del self._waiting[:MOST_AT_ONCE]
                await self._commit_some(batch)
        except asyncio.CancelledError:  # the process is ending: nobody must wait for ever
            for _, durable in (*batch, *self._waiting):
                durable.cancel()
            raise
        finally:
            self._committing = None

    async def _commit_some(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            became = await self._commit([what for what, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where each of them is waited for
            if len(batch) > 1 and _is_of_one(error):
                for one in batch:  # so that nobody suffers from another one's
                    await self._commit_some([one])
                return
            for _, durable in batch:
                if not durable.done():
                    durable.set_exception(error)
            return
        for (_, durable), outcome in zip(batch, became, strict=True):
            if not durable.done():
                durable.set_result(outcome)


def _is_of_one(error: Exception) -> bool:
    """Whether one of them cannot be stored, so that none was. Where the answer to a commit was
    lost they may all be stored, and storing them again would tell everything twice."""
    cannot_be_sent = type(error) is StatementError or isinstance(error, TypeError | ValueError)
    return cannot_be_sent or isinstance(error, IntegrityError | DataError)
