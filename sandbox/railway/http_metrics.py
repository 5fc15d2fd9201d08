"""Counts and durations of the requests that came through Railway's edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.railway.identity import Call


def _requests(
    call: Call,
    service_id: str,
    environment_id: str,
    start_date: float,
    end_date: float,
    method: str | None = None,
    path: str | None = None,
    status_code: int | None = None,
) -> list[dict[str, Any]]:
    instance = call.instance(service_id, environment_id)
    return [
        row
        for deployment in call.world.deployments.of(instance_id=instance.id)
        for row in call.world.http.get(deployment.id, [])
        if start_date <= row["at"] <= end_date
        and method in (None, row["method"])
        and path in (None, row["path"])
        and status_code in (None, row["http_status"])
    ]


def _buckets(
    rows: list[dict[str, Any]], start: float, step: float
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    buckets: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        buckets.setdefault(int((row["at"] - start) // step), []).append(row)
    for number in sorted(buckets):
        yield int(start + number * step), buckets[number]


def _counts(rows: list[dict[str, Any]], start: float, step: float) -> list[dict[str, Any]]:
    return [{"ts": ts, "value": len(bucket)} for ts, bucket in _buckets(rows, start, step)]


def http_metrics(
    _: None, call: Call, step_seconds: int | None = None, **about: Any
) -> dict[str, Any]:
    rows = _requests(call, **about)
    return {"samples": _counts(rows, about["start_date"], step_seconds or 60)}


def http_by_status(
    _: None, call: Call, step_seconds: int | None = None, **about: Any
) -> list[dict[str, Any]]:
    rows = _requests(call, **about)
    return [
        {
            "status_code": status,
            "samples": _counts(
                [row for row in rows if row["http_status"] == status],
                about["start_date"],
                step_seconds or 60,
            ),
        }
        for status in sorted({row["http_status"] for row in rows})
    ]


def http_durations(
    _: None, call: Call, step_seconds: int | None = None, **about: Any
) -> dict[str, Any]:
    samples = []
    for ts, bucket in _buckets(_requests(call, **about), about["start_date"], step_seconds or 60):
        times = sorted(row["total_duration"] for row in bucket)
        samples.append(
            {
                "ts": ts,
                **{
                    f"p{rank}": float(times[min(len(times) - 1, len(times) * rank // 100)])
                    for rank in (50, 90, 95, 99)
                },
            }
        )
    return {"samples": samples}


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.httpDurationMetrics": http_durations,
    "Query.httpMetrics": http_metrics,
    "Query.httpMetricsGroupedByStatus": http_by_status,
}
