"""A project's activity: what happened to it and to its deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway.records import Event

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment
    from sandbox.railway.world import World

ACTIONS = {
    "SUCCESS": ("deployed", "INFO"),
    "SLEEPING": ("slept", "INFO"),
    "FAILED": ("failed", "WARNING"),
    "CRASHED": ("crashed", "CRITICAL"),
    "REMOVED": ("removed", "INFO"),
}
"""How a deployment's status is called, by the types of Railway's webhooks."""


def record(
    world: World,
    project_id: str,
    thing: str,
    action: str,
    payload: dict[str, Any],
    environment_id: str | None = None,
    severity: str = "INFO",
) -> None:
    """Add a line."""
    world.events.add(
        Event(
            world.chance.uuid("event"),
            project_id,
            environment_id,
            world.now(),
            thing,
            action,
            payload,
            severity,
        )
    )


def record_status(world: World, deployment: Deployment) -> None:
    """Add a line when a deployment reached a status that people hear of."""
    if deployment.status in ACTIONS:
        action, severity = ACTIONS[deployment.status]
        payload = {
            "deploymentId": deployment.id,
            "serviceId": deployment.service_id,
            "status": deployment.status,
            "commitHash": deployment.meta.get("commitHash"),
        }
        place = deployment.environment_id
        record(world, deployment.project_id, "Deployment", action, payload, place, severity)
