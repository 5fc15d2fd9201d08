"""`/metrics`, as Prometheus reads it."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Annotated, Protocol

from fastapi import APIRouter, Header, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from api.errors import Unauthorized
from engine.telemetry import READY


class Readiness(Protocol):
    """Which parts are up; all of them: ready."""

    async def __call__(self) -> dict[str, bool]: ...


def metrics(token: str, ready: Readiness) -> APIRouter:
    """For whoever knows `token`; without one only for this machine."""
    router = APIRouter()

    @router.get("/metrics")
    async def read(request: Request, authorization: Annotated[str, Header()] = "") -> Response:
        given = authorization.removeprefix("Bearer ").encode()
        if token and not secrets.compare_digest(given, token.encode()):
            raise Unauthorized(
                "The token for the metrics is missing or wrong.",
                why="LUTHIEN_METRICS_TOKEN is set, so `Authorization: Bearer <token>` is needed.",
                who="Whoever runs this bot knows the token.",
                next_step="Set `authorization.credentials` in Prometheus' scrape configuration",
            )
        if not token and not _local(request):
            raise Unauthorized(
                "Metrics are given to this machine only.",
                why="LUTHIEN_METRICS_TOKEN is not set.",
                who="Whoever runs this bot can set it.",
                next_step="Set LUTHIEN_METRICS_TOKEN and restart the bot",
            )
        for part, up in (await ready()).items():
            READY.labels(part).set(up)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def _local(request: Request) -> bool:
    """A proxy on this machine speaks for others, and says so."""
    if request.client is None or "x-forwarded-for" in request.headers:
        return False
    return ipaddress.ip_address(request.client.host).is_loopback
