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
from tests.e2e.house import House, open_house, until
from tests.serving import serving

if TYPE_CHECKING:
    from collections.abc import Mapping
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


async def metrics(house: House, headers: Mapping[str, str] | None = None) -> httpx.Response:
    address = json.loads((house.folder / "luthien" / "serve.json").read_text())["address"]
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(f"{address}/metrics", headers=headers)


async def scraped(house: House) -> dict[tuple[object, ...], float]:
    return samples((await metrics(house)).text)


def samples(text: str) -> dict[tuple[object, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


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
            before = await scraped(house)
            for status in ("succeeded", "failed", "errored", "cancelled", "rolled_back"):
                for command in ("create", "delete", "redeploy", "rollback"):
                    series = "luthien_runs_total", ("command", command), ("status", status)
                    assert before[series] == 0
            assert before["luthien_ready", ("part", "database")] == 1
            assert before["luthien_ready", ("part", "slack")] == 1
            chat = Chat(house.http)
            await chat.ada.types("/luthien create acme")
            await chat.ada.sees("Create instance acme", "done in", within=60)

            behind_proxy = {"X-Forwarded-For": "203.0.113.7"}
            refused = await metrics(house, headers=behind_proxy)
            assert refused.status_code == 401
            answer = await metrics(house)
            found = samples(answer.text)
            limit = found["luthien_vendor_requests_limit", ("vendor", "railway")]
            assert 0 < found["luthien_vendor_requests_remaining", ("vendor", "railway")] < limit
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
            assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)
            accepted = next(line for line in lines if line["message"] == "delivery accepted")
            assert accepted["command"] == "create acme"
            wish = {"actor": accepted["actor"], "request": accepted["request"]}
            ended = next(line for line in lines if line["message"] == "run succeeded")
            by_request = [line for line in lines if wish.items() <= line.items()]
            by_run = [line for line in lines if line.get("run") == ended["run"]]
            assert by_request[0] == accepted
            assert all(line in by_request for line in by_run)
            assert [line["message"] for line in by_run][:2] == ["run queued", "run running"]
            steps = [line for line in by_run if line["message"] == "step ended"]
            assert len({line["step"] for line in steps}) == len(steps) > 10
            assert all(line["ending"] == "done" and line["attempts"] >= 1 for line in steps)
            assert ended["duration_s"] > 0
            assert by_run.index(ended) > by_run.index(steps[-1])
