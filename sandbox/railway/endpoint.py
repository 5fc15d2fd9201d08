"""`/railway/graphql/v2`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from sandbox.railway.world import World
    from sandbox.traffic import Traffic


def routes(world: World, traffic: Traffic) -> list[BaseRoute]:
    """The GraphQL endpoint."""
    return []
