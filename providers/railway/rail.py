"""What the parts of the Railway provider share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from engine.errors import OutcomeUnknown
from providers.railway import models, translate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from engine.capabilities import Service, Space
    from engine.clock import Clock
    from providers.railway.client import RailwayClient

T = TypeVar("T")

LOOKS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8))
"""Pauses between looks at the world for something that should show soon."""


@dataclass(frozen=True)
class Rail:
    client: RailwayClient
    clock: Clock
    workspace_id: str | None
    """As configured; None: the only one that the token sees."""
    gateway_url: str
    """How a domain becomes a URL: `{domain}` is filled in."""

    async def workspace(self) -> str:
        """The id of the workspace to work in. Raises NotConfigured."""
        return (await self.client.token()).workspace(self.workspace_id).id

    def url(self, domain: str) -> str:
        return self.gateway_url.replace("{domain}", domain) if domain else ""

    async def service_named(self, space: Space, name: str) -> Service | None:
        """By exact name, never by what is new: several may be made at once."""
        project = await self.client.read("project", models.Project, id=space.id)
        return translate.space(project, self).service(name)

    async def look(
        self, find: Callable[[], Awaitable[T | None]], pauses: Sequence[timedelta] = LOOKS
    ) -> T | None:
        """What `find` finds, looked for a few times: reads may run behind writes."""
        found = await find()
        for pause in pauses:
            if found is not None:
                break
            await self.clock.sleep(pause)
            found = await find()
        return found

    async def settle(self, write: Awaitable[T], find: Callable[[], Awaitable[T | None]]) -> T:
        """What a write answered, or what it left behind when the answer was lost.

        Raises OutcomeUnknown when nothing shows.
        """
        try:
            return await write
        except OutcomeUnknown:
            found = await self.look(find)
            if found is None:
                raise
            return found


def place(space: Space, service_id: str) -> dict[str, str]:
    """The three ids that most operations on a service want."""
    return {
        "projectId": space.id,
        "environmentId": space.environment_id,
        "serviceId": service_id,
    }
