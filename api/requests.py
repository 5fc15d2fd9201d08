"""Every request of the HTTP doors has an id, and a line in the log."""

from __future__ import annotations

import inspect
import re
import secrets
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from engine import chronicle
from engine.subject import also, subject

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-Id"
_TAKEN = re.compile(r"[\w.:-]{1,64}")
_UNTOLD = ("/livez", "/readyz", "/metrics", "/static")
_DELIVERIES = "/slack/"
"""Where each has a line of its own; here only those that were not taken."""


class Requests:
    """An ASGI middleware: gives each request the id that its sender, or a proxy, named it by, else
    a new one, and says how it was answered. An address is told by its pattern alone: what stands
    in the place of a parameter may be a secret."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if _TAKEN.fullmatch(given) else f"q{secrets.token_hex(6)}"
        # Not undone at the end: what goes wrong is told further out, still about this request.
        also(request=request, actor="", run="", code="")
        began, status = perf_counter(), 500

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = subject().get("request", request)
            await send(message)

        path = scope["path"]
        try:
            await self._app(scope, receive, told)
        finally:
            told_elsewhere = path.startswith(_DELIVERIES) and status < HTTPStatus.BAD_REQUEST
            if not told_elsewhere and not path.startswith(_UNTOLD):
                chronicle.answered(
                    method=scope["method"],
                    route=_route(scope),
                    status=status,
                    ms=round((perf_counter() - began) * 1000, 1),
                )


def _route(scope: Scope) -> str:
    """As it is declared; `-` where it leads nowhere. The framework tells what matched, not as
    which pattern."""
    if not inspect.isroutine(scope.get("endpoint")):
        return "-"
    names = {str(value): f"{{{name}}}" for name, value in scope["path_params"].items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))
