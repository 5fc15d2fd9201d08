"""Railway's own "too quickly", which comes as an ordinary error in an HTTP 200."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway.errors import RailwayError

if TYPE_CHECKING:
    from sandbox.railway.world import World


def throttle(world: World, key: str, interval: float, refusal: str) -> None:
    """Refuse when the last success under `key` is less than `interval` Railway seconds ago."""
    now = world.now()
    last = world.last.get(key)
    if last is not None and now < last + world.takes(interval):
        raise RailwayError(refusal)
    world.last[key] = now
