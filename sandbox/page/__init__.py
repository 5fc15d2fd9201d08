"""The workspace page: plain HTML, CSS and JavaScript modules, served as they lie here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = Path(__file__).parent

# Text from messages never becomes markup in our own code; should that ever fail, the browser
# still runs nothing that this server did not send. Pictures come from wherever a block says.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob: http: https:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class _Fresh:
    """Adds `Cache-Control: no-cache`, so that a changed module is seen at the next reload."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_fresh(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"cache-control", b"no-cache")]
            await send(message)

        await self._app(scope, receive, send_fresh)


async def _index(_: Request) -> Response:
    return FileResponse(
        _FOLDER / "index.html",
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _favicon(_: Request) -> Response:
    return FileResponse(_FOLDER / "static" / "icon.svg", media_type="image/svg+xml")


def routes() -> list[BaseRoute]:
    """The page at `/` and its files under `/page/static/`."""
    static = StaticFiles(directory=_FOLDER / "static")
    return [
        Route("/", _index),
        Route("/favicon.ico", _favicon),
        Mount("/page/static", static, middleware=[Middleware(_Fresh)]),
    ]
