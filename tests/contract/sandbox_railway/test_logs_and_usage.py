"""Logs with their filters, metrics and usage."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_railway.client import Railway

BUILD = """query ($id: String!, $limit: Int, $filter: String) {
  buildLogs(deploymentId: $id, limit: $limit, filter: $filter) {
    timestamp message severity tags { deploymentId }
  }
}"""


async def test_build_logs_grow_in_order_with_the_build(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    (deployment,) = await railway.deployments(place, gateway)
    lines = await railway.ask(BUILD, id=deployment["id"])
    stamps = [line["timestamp"] for line in lines]
    assert stamps == sorted(stamps)
    assert all(len(stamp.split(".")[1]) == len("123456789Z") for stamp in stamps)
    assert lines[0]["message"].startswith("cloning LuthienResearch/luthien-proxy")
    assert lines[-1]["message"] == "[1/1] Healthcheck succeeded!"
    assert {line["tags"]["deploymentId"] for line in lines} == {deployment["id"]}


async def test_a_limit_gives_one_line_more_the_newest(railway: Railway) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    (deployment,) = await railway.deployments(place, gateway)
    every = await railway.ask(BUILD, id=deployment["id"])
    few = await railway.ask(BUILD, id=deployment["id"], limit=4)
    assert few == every[-5:]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("migrations", 2),
        ('"database migrations"', 1),
        ("migrations -Running", 1),
        ("Starting OR Uvicorn", 3),
        ("@level:error", 0),
        ("@level:info AND policy", 1),
    ],
)
async def test_filters(railway: Railway, wanted: str, found: int) -> None:
    place, gateway, _ = await railway.instance_of_luthien()
    (deployment,) = await railway.deployments(place, gateway)
    query = """query ($id: String!, $filter: String) {
      deploymentLogs(deploymentId: $id, filter: $filter) { message }
    }"""

    async def all_there() -> bool:
        return len(await railway.ask(query, id=deployment["id"], filter="Uvicorn")) == 1

    await railway.until(all_there)
    lines = await railway.ask(query, id=deployment["id"], filter=wanted)
    assert len(lines) == found, lines


async def test_environment_logs_mix_services_and_page_around_an_anchor(railway: Railway) -> None:
    place, _gateway, _ = await railway.instance_of_luthien()
    query = """query ($id: String!, $filter: String, $anchor: String, $before: Int, $after: Int) {
      environmentLogs(environmentId: $id, filter: $filter, anchorDate: $anchor,
                      beforeLimit: $before, afterLimit: $after) {
        timestamp message tags { serviceId }
      }
    }"""
    every = await railway.ask(query, id=place.environment)
    assert len({line["tags"]["serviceId"] for line in every}) == 3
    anchor = every[len(every) // 2]["timestamp"]
    around = await railway.ask(query, id=place.environment, anchor=anchor, before=2, after=2)
    assert len(around) == 4
    assert [line["timestamp"] <= anchor for line in around] == [True, True, False, False]
    postgres = (await railway.services(place))["Postgres"]
    only = await railway.ask(query, id=place.environment, filter=f"@service:{postgres}")
    assert {line["tags"]["serviceId"] for line in only} == {postgres}


async def test_http_logs_and_their_metrics(railway: Railway) -> None:
    place, gateway, domain = await railway.instance_of_luthien()
    (deployment,) = await railway.deployments(place, gateway)
    async with railway.visit(domain) as visitor:
        await visitor.get("/health", headers={"User-Agent": "probe"})
        await visitor.get("/nothing")
    query = """query ($id: String!, $filter: String) {
      httpLogs(deploymentId: $id, filter: $filter) { method path httpStatus clientUa requestId }
    }"""
    every = await railway.ask(query, id=deployment["id"])
    assert [(line["path"], line["httpStatus"]) for line in every] == [
        ("/health", 200),
        ("/nothing", 404),
    ]
    assert every[0]["clientUa"] == "probe"
    errors = await railway.ask(query, id=deployment["id"], filter="@httpStatus:>=400")
    assert [line["path"] for line in errors] == ["/nothing"]
    by_status = await railway.ask(
        """query ($service: String!, $environment: String!, $start: DateTime!, $end: DateTime!) {
          httpMetricsGroupedByStatus(serviceId: $service, environmentId: $environment,
                                     startDate: $start, endDate: $end) {
            statusCode samples { value }
          }
        }""",
        service=gateway,
        environment=place.environment,
        start="2020-01-01T00:00:00Z",
        end="2100-01-01T00:00:00Z",
    )
    counts = {row["statusCode"]: sum(s["value"] for s in row["samples"]) for row in by_status}
    assert counts == {200: 1, 404: 1}


async def measure(railway: Railway, **more: Any) -> Any:
    return await railway.ask(
        """query ($measurements: [MetricMeasurement!]!, $start: DateTime!, $project: String,
                  $group: [MetricTag!]) {
          metrics(measurements: $measurements, startDate: $start, projectId: $project,
                  groupBy: $group, sampleRateSeconds: 1) {
            measurement tags { serviceId } values { ts value }
          }
        }""",
        **more,
    )


async def test_metrics_and_usage_of_what_runs(railway: Railway) -> None:
    from datetime import UTC, datetime, timedelta

    place, gateway, _ = await railway.instance_of_luthien()
    start = (datetime.now(UTC) - timedelta(seconds=3)).isoformat()
    series = await measure(
        railway,
        measurements=["MEMORY_USAGE_GB", "CPU_USAGE"],
        start=start,
        project=place.project,
        group=["SERVICE_ID"],
    )
    assert len(series) == 6
    assert gateway in {row["tags"]["serviceId"] for row in series}
    assert all(len(row["values"]) >= 3 for row in series)
    query = """query ($project: String!) {
      usage(projectId: $project, measurements: [MEMORY_USAGE_GB], groupBy: [SERVICE_ID]) {
        tags { serviceId } value
      }
      estimatedUsage(projectId: $project, measurements: [MEMORY_USAGE_GB]) {
        projectId estimatedValue
      }
    }"""

    async def used() -> Any:
        shown = await railway.ask(query, project=place.project)
        return shown if all(row["value"] > 0 for row in shown["usage"]) else None

    shown = await railway.until(used)
    assert len(shown["usage"]) == 3
    (estimate,) = shown["estimatedUsage"]
    assert estimate["projectId"] == place.project
    assert estimate["estimatedValue"] > sum(row["value"] for row in shown["usage"])
