"""The HTTP doors as one application: health, the API for programs, the page for people, and what
Slack posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse

from api import problems
from api.bodies import BodyLimit, TextOnly
from api.callers import Callers, bearer, only_known
from api.metrics import metrics
from api.requests import Requests
from api.v1.commands import commands
from api.v1.resources import resources
from api.v1.runs import runs
from api.v1.specification import specification
from api.web.app import WebSettings, web_app
from engine.throttle import Throttle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from api.callers import Knows
    from api.metrics import Readiness
    from api.performing import Serves


def create_app(
    control: Serves,
    *,
    token: str,
    knows: Knows,
    ready: Readiness,
    throttle: Throttle | None = None,
    slack: Callable[[Request], Awaitable[Response]] | None = None,
    hook: APIRouter | None = None,
    metrics_token: str = "",
    web: WebSettings | None = None,
) -> FastAPI:
    """`token` is the owner's. `slack` answers what Slack posts in HTTP mode; `hook` is what a
    vendor posts to by itself. `web` None: there is no page."""
    app = FastAPI(title="luthien-ops", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(_health(ready))
    app.include_router(metrics(metrics_token, ready))
    if hook is not None:
        app.include_router(hook)
    if slack is not None:
        app.add_route("/slack/events", slack, methods=["POST"])
    callers = Callers(token, control.keys, knows, throttle or Throttle())
    app.mount("/api/v1", api_v1(control, callers))
    if web is not None:
        # Not a mount, which would take what a route above refuses for its method.
        app.router.default = web_app(control, knows, web)
    app.add_middleware(TextOnly)
    app.add_middleware(BodyLimit)
    problems.in_our_words(app)
    app.add_middleware(Requests)
    return app


def api_v1(control: Serves, callers: Callers) -> FastAPI:
    """The API for programs."""
    app = FastAPI(
        title="luthien-ops",
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for router in (commands, runs, resources):
        # `bearer` only names the scheme in the specification; `callers` looks.
        app.include_router(
            router(control, callers), dependencies=[Depends(bearer), Depends(only_known)]
        )
    problems.in_our_words(app)
    app.openapi = specification(app, control.registry)  # type: ignore[method-assign] # their way
    return app


def _health(ready: Readiness) -> APIRouter:
    router = APIRouter()

    @router.get("/livez")
    async def livez() -> dict[str, bool]:
        return {"live": True}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        parts = await ready()
        return JSONResponse(parts, 200 if all(parts.values()) else 503)

    return router
