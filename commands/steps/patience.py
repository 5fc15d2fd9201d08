"""Looking at the world before changing it: patiently, where an answer was lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from engine.step import StepContext

T = TypeVar("T")

LOST_WRITE_SHOWS_WITHIN = timedelta(seconds=90)
"""How long something whose creation got no answer may take to show.
Source: terraform-provider-railway (jamesprnich), which budgets 90 s for read-back."""

_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(seconds=15)


def waits(total: timedelta, *, longest: timedelta = _LONGEST) -> Iterator[timedelta]:
    """Doubling waits from one second up to `longest` that add up to `total`."""
    wait, left = _FIRST, total
    while left > timedelta():
        wait = min(wait, left)
        yield wait
        left -= wait
        wait = min(wait * 2, longest)


async def look(
    ctx: StepContext,
    find: Callable[[], Awaitable[T | None]],
    *,
    within: timedelta = LOST_WRITE_SHOWS_WITHIN,
) -> T | None:
    """What `find` finds: asked once, or again and again while an earlier try is in doubt."""
    found = await find()
    if found is not None or not ctx.uncertain:
        return found
    for wait in waits(within):
        await ctx.note("Looking for what the interrupted try may have made")
        await ctx.pause(wait)
        found = await find()
        if found is not None:
            return found
    return None
