"""Deployments: how one comes about, steps through its phases, ends and is replaced.

Source: docs.railway.com, deployments/reference (phases), deployments/healthchecks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import apps, github, phases, variables
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
) -> Deployment:
    """A new deployment of an instance; an earlier one still under way gives way to it.

    With `previous` the same commit or image goes out again, without a build when `reuse_image`;
    with `settings_of` also that deployment's variables and configuration.
    """
    if instance.repo is None and instance.image is None:
        raise RailwayError("Service has no source to deploy from")
    for other in list(world.deployments.of(instance_id=instance.id)):
        if other.status in phases.UNDER_WAY:
            stop(world, other, "REMOVED")
    if instance.repo is not None and commit is None:
        commit = _commit_of(previous) or _newest_commit(world, instance)
    project = world.projects[instance.project_id]
    service = world.services[instance.service_id]
    count = sum(1 for _ in world.deployments.of(instance_id=instance.id))
    now = world.now()
    deployment = Deployment(
        world.chance.uuid("deployment"),
        instance.project_id,
        instance.environment_id,
        instance.service_id,
        instance.id,
        now,
        now,
        "INITIALIZING",
        now,
        [],
        _meta(world, instance, reason, commit),
        dict(settings_of.variables) if settings_of else _environment(world, instance),
        world.chance.uuid("snapshot"),
        statuses=["INITIALIZING"],
        fail=_planned_failure(world, project.id, project.name, service.name),
        creator=USER,
    )
    if settings_of is not None:
        deployment.meta["serviceManifest"] = settings_of.meta["serviceManifest"]
    cached = previous is not None or _built_before(world, instance, commit)
    image = reuse_image or instance.image is not None
    deployment.has_image = image
    dice = world.chance.dice("deployment", project.name, service.name, count)
    for step in _steps(deployment, image=image):
        low, high = phases.SECONDS[_kind(world, deployment, step)]
        seconds = dice.uniform(low, high) * world.settings.pace
        if step == "BUILD_IMAGE" and cached:
            seconds *= phases.CACHED_BUILD
        deployment.steps.append({"step": step, "seconds": round(seconds, 3)})
    if instance.repo is not None and not image and not _clonable(world, instance):
        deployment.fail = {"step": "SNAPSHOT_CODE", "error": "Repository not found or no access"}
    world.deployments.add(deployment)
    wait = dice.uniform(*phases.SECONDS["INITIALIZE"]) * world.settings.pace
    world.later(wait, "deployment.begin", deployment.id)
    return deployment


def _commit_of(previous: Deployment | None) -> dict[str, str] | None:
    if previous is None or "commitHash" not in previous.meta:
        return None
    meta = previous.meta
    return {
        "sha": meta["commitHash"],
        "message": meta["commitMessage"],
        "author": meta["commitAuthor"],
    }


def _newest_commit(world: World, instance: ServiceInstance) -> dict[str, str] | None:
    history = github.commits(world, instance.repo or "", instance.branch or "")
    return history[0] if history else None


def _clonable(world: World, instance: ServiceInstance) -> bool:
    return github.readable(world, instance.repo or "") and bool(_newest_commit(world, instance))


def _built_before(world: World, instance: ServiceInstance, commit: dict[str, str] | None) -> bool:
    return commit is not None and any(
        d.has_image and d.meta.get("commitHash") == commit["sha"]
        for d in world.deployments.of(instance_id=instance.id)
    )


def _planned_failure(
    world: World, project_id: str, project: str, service: str
) -> dict[str, str] | None:
    for owner in (project_id, project, "*"):
        planned = world.settings.fail_next.pop(f"{owner}/{service}", None)
        if planned is not None:
            return {"error": "The sandbox was told to let this fail", **planned}
    return None


def _environment(world: World, instance: ServiceInstance) -> dict[str, str]:
    """What the container finds in its environment, PORT included where nobody set one."""
    values = variables.for_deployment(world, instance)
    shared = variables.raw(world, instance.environment_id, None)
    own = variables.raw(world, instance.environment_id, instance.service_id)
    for name in shared.keys() - own.keys():
        values.pop(name)
    if instance.repo is not None:
        values.setdefault("PORT", apps.INJECTED_PORT)
    return values


def _meta(
    world: World,
    instance: ServiceInstance,
    reason: str,
    commit: dict[str, str] | None,
) -> dict[str, Any]:
    """The keys seen in captures of Railway's untyped `meta`."""
    file = apps.config_file(instance.repo)
    config = instance.config
    region = config.get("region") or "us-west2"
    deploy = {
        "region": None,
        "runtime": "V2",
        "numReplicas": config.get("num_replicas", 1),
        "startCommand": config.get("start_command"),
        "preDeployCommand": config.get("pre_deploy_command"),
        "healthcheckPath": config.get("healthcheck_path"),
        "healthcheckTimeout": config.get("healthcheck_timeout"),
        "cronSchedule": config.get("cron_schedule"),
        "sleepApplication": config.get("sleep_application", False),
        "restartPolicyType": config.get("restart_policy_type", "ON_FAILURE"),
        "restartPolicyMaxRetries": config.get("restart_policy_max_retries", 10),
        "multiRegionConfig": config.get("multi_region_config")
        or {region: {"numReplicas": config.get("num_replicas", 1)}},
        "limitOverride": instance.limits,
        **file.get("deploy", {}),
    }
    build = {
        "builder": config.get("builder", "RAILPACK"),
        "buildCommand": config.get("build_command"),
        "dockerfilePath": config.get("dockerfile_path"),
        **file.get("build", {}),
    }
    meta: dict[str, Any] = {
        "reason": reason,
        "runtime": "V2",
        "plan": world.settings.plan,
        "logsV2": True,
        "buildOnly": False,
        "rootDirectory": config.get("root_directory"),
        "volumeMounts": [
            v.mount_path
            for v in world.volume_instances.of(environment_id=instance.environment_id)
            if v.service_id == instance.service_id and v.deleted_at is None
        ],
        "serviceManifest": {"build": build, "deploy": deploy},
        "fileServiceManifest": file,
        "propertyFileMapping": {},
    }
    if instance.image is not None:
        return {**meta, "image": instance.image, "imageDigest": apps.digest(instance.image)}
    meta |= {"repo": instance.repo, "branch": instance.branch, "configFile": "railway.toml"}
    if commit is not None:
        meta |= {
            "commitHash": commit["sha"],
            "commitMessage": commit["message"],
            "commitAuthor": commit["author"],
        }
    return meta


def _steps(deployment: Deployment, *, image: bool) -> list[str]:
    deploy = deployment.meta["serviceManifest"]["deploy"]
    steps = [] if image else ["SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE"]
    if deploy["preDeployCommand"]:
        steps.append("PRE_DEPLOY_COMMAND")
    steps += ["CREATE_CONTAINER", "CONFIGURE_NETWORK"]
    if deploy["healthcheckPath"]:
        steps.append("HEALTHCHECK")
    return steps


def _kind(world: World, deployment: Deployment, step: str) -> str:
    instance = world.instances[deployment.instance_id]
    if step == "CREATE_CONTAINER" and instance.image is not None:
        return "CREATE_DATABASE"
    return step


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
        problem = apps.problem(world, deployment)
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
    for other in list(world.deployments.of(instance_id=deployment.instance_id)):
        if other is not deployment and other.status in (*phases.RUNNING, "CRASHED"):
            drain(world, other)


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
    for action in ("deployment.begin", "deployment.step", "deployment.removed"):
        world.call_off(action, deployment.id)
    if deployment.events and deployment.events[-1]["completed_at"] is None:
        deployment.events[-1]["completed_at"] = world.now()
        deployment.events[-1]["payload"]["reason"] = "cancelled"
    if deployment.started_at is not None and deployment.ended_at is None:
        deployment.ended_at = world.now()
    _set_status(world, deployment, status)


def restart(world: World, deployment: Deployment) -> None:
    """The same container once more, without a build."""
    for action in ("deployment.begin", "deployment.step", "deployment.removed"):
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
    "deployment.begin": begin_step,
    "deployment.step": end_step,
    "deployment.removed": drained,
}
