"""Railway's edge: finds the container behind a public domain and passes the request on.

Source: docs.railway.com, networking/domains; the bodies of its own errors as seen by clients.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.railway import apps, deployments, phases
from sandbox.railway.deployment_calls import instance_id
from sandbox.railway.domains import SUFFIX
from sandbox.railway.logs import nano
from sandbox.railway.luthien import Gateway

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sandbox.railway.records import CustomDomain, Deployment, ServiceDomain
    from sandbox.railway.world import World
    from sandbox.traffic import Traffic

KEPT_REQUESTS = 1_000
EDGE_REGION = "us-west2"


class GatewayEdge:
    """Answers for every domain that Railway serves."""

    def __init__(self, world: World, traffic: Traffic) -> None:
        self._world = world
        self._traffic = traffic

    def serves(self, host: str) -> bool:
        """Every `*.localhost`, known or not, and every known domain of a customer."""
        return host.endswith(f".{SUFFIX}") or self._domain(host) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        host = request.headers.get("host", "").rsplit(":", 1)[0].lower()
        body = await request.body()

        async def handle() -> Response:
            self._world.settle()
            return await self._pass_on(request, host)

        response = await self._traffic.answer(
            request,
            vendor="gateway",
            operation=f"{request.method} {request.url.path}",
            document=None,
            variables={"host": host, "body": _shown(body)},
            handle=handle,
        )
        await response(scope, receive, send)

    async def _pass_on(self, request: Request, host: str) -> Response:
        request_id = self._world.chance.uuid("edge request")
        domain = self._domain(host)
        deployment = None if domain is None else self._behind(domain)
        if domain is None or deployment is None:
            return _edge_error(404, "Application not found", request_id)
        if deployment.status == "SLEEPING":
            deployments.wake(self._world, deployment)
        begun = time.perf_counter()
        reached = self._reaches(deployment, domain.target_port)
        if not reached:
            response = _edge_error(502, "Application failed to respond", request_id)
        elif apps.is_gateway(deployment):
            response = await Gateway(self._world, deployment).answer(request)
        else:
            response = PlainTextResponse("OK\n")
        response.headers["Server"] = "railway-edge"
        response.headers["X-Railway-Request-Id"] = request_id
        spent = round((time.perf_counter() - begun) * 1000)
        self._record(deployment, request, response, spent, request_id, reached=reached)
        return response

    def _domain(self, host: str) -> ServiceDomain | CustomDomain | None:
        for table in (self._world.domains, self._world.custom_domains):
            for domain in table.of(domain=host):
                if domain.deleted_at is None:
                    return domain
        return None

    def _behind(self, domain: ServiceDomain | CustomDomain) -> Deployment | None:
        """What serves the domain: what is active, else what is just being health-checked."""
        instance = self._world.instance(domain.service_id, domain.environment_id)
        if instance is None:
            return None
        every = list(self._world.deployments.of(instance_id=instance.id))
        for deployment in reversed(every):
            if deployment.status in (*phases.RUNNING, "CRASHED"):
                return deployment
        for deployment in reversed(every):
            if deployment.started_at is not None and deployment.status == "DEPLOYING":
                return deployment
        return None

    @staticmethod
    def _reaches(deployment: Deployment, target_port: int | None) -> bool:
        """Whether the container runs, answers, and on the port that the domain points to."""
        if deployment.ended_at is not None:
            return False
        if apps.is_gateway(deployment) and deployment.fail is not None:
            return False
        listening = apps.listens_on(deployment)
        return listening is not None and target_port in (None, listening)

    def _record(
        self,
        deployment: Deployment,
        request: Request,
        response: Response,
        spent_ms: int,
        request_id: str,
        *,
        reached: bool,
    ) -> None:
        """One line for `httpLogs`; they are not kept over a restart."""
        now = self._world.now()
        length = int(request.headers.get("content-length", 0))
        rows = self._world.http.setdefault(deployment.id, [])
        rows.append(
            {
                "at": now,
                "timestamp": nano(now),
                "client_ua": request.headers.get("user-agent", ""),
                "deployment_id": deployment.id,
                "deployment_instance_id": instance_id(deployment),
                "downstream_proto": "HTTP/1.1",
                "edge_region": EDGE_REGION,
                "host": request.headers.get("host", ""),
                "http_status": response.status_code,
                "method": request.method,
                "path": request.url.path,
                "request_id": request_id,
                "response_details": "" if reached else "upstream connect error",
                "rx_bytes": length,
                "src_ip": request.client.host if request.client else "127.0.0.1",
                "total_duration": spent_ms,
                "tx_bytes": len(response.body),
                "upstream_address": f"[fd12::1]:{apps.listens_on(deployment) or 0}",
                "upstream_errors": "" if reached else "connection refused",
                "upstream_proto": "HTTP/1.1",
                "upstream_rq_duration": spent_ms,
            }
        )
        del rows[:-KEPT_REQUESTS]


def _edge_error(status: int, message: str, request_id: str) -> Response:
    body = {"status": "error", "code": status, "message": message, "request_id": request_id}
    return JSONResponse(body, status, {"X-Railway-Fallback": "true"})


def _shown(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return f"{len(body)} bytes"
