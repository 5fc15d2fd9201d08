"""What a part of the bot does for as long as it runs, whatever breaks in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from engine.control_plane import ControlPlane
    from engine.run import Event


async def lasting(
    turn: Callable[[], Awaitable[object]],
    *,
    rest: Callable[[bool], Awaitable[object]],
    broke: Callable[[Exception], None],
) -> None:
    """Do it again and again; `rest` comes after each turn and is told whether that went well."""
    while True:
        well = True
        try:
            await turn()
        except Exception as error:  # noqa: BLE001 - it comes back: a database, a stream, Slack
            broke(error)
            well = False
        await rest(well)


async def following(
    control: ControlPlane,
    heed: Callable[[Event], object],
    *,
    rest: Callable[[bool], Awaitable[object]],
    broke: Callable[[Exception], None],
) -> None:
    """Heed what happens to every run from now on; a stream that breaks is taken up again."""

    async def turn() -> None:
        async for event in control.follow_all():
            heed(event)

    await lasting(turn, rest=rest, broke=broke)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Stop them at once."""
    stopping = list(tasks)
    for task in stopping:
        task.cancel()
    await asyncio.gather(*stopping, return_exceptions=True)
