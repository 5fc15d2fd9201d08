"""Metrics, traces and log lines of a real server that creates an instance."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.e2e.chat import Chat
from tests.e2e.house import open_house, until
from tests.serving import serving

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from starlette.requests import Request


class Collector:
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.app = Starlette(routes=[Route("/v1/traces", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        sent = ExportTraceServiceRequest.FromString(await request.body())
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return Response()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


async def test_one_create_in_metrics_traces_and_log(tmp_path: Path) -> None:
    collector = Collector()
    config = uvicorn.Config(collector.app, port=0, log_level="error", lifespan="off")
    async with serving(config) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}"
        async with open_house(
            tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, LUTHIEN_LOG_FORMAT="json"
        ) as house:
            await house.serve()
            chat = Chat(house.http)
            await chat.ada.types("/luthien create acme")
            await chat.ada.sees("Create instance acme", "done in", within=60)

            address = json.loads((house.folder / "luthien" / "serve.json").read_text())["address"]
            async with httpx.AsyncClient(trust_env=False) as http:
                answer = await http.get(f"{address}/metrics")
                behind_proxy = {"X-Forwarded-For": "203.0.113.7"}
                refused = await http.get(f"{address}/metrics", headers=behind_proxy)
            assert refused.status_code == 401
            found = {
                (sample.name, *sorted(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(answer.text)
                for sample in family.samples
            }
            assert found["luthien_runs_total", ("command", "create"), ("status", "succeeded")] == 1
            assert found["luthien_slack_ack_seconds_count", ("transport", "socket")] >= 1
            assert found["luthien_run_queue_wait_seconds_count",] == 1
            created = ("call", "projectCreate"), ("outcome", "answered"), ("vendor", "railway")
            assert found["luthien_vendor_call_seconds_count", *created] == 1
            assert "acme" not in answer.text

            async def whole() -> bool:
                return bool(collector.named("run create"))

            await until(whole, within=20, what="the run's span")
            trace = collector.named("run create")[0].trace_id
            for name in ("slack delivery", "railway projectCreate", "slack chat.postMessage"):
                assert trace in {span.trace_id for span in collector.named(name)}, name
            house.server.stop()
            lines = [json.loads(line) for line in house.server.log.splitlines()]
            assert {"at", "level", "logger", "message"} <= lines[0].keys()
