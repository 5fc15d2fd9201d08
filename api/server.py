"""The HTTP API: commands in, runs and their events out."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException

from api.desk import Performs
from api.errors import Unauthorized, http_status, incident
from api.events import stream
from api.metrics import metrics
from engine.actor import Actor, Door, Origin, Role
from engine.control_plane import Outcome
from engine.control_plane import Request as Wish
from engine.errors import InvalidInput, NotFound, OpsError, RateLimited, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

    from engine.registry import Registry
    from engine.run import RunView

log = logging.getLogger(__name__)


class Serves(Performs, Protocol):
    """The verbs of a control plane that the API offers."""

    registry: Registry

    async def accept(self, request: Wish) -> bool: ...

    async def handle(self, delivery: str) -> Outcome | None: ...

    async def started_by(self, delivery: str) -> RunView | None: ...


class Readiness(Protocol):
    """Which parts are up; all of them: ready."""

    async def __call__(self) -> dict[str, bool]: ...


def create_app(
    control: Serves,
    *,
    token: str,
    ready: Readiness,
    slack: Callable[[Request], Awaitable[Response]] | None = None,
    metrics_token: str = "",
) -> FastAPI:
    """`token` is the owner's. `slack` answers what Slack posts in HTTP mode."""
    app = FastAPI(title="luthien-ops", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.token = token
    app.include_router(_health(ready))
    app.include_router(metrics(metrics_token))
    app.include_router(_commands(control), prefix="/api/v1")
    if slack is not None:
        app.add_route("/slack/events", slack, methods=["POST"])
    _refuse_in_our_words(app)
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


async def _asker(
    request: Request,
    authorization: Annotated[str, Header()] = "",
    x_luthien_user: Annotated[str, Header(pattern=r"^[\w.@+-]{1,64}$")] = "owner",
) -> Actor:
    """The token's holder owns the data folder, so may do everything."""
    given = authorization.removeprefix("Bearer ").encode()
    if not secrets.compare_digest(given, request.app.state.token.encode()):
        raise Unauthorized(
            "The API's token is missing or wrong.",
            why="Every call needs `Authorization: Bearer <token>`.",
            who="The owner of the data folder finds it in serve.json.",
            next_step="/luthien doctor",
        )
    return Actor(door=Door.CLI, id=x_luthien_user, name=x_luthien_user, role=Role.ADMIN)


Asker = Annotated[Actor, Depends(_asker)]


def _commands(control: Serves) -> APIRouter:
    router = APIRouter()

    @router.post("/commands/{name}")
    async def perform(
        name: str,
        actor: Asker,
        request: Request,
        idempotency_key: Annotated[str, Header(max_length=200)] = "",
    ) -> JSONResponse:
        fields = await _fields(request)
        plan_only = fields.pop("plan", False)
        if not isinstance(plan_only, bool):
            raise InvalidInput("`plan` is true or false.", fields={"plan": "is true or false"})
        command = control.registry.command(name).parse(fields)
        origin = Origin(door=actor.door)
        if plan_only or not idempotency_key or command.asks:
            return _outcome(await control.perform(actor, command, origin, plan_only=plan_only))
        return await _once(
            control, Wish(f"api:{actor.id}:{idempotency_key}", actor, command, origin)
        )

    @router.get("/runs/{run_id}")
    async def run(run_id: str, _: Asker) -> JSONResponse:
        return _private((await control.show(run_id)).model_dump(mode="json"))

    @router.get("/runs/{run_id}/events")
    async def events(
        run_id: str, _: Asker, last_event_id: Annotated[int, Header(ge=0)] = 0
    ) -> EventSourceResponse:
        await control.show(run_id)

        return stream(control.follow(run_id, after=last_event_id))

    return router


async def _once(control: Serves, wish: Wish) -> JSONResponse:
    """A change with an Idempotency-Key: a repetition is answered with the run it started."""
    await control.accept(wish)
    outcome = await control.handle(wish.delivery)
    if outcome is not None:
        return _outcome(outcome)
    started = await control.started_by(wish.delivery)
    if started is None:
        raise Refused(
            "This request was refused already.",
            why="Its Idempotency-Key was used before; it started nothing.",
            who="You can ask again under another key.",
            next_step=f"/luthien {wish.command.line()}",
        )
    return _outcome(Outcome(run=started))


async def _fields(request: Request) -> dict[str, Any]:
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidInput(
            "The body is not a JSON object.",
            why="It holds the command's fields, and `plan` where only the plan is wanted.",
            next_step="/luthien help",
        )
    return body


def _outcome(outcome: Outcome) -> JSONResponse:
    if outcome.run is not None:
        return _private({"run": outcome.run.model_dump(mode="json")}, HTTPStatus.ACCEPTED)
    assert outcome.answer is not None  # noqa: S101 (an outcome is one of the two)
    return _private({"answer": outcome.answer.model_dump(mode="json")})


def _private(content: dict[str, Any], status: int = 200) -> JSONResponse:
    """Answers may hold secrets, so nobody between may keep them."""
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _refuse_in_our_words(app: FastAPI) -> None:
    @app.exception_handler(OpsError)
    async def known(_: Request, error: OpsError) -> JSONResponse:
        headers = {"Cache-Control": "no-store"}
        if isinstance(error, RateLimited):
            headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
        if isinstance(error, Unauthorized):
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            error.as_json(),
            http_status(error),
            headers=headers,
            media_type="application/problem+json",
        )

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = {str(fault["loc"][-1]): str(fault["msg"]) for fault in error.errors()}
        listed = "; ".join(f"{name}: {reason}" for name, reason in fields.items())
        return await known(request, InvalidInput(f"The request is malformed. {listed}"))

    @app.exception_handler(HTTPException)
    async def off_the_map(request: Request, error: HTTPException) -> JSONResponse:
        answer = await known(
            request,
            NotFound(
                f"{request.method} {request.url.path}: {error.detail}.",
                why="The API has POST /api/v1/commands/{name}, GET /api/v1/runs/{id} and its "
                "/events, /livez and /readyz.",
                next_step="/luthien help",
            ),
        )
        answer.status_code = error.status_code
        return answer

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        return await known(request, incident(error, where="the server's log"))
