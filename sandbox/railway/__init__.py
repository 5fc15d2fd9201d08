"""The local stand-in of Railway: GraphQL API, world, and the gateways behind its domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import controls, endpoint
from sandbox.railway.gateway import GatewayEdge
from sandbox.railway.world import World

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from sandbox.traffic import Traffic

__all__ = ["GatewayEdge", "World", "routes"]


def routes(world: World, traffic: Traffic) -> list[BaseRoute]:
    """The GraphQL endpoint and Railway's controls."""
    return [*endpoint.routes(world, traffic), *controls.control_routes(world)]
