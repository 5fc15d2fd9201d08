"""What a new deployment consists of: its commit, its steps, its environment, its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import apps, builds, github, phases, variables

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment, Project, ServiceInstance
    from sandbox.railway.world import World


def commit_of(previous: Deployment | None) -> dict[str, str] | None:
    if previous is None or "commitHash" not in previous.meta:
        return None
    meta = previous.meta
    return {
        "sha": meta["commitHash"],
        "message": meta["commitMessage"],
        "author": meta["commitAuthor"],
    }


def newest_commit(world: World, instance: ServiceInstance) -> dict[str, str] | None:
    history = github.commits(world, instance.repo or "", instance.branch or "")
    return history[0] if history else None


def clonable(world: World, instance: ServiceInstance) -> bool:
    return github.readable(world, instance.repo or "") and bool(newest_commit(world, instance))


def built_before(world: World, instance: ServiceInstance, commit: dict[str, str] | None) -> bool:
    return commit is not None and any(
        d.has_image and d.meta.get("commitHash") == commit["sha"]
        for d in world.deployments.of(instance_id=instance.id)
    )


def failure(world: World, project: Project, service: str) -> dict[str, str] | None:
    """The failure that the world was told to give this service's next deployment."""
    for owner in (project.id, project.name, "*"):
        planned = world.settings.fail_next.pop(f"{owner}/{service}", None)
        if planned is not None:
            return {"error": "The sandbox was told to let this fail", **planned}
    return None


def environment(world: World, instance: ServiceInstance) -> dict[str, str]:
    """What the container finds in its environment, PORT included where nobody set one."""
    values = variables.for_deployment(world, instance)
    shared = variables.raw(world, instance.environment_id, None)
    own = variables.raw(world, instance.environment_id, instance.service_id)
    for name in shared.keys() - own.keys():
        values.pop(name)
    if instance.repo is not None:
        values.setdefault("PORT", apps.INJECTED_PORT)
    return values


def injected(deployment: Deployment) -> dict[str, str]:
    """The RAILWAY_* variables that only a deployment has."""
    meta = deployment.meta
    found = {"RAILWAY_DEPLOYMENT_ID": deployment.id, "RAILWAY_SNAPSHOT_ID": deployment.snapshot_id}
    if "commitHash" in meta:
        owner, _, name = meta["repo"].partition("/")
        found |= {
            "RAILWAY_GIT_COMMIT_SHA": meta["commitHash"],
            "RAILWAY_GIT_COMMIT_MESSAGE": meta["commitMessage"],
            "RAILWAY_GIT_AUTHOR": meta["commitAuthor"],
            "RAILWAY_GIT_BRANCH": meta["branch"],
            "RAILWAY_GIT_REPO_OWNER": owner,
            "RAILWAY_GIT_REPO_NAME": name,
        }
    return found


def meta(
    world: World,
    instance: ServiceInstance,
    reason: str,
    commit: dict[str, str] | None,
) -> dict[str, Any]:
    """The keys seen in captures of Railway's untyped `meta`."""
    file = apps.config_file(world, instance.repo)
    build = None if instance.repo is None else builds.build_of(world, instance, file)
    meta: dict[str, Any] = {
        "reason": reason,
        "runtime": "V2",
        "plan": world.settings.plan,
        "logsV2": True,
        "buildOnly": False,
        "rootDirectory": instance.config.get("root_directory"),
        "volumeMounts": [
            v.mount_path
            for v in world.volume_instances.of(environment_id=instance.environment_id)
            if v.service_id == instance.service_id and v.deleted_at is None
        ],
        "serviceManifest": builds.manifest(instance, file, build),
        "fileServiceManifest": file,
        "propertyFileMapping": {},
    }
    if instance.image is not None:
        return {**meta, "image": instance.image, "imageDigest": apps.digest(instance.image)}
    meta |= {"repo": instance.repo, "branch": instance.branch}
    if file:
        meta["configFile"] = instance.config.get("railway_config_file", "railway.toml")
    if commit is not None:
        meta |= {
            "commitHash": commit["sha"],
            "commitMessage": commit["message"],
            "commitAuthor": commit["author"],
        }
    return meta


def steps(
    world: World, instance: ServiceInstance, deployment: Deployment, *, cached: bool
) -> list[dict[str, Any]]:
    """What it will go through, and how many of Railway's seconds each step takes."""
    deploy = deployment.meta["serviceManifest"]["deploy"]
    names = [] if deployment.has_image else ["SNAPSHOT_CODE", "BUILD_IMAGE", "PUBLISH_IMAGE"]
    if deploy["preDeployCommand"]:
        names.append("PRE_DEPLOY_COMMAND")
    names += ["CREATE_CONTAINER", "CONFIGURE_NETWORK"]
    if deploy["healthcheckPath"]:
        names.append("HEALTHCHECK")
    count = sum(1 for _ in world.deployments.of(instance_id=instance.id))
    project = world.projects[instance.project_id]
    service = world.services[instance.service_id]
    dice = world.chance.dice("deployment", project.name, service.name, count)
    found = []
    for name in names:
        from_image = name == "CREATE_CONTAINER" and instance.image is not None
        seconds = dice.uniform(*phases.SECONDS["CREATE_DATABASE" if from_image else name])
        if name == "BUILD_IMAGE" and cached:
            seconds *= phases.CACHED_BUILD
        found.append({"step": name, "seconds": round(seconds * world.settings.pace, 3)})
    return found
