"""A deployment's phases: their names, how long they take, and what may be done in which.

Source: docs.railway.com, deployments/reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment, ServiceInstance
    from sandbox.railway.world import World

STATUS_OF_STEP = {
    "SNAPSHOT_CODE": "INITIALIZING",
    "BUILD_IMAGE": "BUILDING",
    "PUBLISH_IMAGE": "BUILDING",
}
"""Every other step belongs to DEPLOYING."""

SECONDS: dict[str, tuple[float, float]] = {
    "INITIALIZE": (0.8, 2.0),
    "SNAPSHOT_CODE": (2.5, 6.0),
    "BUILD_IMAGE": (45.0, 90.0),
    "PUBLISH_IMAGE": (5.0, 12.0),
    "PRE_DEPLOY_COMMAND": (4.0, 9.0),
    "CREATE_CONTAINER": (4.0, 8.0),
    "CREATE_DATABASE": (16.0, 30.0),  # a container with a volume, from a large public image
    "CONFIGURE_NETWORK": (1.5, 4.0),
    "HEALTHCHECK": (3.0, 8.0),
}
STEPS = tuple(step for step in SECONDS if step not in ("INITIALIZE", "CREATE_DATABASE"))
CACHED_BUILD = 0.3
"""A build of a commit that was built before takes this part of the time."""
DRAIN_SECONDS = 4.0
CI_SECONDS = 45.0
"""How long GitHub's checks take, where a trigger waits for them."""
IDLE_SECONDS = 600.0
"""Without a request a serverless deployment sleeps then. Source: deployments/serverless."""

UNDER_WAY = frozenset({"INITIALIZING", "QUEUED", "WAITING", "BUILDING", "DEPLOYING"})
RUNNING = frozenset({"SUCCESS", "SLEEPING"})
OVER = frozenset({"SUCCESS", "SLEEPING", "FAILED", "CRASHED", "SKIPPED", "REMOVING", "REMOVED"})
"""Once it had one of these, a deployment's metadata is complete."""
REPEATABLE = frozenset({"SUCCESS", "SLEEPING", "FAILED", "CRASHED"})
RETENTION_HOURS = {"free": 24, "trial": 24, "hobby": 72, "pro": 120}
"""How long an image can be rolled back to. Source: docs.railway.com, pricing/plans."""


def latest(world: World, instance: ServiceInstance) -> Deployment | None:
    newest = None
    for newest in world.deployments.of(instance_id=instance.id):  # noqa: B007 - the last one
        pass
    return newest


def active(world: World, instance: ServiceInstance) -> list[Deployment]:
    every = world.deployments.of(instance_id=instance.id)
    return [deployment for deployment in every if deployment.status in RUNNING]


def can_redeploy(deployment: Deployment) -> bool:
    return deployment.status in REPEATABLE


def can_roll_back(world: World, deployment: Deployment) -> bool:
    hours = RETENTION_HOURS[world.settings.plan]
    kept = world.now() - deployment.created_at < world.takes(hours * 3600)
    over = ("REMOVING", "REMOVED")
    return deployment.has_image and kept and deployment.status in (*REPEATABLE, *over)
