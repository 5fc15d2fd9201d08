"""Railway's edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sandbox.railway.world import World
    from sandbox.traffic import Traffic


class GatewayEdge:
    """Answers for every domain that Railway serves."""

    def __init__(self, world: World, traffic: Traffic) -> None:
        self._world = world
        self._traffic = traffic

    def serves(self, host: str) -> bool:
        return host.endswith(".localhost")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = {"status": "error", "code": 404, "message": "Application not found"}
        await JSONResponse(body, 404)(scope, receive, send)
