"""Subscriptions: logs as they are written, deployments as they step through their phases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.railway import logs, phases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment

POLL = 0.1
"""Seconds between two looks at logs: a line is written when its time has come."""


async def _new_rows(
    call: Call,
    read: Callable[[], list[dict[str, Any]]],
    limit: int | None,
    filter_: str | None,
    deployment: Deployment | None,
) -> AsyncIterator[list[dict[str, Any]]]:
    """What there is, then what comes; ends with the last line of a deployment that is over."""
    seen = 0
    while True:
        call.world.settle()
        rows = read()
        fresh = [row for row in rows[seen:] if logs.matches(row, filter_)]
        if seen == 0:
            fresh = fresh[-(limit or logs.LIMIT) :]
        seen = len(rows)
        if fresh:
            yield fresh
        if deployment is not None and deployment.status in ("REMOVED", "FAILED"):
            return
        await call.world.stirred(POLL)


async def _until_built(
    rows: AsyncIterator[list[dict[str, Any]]], deployment: Deployment
) -> AsyncIterator[list[dict[str, Any]]]:
    async for fresh in rows:
        yield fresh
        if deployment.status not in phases.UNDER_WAY:
            return


async def _statuses(call: Call, deployment: Deployment) -> AsyncIterator[Deployment]:
    told = len(deployment.statuses) - 1
    while True:
        call.world.settle()
        for status in deployment.statuses[told:]:
            yield replace(deployment, status=status)
        told = len(deployment.statuses)
        if deployment.status == "REMOVED":
            return
        await call.world.stirred()


async def _events(call: Call, deployment: Deployment) -> AsyncIterator[dict[str, Any]]:
    told: set[tuple[str, bool]] = set()
    while True:
        call.world.settle()
        for event in list(deployment.events):
            key = (event["id"], event["completed_at"] is not None)
            if key not in told:
                told.add(key)
                yield event
        if deployment.status not in (*phases.UNDER_WAY, *phases.RUNNING, "REMOVING"):
            return
        await call.world.stirred()


# -- the API: refused at once, or a stream -----------------------------------------------------


def build_logs(
    _: None, call: Call, deployment_id: str, limit: int | None = None, filter_: str | None = None
) -> AsyncIterator[list[dict[str, Any]]]:
    """Ends with the deployment's last build line."""
    found = call.deployment(deployment_id)
    rows = _new_rows(call, lambda: logs.build(call.world, found), limit, filter_, found)
    return _until_built(rows, found)


def deployment_logs(
    _: None, call: Call, deployment_id: str, limit: int | None = None, filter_: str | None = None
) -> AsyncIterator[list[dict[str, Any]]]:
    found = call.deployment(deployment_id)
    return _new_rows(call, lambda: logs.deploy(call.world, found), limit, filter_, found)


def environment_logs(
    _: None,
    call: Call,
    environment_id: str,
    filter_: str | None = None,
    before_limit: int | None = None,
    **_around: Any,
) -> AsyncIterator[list[dict[str, Any]]]:
    found = call.environment(environment_id)
    return _new_rows(
        call, lambda: logs.of_environment(call.world, found.id), before_limit, filter_, None
    )


def http_logs(
    _: None,
    call: Call,
    deployment_id: str,
    filter_: str | None = None,
    before_limit: int | None = None,
    **_around: Any,
) -> AsyncIterator[list[dict[str, Any]]]:
    found = call.deployment(deployment_id)
    return _new_rows(call, lambda: logs.http(call.world, found), before_limit, filter_, found)


def deployment(_: None, call: Call, id_: str) -> AsyncIterator[Deployment]:
    """The deployment now, and after every change of its status."""
    return _statuses(call, call.deployment(id_))


def deployment_events(_: None, call: Call, id_: str) -> AsyncIterator[dict[str, Any]]:
    """Each step when it begins and again when it is over; ends with the deployment's steps."""
    return _events(call, call.deployment(id_))


STREAMS: dict[str, Callable[..., AsyncIterator[Any]]] = {
    "buildLogs": build_logs,
    "deployment": deployment,
    "deploymentEvents": deployment_events,
    "deploymentLogs": deployment_logs,
    "environmentLogs": environment_logs,
    "httpLogs": http_logs,
}
