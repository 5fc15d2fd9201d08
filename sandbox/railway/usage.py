"""Metrics and usage: even, slightly wavy series that follow from the seed.

Source: docs.railway.com, pricing/plans (prices); railwayapp/cli, commands/usage.rs (units).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.railway import apps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment, Workspace
    from sandbox.railway.world import World

MINUTE = 60.0
MINUTES_PER_MONTH = 43_200
PRICE_PER_MINUTE = {
    "CPU_USAGE": 20 / MINUTES_PER_MONTH,
    "MEMORY_USAGE_GB": 10 / MINUTES_PER_MONTH,
    "DISK_USAGE_GB": 0.15 / MINUTES_PER_MONTH,
    "BACKUP_USAGE_GB": 0.15 / MINUTES_PER_MONTH,
}
PRICE_PER_GB_SENT = 0.05
LEVELS = {
    "gateway": {"CPU_USAGE": 0.05, "MEMORY_USAGE_GB": 0.26, "DISK_USAGE_GB": 0.0},
    "postgres": {"CPU_USAGE": 0.02, "MEMORY_USAGE_GB": 0.15, "DISK_USAGE_GB": 0.12},
    "redis": {"CPU_USAGE": 0.01, "MEMORY_USAGE_GB": 0.03, "DISK_USAGE_GB": 0.02},
    "other": {"CPU_USAGE": 0.03, "MEMORY_USAGE_GB": 0.12, "DISK_USAGE_GB": 0.0},
}
MOST_SAMPLES = 2_000


def level(world: World, deployment: Deployment, measurement: str, at: float) -> float:
    """The momentary value of a measurement; 0 while the container does not run."""
    begun, ended = deployment.started_at, deployment.ended_at
    if begun is None or at < begun or (ended is not None and at > ended):
        return 0.0
    of_kind = LEVELS[_kind(deployment)]
    phase = world.chance.dice("wave", deployment.id).random() * math.tau
    wave = 1 + 0.2 * math.sin(at / 600 + phase)
    match measurement:
        case "CPU_USAGE" | "CPU_USAGE_2":
            return round(of_kind["CPU_USAGE"] * wave, 6)
        case "MEMORY_USAGE_GB":
            return round(of_kind["MEMORY_USAGE_GB"] * (1 + 0.02 * wave), 6)
        case "DISK_USAGE_GB":
            return of_kind["DISK_USAGE_GB"]
        case "CPU_LIMIT":
            return 32.0
        case "MEMORY_LIMIT_GB":
            return 32.0
        case "NETWORK_RX_GB":
            return round(2e-6 * wave, 9)
        case "NETWORK_TX_GB":
            return round(4e-6 * wave, 9)
    return 0.0


def _kind(deployment: Deployment) -> str:
    image = deployment.meta.get("image", "")
    if apps.is_gateway(deployment):
        return "gateway"
    return next((kind for kind in ("postgres", "redis") if kind in image), "other")


# -- series ------------------------------------------------------------------------------------

TAGS: dict[str, Callable[[Deployment], str]] = {
    "DEPLOYMENT_ID": lambda d: d.id,
    "ENVIRONMENT_ID": lambda d: d.environment_id,
    "PROJECT_ID": lambda d: d.project_id,
    "SERVICE_ID": lambda d: d.service_id,
    "REGION": lambda _d: "us-west2",
}


def metrics(
    _: None,
    call: Call,
    measurements: list[str],
    start_date: float,
    end_date: float | None = None,
    sample_rate_seconds: int | None = None,
    group_by: list[str] | None = None,
    **scope: Any,
) -> list[dict[str, Any]]:
    end = min(end_date or call.world.now(), call.world.now())
    step = max(sample_rate_seconds or 60, (end - start_date) / MOST_SAMPLES, 1)
    found = []
    for tags, group in _groups(call, group_by or [], scope):
        for measurement in measurements:
            samples = []
            at = start_date
            while at <= end:
                value = sum(level(call.world, d, measurement, at) for d in group)
                samples.append({"ts": int(at), "value": value})
                at += step
            found.append({"measurement": measurement, "tags": tags, "values": samples})
    return found


def _groups(
    call: Call, group_by: list[str], scope: dict[str, Any]
) -> Iterator[tuple[dict[str, str | None], list[Deployment]]]:
    groups: dict[tuple[str, ...], list[Deployment]] = {}
    for deployment in _scope(call, **scope):
        key = tuple(TAGS[tag](deployment) if tag in TAGS else "" for tag in group_by)
        groups.setdefault(key, []).append(deployment)
    for key, group in groups.items():
        tags: dict[str, str | None] = dict.fromkeys(
            (
                "deployment_id",
                "deployment_instance_id",
                "environment_id",
                "plugin_id",
                "project_id",
                "region",
                "service_id",
                "volume_id",
                "volume_instance_id",
            )
        )
        tags.update({tag.lower(): value for tag, value in zip(group_by, key, strict=True)})
        yield tags, group


def _scope(
    call: Call,
    project_id: str | None = None,
    environment_id: str | None = None,
    service_id: str | None = None,
    workspace_id: str | None = None,
    include_deleted: bool | None = None,
    **_others: Any,
) -> list[Deployment]:
    """The deployments that a metrics or usage query is about."""
    world = call.world
    if service_id is not None:
        service = call.service(service_id)
        found = list(world.deployments.of(service_id=service.id))
    elif environment_id is not None:
        found = list(world.deployments.of(environment_id=call.environment(environment_id).id))
    elif project_id is not None:
        project = call.project(project_id, deleted=bool(include_deleted))
        found = list(world.deployments.of(project_id=project.id))
    else:
        workspaces = [call.workspace(workspace_id)] if workspace_id else call.workspaces()
        found = [
            d
            for w in workspaces
            for p in world.projects.of(workspace_id=w.id)
            if include_deleted or p.deleted_at is None
            for d in world.deployments.of(project_id=p.id)
        ]
    return [d for d in found if environment_id in (None, d.environment_id)]


# -- usage -------------------------------------------------------------------------------------


def used(
    world: World, deployment: Deployment, measurement: str, start: float, end: float
) -> float:
    """Unit-minutes in a period; for egress gigabytes."""
    if deployment.started_at is None:
        return 0.0
    begin = max(deployment.started_at, start)
    finish = min(deployment.ended_at or end, end)
    if finish <= begin:
        return 0.0
    middle = level(world, deployment, measurement, (begin + finish) / 2)
    return middle * (finish - begin) / MINUTE


def usage(
    _: None,
    call: Call,
    measurements: list[str],
    start_date: float | None = None,
    end_date: float | None = None,
    group_by: list[str] | None = None,
    **scope: Any,
) -> list[dict[str, Any]]:
    period = billing_period(call.world)
    start, end = start_date or period["start"], end_date or call.world.now()
    return [
        {
            "measurement": measurement,
            "tags": tags,
            "value": sum(used(call.world, d, measurement, start, end) for d in group),
        }
        for tags, group in _groups(call, group_by or [], scope)
        for measurement in measurements
    ]


def estimated_usage(
    _: None, call: Call, measurements: list[str], **scope: Any
) -> list[dict[str, Any]]:
    """As it will be at the end of the billing period if everything goes on as now."""
    world = call.world
    period = billing_period(world)
    now = world.now()
    rest = (period["end"] - now) / MINUTE
    found = []
    for tags, group in _groups(call, ["PROJECT_ID"], scope):
        for measurement in measurements:
            so_far = sum(used(world, d, measurement, period["start"], now) for d in group)
            going = sum(level(world, d, measurement, now) for d in group)
            found.append(
                {
                    "measurement": measurement,
                    "project_id": tags["project_id"],
                    "estimated_value": so_far + going * rest,
                }
            )
    return found


def billing_period(world: World) -> dict[str, float]:
    """The calendar month."""
    moment = datetime.fromtimestamp(world.now(), UTC)
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return {"start": start.timestamp(), "end": following.timestamp()}


def customer(world: World, workspace: Workspace) -> dict[str, Any]:
    """What the workspace has used and may use."""
    start, now = billing_period(world)["start"], world.now()
    cost = 0.0
    for project in world.projects.of(workspace_id=workspace.id):
        for deployment in world.deployments.of(project_id=project.id):
            for measurement, price in PRICE_PER_MINUTE.items():
                cost += price * used(world, deployment, measurement, start, now)
            cost += PRICE_PER_GB_SENT * used(world, deployment, "NETWORK_TX_GB", start, now)
    return {
        "id": f"cus_{workspace.id[:8]}",
        "applied_credits": 0.0,
        "billing_email": "owner@sandbox.localhost",
        "billing_period": billing_period(world),
        "credit_balance": 0.0,
        "current_usage": round(cost, 6),
        "has_exhausted_free_plan": False,
        "is_prepaying": False,
        "is_trialing": world.settings.plan == "trial",
        "is_usage_subscriber": True,
        "remaining_usage_credit_balance": 0.0,
        "trial_days_remaining": 30 if world.settings.plan == "trial" else 0,
        "usage_limit": None,
        "workspace": workspace,
    }


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.estimatedUsage": estimated_usage,
    "Query.metrics": metrics,
    "Query.usage": usage,
}
