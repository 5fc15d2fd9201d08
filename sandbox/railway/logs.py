"""The API of logs: build, deploy, environment and HTTP logs, with Railway's filter language.

Source: docs.railway.com, observability/logs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.railway import transcript
from sandbox.railway.deployment_calls import instance_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment
    from sandbox.railway.transcript import Line
    from sandbox.railway.world import World

LIMIT, LIMIT_MAX = 100, 5000
TERM = re.compile(r'(-?)(?:@([\w.]+):)?(?:"([^"]*)"|(\S+))')


# -- which lines -------------------------------------------------------------------------------


def build(world: World, deployment: Deployment) -> list[dict[str, Any]]:
    return _rows(world, deployment, transcript.build_lines(world, deployment))


def deploy(world: World, deployment: Deployment) -> list[dict[str, Any]]:
    return _rows(world, deployment, transcript.deploy_lines(world, deployment))


def of_environment(world: World, environment_id: str) -> list[dict[str, Any]]:
    rows = [
        row
        for deployment in world.deployments.of(environment_id=environment_id)
        for row in deploy(world, deployment)
    ]
    return sorted(rows, key=lambda row: float(row["at"]))


def http(world: World, deployment: Deployment) -> list[dict[str, Any]]:
    return [row for row in world.http.get(deployment.id, []) if row["at"] <= world.now()]


def _rows(world: World, deployment: Deployment, lines: Iterable[Line]) -> list[dict[str, Any]]:
    now = world.now()
    tags = {
        "project_id": deployment.project_id,
        "environment_id": deployment.environment_id,
        "service_id": deployment.service_id,
        "deployment_id": deployment.id,
        "deployment_instance_id": instance_id(deployment),
        "snapshot_id": deployment.snapshot_id,
        "plugin_id": None,
    }
    return [
        {
            "at": at,
            "timestamp": nano(at),
            "message": message,
            "severity": severity,
            "attributes": [{"key": "level", "value": f'"{severity}"'}],
            "tags": tags,
        }
        for at, message, severity in sorted(lines, key=lambda line: line[0])
        if at <= now
    ]


def nano(seconds: float) -> str:
    """RFC 3339 with nanoseconds, as in every log line."""
    whole = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{int(seconds % 1 * 1_000_000_000):09d}Z"


# -- filters -----------------------------------------------------------------------------------


def matches(row: dict[str, Any], wanted: str | None) -> bool:
    """Words, "phrases", `@level:error`, `@httpStatus:>=400`, `-` for not, OR between groups."""
    if not wanted or not wanted.strip():
        return True
    groups = re.split(r"\s+OR\s+", wanted.strip())
    return any(
        all(_term(row, found) for found in TERM.finditer(group.replace(" AND ", " ")))
        for group in groups
    )


def _term(row: dict[str, Any], found: re.Match[str]) -> bool:
    negated, name = found[1] == "-", found[2]
    text = found[3] if found[3] is not None else found[4]
    if name is None:
        holds = text.lower() in str(row.get("message") or row.get("path", "")).lower()
    else:
        holds = _compare(_attribute(row, name), text)
    return holds is not negated


def _attribute(row: dict[str, Any], name: str) -> str:
    tags = row.get("tags") or {}
    named = {
        "level": row.get("severity"),
        "service": tags.get("service_id"),
        "deployment": tags.get("deployment_id"),
        "snapshot": tags.get("snapshot_id"),
        "httpStatus": row.get("http_status"),
    }
    return str(named.get(name, row.get(name, "")))


def _compare(value: str, wanted: str) -> bool:
    operator = re.match(r"(>=|<=|>|<)(\d+)$", wanted)
    if operator is None or not value.isdigit():
        return value == wanted
    left, right = int(value), int(operator[2])
    return {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[
        operator[1]
    ]


# -- the API -----------------------------------------------------------------------------------


def _page(
    rows: list[dict[str, Any]],
    limit: int | None,
    filter_: str | None,
    start: float | None = None,
    end: float | None = None,
) -> list[dict[str, Any]]:
    """The newest rows; one more than asked for, as Railway's API answers."""
    count = min(LIMIT if limit is None else limit, LIMIT_MAX)
    kept = [
        row
        for row in rows
        if (start is None or row["at"] >= start)
        and (end is None or row["at"] <= end)
        and matches(row, filter_)
    ]
    return kept[-(count + 1) :]


def build_logs(
    _: None,
    call: Call,
    deployment_id: str,
    limit: int | None = None,
    filter_: str | None = None,
    start_date: float | None = None,
    end_date: float | None = None,
) -> list[dict[str, Any]]:
    rows = build(call.world, call.deployment(deployment_id))
    return _page(rows, limit, filter_, start_date, end_date)


def deployment_logs(
    _: None,
    call: Call,
    deployment_id: str,
    limit: int | None = None,
    filter_: str | None = None,
    start_date: float | None = None,
    end_date: float | None = None,
) -> list[dict[str, Any]]:
    rows = deploy(call.world, call.deployment(deployment_id))
    return _page(rows, limit, filter_, start_date, end_date)


def environment_logs(
    _: None, call: Call, environment_id: str, filter_: str | None = None, **around: Any
) -> list[dict[str, Any]]:
    environment = call.environment(environment_id)
    return _around(of_environment(call.world, environment.id), filter_, **around)


def http_logs(
    _: None,
    call: Call,
    deployment_id: str,
    filter_: str | None = None,
    limit: int | None = None,
    **around: Any,
) -> list[dict[str, Any]]:
    rows = http(call.world, call.deployment(deployment_id))
    if not around:
        return _page(rows, limit, filter_)
    return _around(rows, filter_, **around)


def _around(
    rows: list[dict[str, Any]],
    filter_: str | None,
    anchor_date: str | None = None,
    before_date: str | None = None,
    before_limit: int | None = None,
    after_date: str | None = None,
    after_limit: int | None = None,
) -> list[dict[str, Any]]:
    """So many rows before the anchor (without one: the end) and so many after it."""
    kept = [
        row
        for row in rows
        if matches(row, filter_)
        and (not before_date or row["timestamp"] >= before_date)
        and (not after_date or row["timestamp"] <= after_date)
    ]
    if not anchor_date:
        return kept[-(min(before_limit or LIMIT, LIMIT_MAX) + 1) :]
    before = [row for row in kept if row["timestamp"] <= anchor_date]
    after = [row for row in kept if row["timestamp"] > anchor_date]
    return before[-(before_limit or LIMIT) :] + after[: after_limit or LIMIT]


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.buildLogs": build_logs,
    "Query.deploymentLogs": deployment_logs,
    "Query.environmentLogs": environment_logs,
    "Query.httpLogs": http_logs,
}
