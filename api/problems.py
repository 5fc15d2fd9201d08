"""Whatever goes wrong in the HTTP API, as RFC 9457 problem details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.errors import TooManyRequests, Unauthorized, http_status, incident
from api.render import named
from engine.errors import InvalidInput, NotFound, OpsError, RateLimited

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

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
    content = problem(error)
    content["status"] = status or content["status"]
    return JSONResponse(content, content["status"], headers=headers, media_type=MEDIA_TYPE)


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
        said = answer(
            NotFound(
                f"{request.method} {request.url.path}: {error.detail}.",
                why="GET /api/v1/openapi.json says what there is.",
                next_step="/luthien help",
            ),
            error.status_code,
        )
        said.headers.update(error.headers or {})
        return said

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return answer(incident(error, where="the server's log"))
