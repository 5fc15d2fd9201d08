"""Whatever goes wrong in the HTTP API, as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount
from typing_extensions import override

from api.errors import Unauthorized, WrongMethod, http_status, incident
from engine.errors import InvalidInput, NotFound, OpsError, RateLimited, TooManyRequests
from engine.mentions import literal
from engine.subject import also
from engine.words import listed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    Tell = Callable[[Request, Exception], Awaitable[Response]]

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
MEDIA_TYPE = "application/problem+json"


class Json(JSONResponse):
    """JSON for programs: whoever is mentioned in it is called by name or id. Written as the values
    themselves are, several times as fast as by way of plain ones."""

    @override
    def render(self, content: object) -> bytes:
        return literal(to_json(content, inf_nan_mode="null").decode()).encode()


def problem(error: OpsError) -> dict[str, Any]:
    """The standard members, and the shape that scripts rely on beside them."""
    return {
        "type": f"urn:luthien:{error.code}",
        "title": (type(error).__doc__ or "").strip().partition("\n")[0],
        "status": http_status(error),
        "detail": " ".join(words for words in (error.summary, error.why) if words),
        **error.as_json(),
    }


def answer(error: OpsError, status: int | None = None) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, RateLimited | TooManyRequests):
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    also(code=error.code)
    content = problem(error)
    content["status"] = status or content["status"]
    return Json(content, content["status"], headers=headers, media_type=MEDIA_TYPE)


def allowed(request: Request) -> list[str]:
    """The methods that this address takes: by all its routes, while the framework names those of
    the first one only."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    found = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]
    return found or ["GET", "HEAD"]  # files have no route of their own


def _understood(request: Request, error: HTTPException) -> OpsError:
    where = request.url.path
    who = "GET /api/v1/openapi.json says what there is and what it takes."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return WrongMethod(
            f"{request.method} is not allowed for {where}.",
            why=f"It takes {listed(allowed(request), 'or')}. Nothing was done.",
            who=who,
            next_step="/luthien help",
        )
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(
            f"There is nothing at {where}.",
            why=f"{request.method} {where} leads nowhere.",
            who=who,
            next_step="/luthien help",
        )
    return InvalidInput(f"{error.detail.rstrip('.')}.", who=who, next_step="/luthien help")


def in_our_words(app: FastAPI) -> None:
    """Nothing leaves the API in a framework's own shape, and no traceback at all."""

    @app.exception_handler(OpsError)
    async def known(_: Request, error: OpsError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        fields = {str(fault["loc"][-1]): str(fault["msg"]) for fault in error.errors()}
        listed = "; ".join(f"{name}: {reason}" for name, reason in fields.items())
        return answer(InvalidInput(f"The request is malformed. {listed}", fields=fields))

    @app.exception_handler(HTTPException)
    async def off_the_map(request: Request, error: HTTPException) -> JSONResponse:
        said = answer(_understood(request, error), error.status_code)
        said.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            said.headers["Allow"] = ", ".join(allowed(request))
        return said

    async def bug(_: Request, error: Exception) -> Response:
        return answer(incident(error, where="the server's log"))

    app.add_middleware(Bugs, tell=bug)


class Bugs:
    """An ASGI middleware: a bug is logged once, under one number, and told by `tell`. A handler of
    all exceptions would raise it again, for the app around it and the server to log."""

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - whatever it is
            said = await self._tell(Request(scope), error)
            if not started:  # else the server cuts the connection off, so that it is no answer
                await said(scope, receive, send)
