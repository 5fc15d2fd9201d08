"""What was deployed of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from providers.railway import models, translate
from providers.railway.rail import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.capabilities import Deployment, Space
    from providers.railway.rail import Rail


class Deployments:
    """The part of RunsServices that looks at deployments, and puts them into action."""

    _rail: Rail

    async def deployments(
        self, space: Space, service_id: str, *, limit: int = 20
    ) -> Sequence[Deployment]:
        """Sorted here: Railway promises no order, and its own CLI sorts, too.

        Source: Railway's public GraphQL schema, `deployments`; railwayapp/cli, commands/logs.rs.
        """
        found = await self._rail.client.read(
            "deployments",
            models.Connection[models.Deployment],
            input=place(space, service_id),
            first=limit,
        )
        ours = [translate.deployment(deployment) for deployment in found.nodes]
        return sorted(ours, key=lambda d: d.created_at, reverse=True)
