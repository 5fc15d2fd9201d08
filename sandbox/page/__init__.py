"""The workspace page: plain HTML, CSS and JavaScript modules, served as they lie here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

if TYPE_CHECKING:
    from starlette.requests import Request

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

# Text from messages never becomes markup in our own code; should that ever fail, the browser
# still runs nothing that this server did not send. Pictures come from wherever a block says.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data: blob: http: https:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def _files() -> dict[str, bytes]:
    """Everything under `static/` by its path there."""
    found = sorted(path for path in _STATIC.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(_STATIC).as_posix(): path.read_bytes() for path in found}


def _document() -> str:
    """The page. Its files' addresses hold a hash of them all, so that browsers may keep them.

    Each module is preloaded: one round of requests instead of one per level of imports.
    """
    files = _files()
    version = hashlib.sha256(repr(files).encode()).hexdigest()[:12]
    modules = (name for name in files if name.startswith("js/") and name != "js/theme.js")
    links = (f'<link rel="modulepreload" href="/page/static/{name}">' for name in modules)
    text = (_FOLDER / "index.html").read_text(encoding="utf-8")
    text = text.replace("<!-- modules -->", "\n  ".join(links))
    return text.replace("/page/static/", f"/page/static/{version}/")


def _read(name: str) -> bytes | None:
    path = (_STATIC / name).resolve()
    known = path.is_relative_to(_STATIC) and path.suffix in _TYPES and path.is_file()
    return path.read_bytes() if known else None


async def _index(_: Request) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_document(), headers=headers)


async def _file(request: Request) -> Response:
    name: str = request.path_params["name"]
    content = _read(name)
    if content is None:
        return PlainTextResponse(f"the page has no file {name}", 404)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


async def _favicon(_: Request) -> Response:
    return Response(_read("icon.svg"), media_type=_TYPES[".svg"])


def routes() -> list[BaseRoute]:
    """The page at `/` and its files under `/page/static/<hash>/`."""
    return [
        Route("/", _index),
        Route("/favicon.ico", _favicon),
        Route("/page/static/{version}/{name:path}", _file),
    ]
