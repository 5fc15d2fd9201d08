"""Routes under `/control/`: JSON in, JSON out, every failure a 4xx with `{error}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response


class ControlError(Exception):
    """A control request that cannot be done; the text says why, in plain words."""


def control_route(
    path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str
) -> Route:
    """A route whose failures come back as 4xx with `{error}`."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, 400)
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)

    return Route(path, guarded, methods=[method])


async def nothing_there(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such path, wrong method), in the same shape."""
    code = error.status_code if isinstance(error, HTTPException) else 500
    what = error.detail if isinstance(error, HTTPException) else "it broke"
    return JSONResponse({"error": f"{request.method} {request.url.path}: {what}"}, code)


async def json_body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body has to be a JSON object")
    return body
