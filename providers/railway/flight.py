"""One reading for all who want the same at the same moment ("single flight")."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


@dataclass(eq=False)
class _Flight(Generic[T]):
    reading: asyncio.Task[T]
    of: int
    waiting: int = 0


class SingleFlight(Generic[T]):
    """While `read` is under way, whoever comes waits for that one instead of beginning another."""

    def __init__(self, read: Callable[[], Coroutine[None, None, T]]) -> None:
        self._read = read
        self._flight: _Flight[T] | None = None

    async def __call__(self, version: int) -> T:
        """What is read, or an error of one's own. Only those share a reading who came at the same
        `version` of the world, by their own count of changes: nobody gets what may be of before a
        change. It ends early when nobody waits for it any more.
        """
        flight = self._flight
        if flight is None or flight.of != version or flight.reading.done():
            flight = self._flight = _Flight(asyncio.create_task(self._read()), version)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.reading)
        except Exception as error:  # noqa: BLE001 - handed on, whatever it is
            raise _own(error) from error.__cause__
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.reading.cancel()
                if self._flight is flight:
                    self._flight = None


def _own(error: Exception) -> Exception:
    """The same once more: whoever catches it may write on it, and its trace grows on its way."""
    own = type(error).__new__(type(error), *error.args)
    own.__dict__.update(error.__dict__)
    return own.with_traceback(error.__traceback__)
