"""The local stand-in of Railway: GraphQL API, world, and the gateways behind its domains."""

from __future__ import annotations

from sandbox.railway.endpoint import routes
from sandbox.railway.world import World

__all__ = ["World", "routes"]
