"""Deployments: how one comes about, steps through its phases, ends and is replaced.

Source: docs.railway.com, deployments/reference (phases), deployments/healthchecks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import apps, builds, phases, variables
from sandbox.railway import deployment_plan as plan
from sandbox.railway.activity import record_status
from sandbox.railway.errors import RailwayError
from sandbox.railway.identity import USER
from sandbox.railway.records import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.records import ServiceInstance
    from sandbox.railway.world import World

# -- starting -----------------------------------------------------------------------------------


def start(
    world: World,
    instance: ServiceInstance,
    *,
    reason: str,
    commit: dict[str, str] | None = None,
    previous: Deployment | None = None,
    reuse_image: bool = False,
    settings_of: Deployment | None = None,
    status: str = "INITIALIZING",
) -> Deployment:
    """A new deployment of an instance; an earlier one still under way gives way to it.

    With `previous` the same commit or image goes out again, without a build when `reuse_image`;
    with `settings_of` also that deployment's variables and configuration. Another first status
    than INITIALIZING holds it back.
    """
    if instance.repo is None and instance.image is None:
        raise RailwayError("Service has no source to deploy from")
    for other in list(world.deployments.of(instance_id=instance.id)):
        if other.status in phases.UNDER_WAY and status != "SKIPPED":
            stop(world, other, "REMOVED")
    if instance.repo is not None and commit is None:
        commit = plan.commit_of(previous) or plan.newest_commit(world, instance)
    project = world.projects[instance.project_id]
    service = world.services[instance.service_id]
    now = world.now()
    deployment = Deployment(
        world.chance.uuid("deployment"),
        instance.project_id,
        instance.environment_id,
        instance.service_id,
        instance.id,
        now,
        now,
        status,
        now,
        [],
        plan.meta(world, instance, reason, commit),
        dict(settings_of.variables) if settings_of else plan.environment(world, instance),
        world.chance.uuid("snapshot"),
        statuses=[status],
        fail=plan.failure(world, project, service.name),
        creator=USER,
    )
    if settings_of is not None:
        for key in ("serviceManifest", "fileServiceManifest", "configFile"):
            deployment.meta.pop(key, None)
            if key in settings_of.meta:
                deployment.meta[key] = settings_of.meta[key]
    deployment.has_image = reuse_image or instance.image is not None
    cached = previous is not None or plan.built_before(world, instance, commit)
    deployment.steps = plan.steps(world, instance, deployment, cached=cached)
    if not deployment.has_image and not plan.clonable(world, instance):
        deployment.fail = {"step": "SNAPSHOT_CODE", "error": "Repository not found or no access"}
    elif not deployment.has_image and deployment.fail is None:
        build = builds.build_of(world, instance, deployment.meta["fileServiceManifest"])
        if build.problem:
            deployment.fail = {"step": "BUILD_IMAGE", "error": build.problem}
    deployment.variables |= plan.injected(deployment)
    world.deployments.add(deployment)
    if status == "INITIALIZING":
        initialize(world, deployment)
    elif status == "WAITING":
        world.later(phases.CI_SECONDS, "deployment.checked", deployment.id)
    return deployment


def initialize(world: World, deployment: Deployment) -> None:
    """Its first step begins in a moment."""
    _set_status(world, deployment, "INITIALIZING")
    wait = world.chance.dice("initialize", deployment.id).uniform(*phases.SECONDS["INITIALIZE"])
    world.later(wait * world.settings.pace, "deployment.begin", deployment.id)


def checked(world: World, deployment_id: str) -> None:
    """GitHub's checks are through: it goes on, or it is skipped."""
    deployment = world.deployments[deployment_id]
    known = world.settings.repos.get(deployment.meta.get("repo", ""), {})
    if known.get("checks") == "failure":
        _set_status(world, deployment, "SKIPPED")
    else:
        initialize(world, deployment)


# -- stepping ----------------------------------------------------------------------------------


def begin_step(world: World, deployment_id: str) -> None:
    """The step under way starts: its event appears, the status follows."""
    deployment = world.deployments[deployment_id]
    step = deployment.steps[deployment.step]
    now = world.now()
    deployment.events.append(
        {
            "id": world.chance.uuid("deployment event"),
            "step": step["step"],
            "created_at": now,
            "completed_at": None,
            "seconds": step["seconds"],
            "payload": {},
        }
    )
    _set_status(world, deployment, phases.STATUS_OF_STEP.get(step["step"], "DEPLOYING"))
    world.later(step["seconds"], "deployment.step", deployment.id)


def _container_started(world: World, deployment: Deployment) -> None:
    """From now on it answers or it never will; a health check finds out when its time is up."""
    deployment.started_at = world.now()
    checks = [step for step in deployment.steps if step["step"] == "HEALTHCHECK"]
    if checks and deployment.fail is None:
        path = deployment.meta["serviceManifest"]["deploy"]["healthcheckPath"]
        problem = apps.problem(world, deployment, path)
        if problem is not None:
            deployment.fail = {"step": "HEALTHCHECK", "error": problem}
    for step in checks:
        if deployment.fail is not None:
            timeout = deployment.meta["serviceManifest"]["deploy"]["healthcheckTimeout"] or 300
            step["seconds"] = float(timeout) * world.settings.pace


def end_step(world: World, deployment_id: str) -> None:
    """The step under way is over: the deployment fails, goes on, or is done."""
    deployment = world.deployments[deployment_id]
    step = deployment.steps[deployment.step]
    event = deployment.events[-1]
    event["completed_at"] = world.now()
    event["payload"]["durationMs"] = round(step["seconds"] / world.speed * 1000)
    if deployment.fail is not None and deployment.fail.get("step", "BUILD_IMAGE") == step["step"]:
        event["payload"]["error"] = deployment.fail["error"]
        deployment.ended_at = world.now() if deployment.started_at else None
        _set_status(world, deployment, "FAILED")
        return
    if step["step"] == "PUBLISH_IMAGE":
        deployment.has_image = True
    if step["step"] == "CREATE_CONTAINER":
        _container_started(world, deployment)
    deployment.step += 1
    if deployment.step < len(deployment.steps):
        begin_step(world, deployment.id)
    else:
        _succeed(world, deployment)


def _succeed(world: World, deployment: Deployment) -> None:
    _set_status(world, deployment, "SUCCESS")
    if deployment.meta["serviceManifest"]["deploy"]["sleepApplication"]:
        world.later(phases.IDLE_SECONDS, "deployment.idle", deployment.id)
    for other in list(world.deployments.of(instance_id=deployment.instance_id)):
        if other is not deployment and other.status in (*phases.RUNNING, "CRASHED"):
            drain(world, other)
    if not deployment.meta["serviceManifest"]["deploy"]["healthcheckPath"]:
        ended = apps.exits(world, deployment)
        if ended is not None:  # nobody looked before the old one was sent away
            crash(world, deployment, ended)


def idle(world: World, deployment_id: str) -> None:
    """A serverless deployment that nobody asked anything for a while falls asleep."""
    deployment = world.deployments[deployment_id]
    rows = world.http.get(deployment_id, [])
    asked = max(rows[-1]["at"] if rows else 0.0, deployment.status_updated_at)
    rest = phases.IDLE_SECONDS - (world.now() - asked) * world.speed
    if rest > 1:
        world.later(rest, "deployment.idle", deployment.id)
    else:
        _set_status(world, deployment, "SLEEPING")


def wake(world: World, deployment: Deployment) -> None:
    """The first request after a sleep."""
    _set_status(world, deployment, "SUCCESS")
    world.later(phases.IDLE_SECONDS, "deployment.idle", deployment.id)
    world.changed()


def drain(world: World, deployment: Deployment) -> None:
    """A running deployment stops taking requests and is removed a moment later."""
    now = world.now()
    deployment.events.append(
        {
            "id": world.chance.uuid("deployment event"),
            "step": "DRAIN_INSTANCES",
            "created_at": now,
            "completed_at": now + world.takes(phases.DRAIN_SECONDS),
            "seconds": phases.DRAIN_SECONDS,
            "payload": {"durationMs": round(phases.DRAIN_SECONDS / world.speed * 1000)},
        }
    )
    deployment.ended_at = now
    _set_status(world, deployment, "REMOVING")
    world.later(phases.DRAIN_SECONDS, "deployment.removed", deployment.id)


def drained(world: World, deployment_id: str) -> None:
    _set_status(world, world.deployments[deployment_id], "REMOVED")


def stop(world: World, deployment: Deployment, status: str) -> None:
    """End a deployment now, whatever it was doing; one that is over already stays as it is."""
    if deployment.status not in (
        *phases.UNDER_WAY,
        *phases.RUNNING,
        "CRASHED",
        "REMOVING",
        "NEEDS_APPROVAL",
    ):
        return
    for action in HAPPENINGS:
        world.call_off(action, deployment.id)
    if deployment.events and deployment.events[-1]["completed_at"] is None:
        deployment.events[-1]["completed_at"] = world.now()
        deployment.events[-1]["payload"]["reason"] = "cancelled"
    if deployment.started_at is not None and deployment.ended_at is None:
        deployment.ended_at = world.now()
    _set_status(world, deployment, status)


def restart(world: World, deployment: Deployment) -> None:
    """The same container once more, without a build."""
    for action in HAPPENINGS:
        world.call_off(action, deployment.id)
    names = [step["step"] for step in deployment.steps]
    deployment.step = names.index("CREATE_CONTAINER")
    deployment.started_at = deployment.ended_at = deployment.fail = None
    begin_step(world, deployment.id)


def crash(world: World, deployment: Deployment, message: str) -> None:
    """Its process ended and was restarted in vain."""
    now = world.now()
    deployment.ended_at = now
    deployment.log.append({"at": now, "message": message, "severity": "error"})
    _set_status(world, deployment, "CRASHED")
    world.changed()


def _set_status(world: World, deployment: Deployment, status: str) -> None:
    now = world.now()
    if deployment.status != status:
        deployment.status = status
        deployment.statuses.append(status)
        deployment.status_updated_at = now
        record_status(world, deployment)
    deployment.updated_at = now


def variables_changed(world: World, environment_id: str, service_id: str | None) -> None:
    """Deploy again what uses the variables that just changed."""
    for instance in list(world.instances.of(environment_id=environment_id)):
        if instance.deleted_at is not None:
            continue
        own = variables.raw(world, environment_id, instance.service_id)
        uses = instance.service_id == service_id or (
            service_id is None and any("shared." in text for text in own.values())
        )
        previous = phases.latest(world, instance)
        if uses and previous is not None and previous.status not in ("REMOVED", "REMOVING"):
            start(world, instance, reason="deploy", previous=previous)


HAPPENINGS: dict[str, Callable[[World, str], None]] = {
    "deployment.checked": checked,
    "deployment.idle": idle,
    "deployment.begin": begin_step,
    "deployment.step": end_step,
    "deployment.removed": drained,
}
