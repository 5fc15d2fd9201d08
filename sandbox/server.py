"""The sandbox's one web server: stand-ins, page, controls and the domains of the gateways."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox import control, page, railway, slack
from sandbox.control_route import nothing_there
from sandbox.state import Store
from sandbox.traffic import Traffic

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Settings:
    """How one sandbox is started."""

    port: int = 8899
    speed: float = 1.0  # divides Railway's own waits only
    seed: int = 1  # ids and Railway's durations follow from it
    manifest: Path | None = None  # the Slack app's manifest: its commands and scopes
    request_url: str | None = None  # where Slack posts in HTTP mode; None: Socket Mode
    data: Path | None = None  # where the state is kept; None: memory only
    expect_bot: bool = False  # whether `ready` waits for a bot
    address: str | None = None  # what clients are told; None: where it really listens
    to_app: httpx.AsyncBaseTransport | None = None  # to the request URL; None: over the network


class DroppableProtocol(H11Protocol):
    """Tells each request its TCP connection, so that a fault can really cut it."""

    @override
    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def create_app(settings: Settings) -> ByHost:
    """The whole sandbox as one ASGI application."""
    traffic = Traffic()
    store = Store(settings.data)

    world = railway.World(settings, traffic, lambda: store.changed("railway"))
    store.add("railway", world)
    routes: list[BaseRoute] = railway.routes(world, traffic)

    people = slack.World(settings, traffic, lambda: store.changed("slack"))
    store.add("slack", people)
    routes += slack.routes(people, traffic)

    routes += control.routes(settings, store, traffic, people)

    routes += page.routes()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await store.start()
        try:
            yield
        finally:
            await store.stop()

    app = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={HTTPException: nothing_there}
    )
    return ByHost(app, world, traffic)


class ByHost:
    """Sends what is addressed to a Railway domain to Railway's edge, the rest to the sandbox."""

    def __init__(self, sandbox: Starlette, world: railway.World, traffic: Traffic) -> None:
        self.sandbox = sandbox
        self.railway = world
        self.traffic = traffic
        self._edge = railway.GatewayEdge(world, traffic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._edge.serves(_host(scope)):
            await self._edge(scope, receive, send)
        else:
            await self.sandbox(scope, receive, send)


def _host(scope: Scope) -> str:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    host = next((value for key, value in headers if key == b"host"), b"").decode("latin-1")
    return host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host
