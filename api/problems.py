"""Whatever goes wrong in the HTTP API, as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from api.errors import Unauthorized, WrongMethod, http_status, incident
from api.render import named
from engine.errors import InvalidInput, NotFound, OpsError, RateLimited, TooManyRequests
from engine.subject import also
from engine.words import listed

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
MEDIA_TYPE = "application/problem+json"


def problem(error: OpsError) -> dict[str, Any]:
    """The standard members, and the shape that scripts rely on beside them."""
    return {
        "type": f"urn:luthien:{error.code}",
        "title": (type(error).__doc__ or "").strip().partition("\n")[0],
        "status": http_status(error),
        "detail": named(" ".join(words for words in (error.summary, error.why) if words)),
        **{k: named(v) if isinstance(v, str) else v for k, v in error.as_json().items()},
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
    return JSONResponse(content, content["status"], headers=headers, media_type=MEDIA_TYPE)


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

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return answer(incident(error, where="the server's log"))
