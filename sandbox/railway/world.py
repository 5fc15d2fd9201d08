"""Railway's world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.server import Settings
    from sandbox.traffic import Traffic


class World:
    """Everything that exists on the stand-in."""

    def __init__(self, settings: Settings, traffic: Traffic, changed: Callable[[], None]) -> None:
        self.settings = settings
        self.traffic = traffic
        self.changed = changed

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass

    def reset(self) -> None:
        pass

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def summary(self) -> dict[str, Any]:
        return {"projects": []}
