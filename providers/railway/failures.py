"""Where a deployment stopped, and what its log says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.capabilities import Failure
from engine.errors import ProviderError
from providers.railway import models
from providers.railway.logs import secrets_in, tail
from providers.railway.masking import mask

if TYPE_CHECKING:
    from providers.railway.rail import Rail

BUILD_STEPS = ("SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE")
"""A deployment that stopped in one of these has only a build log.
Source: Railway's public GraphQL schema, `DeploymentEventStep`."""


async def failure_of(rail: Rail, deployment_id: str, *, lines: int) -> Failure:
    """Source: Railway's public GraphQL schema, `deploymentEvents`, `buildLogs`,
    `deploymentLogs` (which send one line more than asked for)."""
    story = await rail.client.read("deploymentEvents", models.DeploymentStory, id=deployment_id)
    stopped = _stopped_at(story.deployment_events.nodes)
    built = stopped is not None and stopped.step not in BUILD_STEPS
    secrets = await _secrets(rail, story.deployment)
    log: tuple[str, ...] = ()
    for operation in ("deploymentLogs", "buildLogs") if built else ("buildLogs", "deploymentLogs"):
        log = log or await _tail(rail, operation, deployment_id, lines)
    return Failure(
        phase=stopped.step if stopped else story.deployment.status,
        reason=mask(_reason(stopped, story.deployment), secrets),
        log=tuple(mask(line, secrets) for line in log),
    )


def _stopped_at(events: list[models.DeploymentEvent]) -> models.DeploymentEvent | None:
    """The last event with an error, else the one that never completed, else the last one."""
    events = sorted(events, key=lambda e: e.created_at)
    failed = [e for e in events if e.payload and e.payload.error]
    unfinished = [e for e in events if e.completed_at is None]
    return next(iter(failed[-1:] + unfinished[-1:] + events[-1:]), None)


def _reason(event: models.DeploymentEvent | None, deployment: models.Deployment) -> str:
    payload = event.payload if event else None
    said = (payload.error or payload.reason or payload.detail) if payload else None
    return said or f"Railway gives no reason; the deployment is {deployment.status}."


async def _tail(rail: Rail, operation: str, deployment_id: str, lines: int) -> tuple[str, ...]:
    """The last lines, oldest first; a log that cannot be read is empty."""
    if lines <= 0:
        return ()
    try:
        log = await tail(rail, operation, deployment_id, lines)
    except ProviderError:
        return ()
    return tuple(entry.message.rstrip() for entry in log)


async def _secrets(rail: Rail, deployment: models.Deployment) -> set[str]:
    """Empty when they cannot be read: what looks like a secret is masked in any case."""
    where = {
        "projectId": deployment.project_id,
        "environmentId": deployment.environment_id,
        "serviceId": deployment.service_id or "",
    }
    try:
        return await secrets_in(rail, where)
    except ProviderError:
        return set()
