"""Railway's webhook: it only wakes the watch, which then asks Railway itself.

Railway signs nothing, so the secret stands in the address, and what the body claims is never
believed. Source: Railway docs, observability/webhooks (shape of the body).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.clock import Clock

PATH = "/hooks/railway"
MOST_BYTES = 64 * 1024
MOST_A_MINUTE = 120
"""Wakes; a fleet in trouble is read as a whole anyway."""


def webhook(secret: str, wake: Callable[[str], Awaitable[None]], clock: Clock) -> APIRouter:
    """POST /hooks/railway/<secret>; without the secret it does not exist."""
    router = APIRouter()
    wanted = _digest(secret)
    lately: deque[float] = deque()

    @router.post(PATH + "/{given}", include_in_schema=False)
    async def receive(given: str, request: Request) -> JSONResponse:
        if not secrets.compare_digest(_digest(given), wanted):
            return _said(HTTPStatus.NOT_FOUND)
        now = clock.monotonic()
        while lately and lately[0] <= now - 60:
            lately.popleft()
        if len(lately) >= MOST_A_MINUTE:
            return _said(HTTPStatus.TOO_MANY_REQUESTS, {"Retry-After": "60"})
        lately.append(now)
        body = await _body(request)
        if body is None:
            return _said(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if project := _project(body):
            await wake(project)
        return _said(HTTPStatus.ACCEPTED)

    return router


def _said(status: HTTPStatus, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"status": status.phrase}, status, headers=headers)


def _digest(text: str) -> bytes:
    """Compared instead of the text, whose length would show otherwise."""
    return hashlib.sha256(text.encode()).digest()


async def _body(request: Request) -> bytes | None:
    """None as soon as it is too long, whatever its header claims."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return body


def _project(body: bytes) -> str:
    """The project's id in today's body, or in the one before November 2025; empty: none."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for place in (("resource", "project", "id"), ("project", "id")):
        found = said
        for name in place:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and 0 < len(found) <= 64:
            return found
    return ""
