"""How a deployment is built: by a Dockerfile or by a builder, with which settings, and why not.

Source: docs.railway.com, builds/dockerfiles (only a file named `Dockerfile` at the root of the
source directory is found by itself; RAILWAY_DOCKERFILE_PATH names another one); reports of users
that `dockerfilePath` alone makes the finished deployment say DOCKERFILE.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.railway import apps, phases, variables

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment, ServiceInstance
    from sandbox.railway.world import World

DOCKERFILE_VARIABLE = "RAILWAY_DOCKERFILE_PATH"
DEFAULT_BUILDER = "RAILPACK"


@dataclass(frozen=True)
class Build:
    """What builds a source, and why that cannot work (empty: it works)."""

    builder: str
    dockerfile: str | None = None
    problem: str = ""


def build_of(world: World, instance: ServiceInstance, file: dict[str, Any]) -> Build:
    """`file`: the repository's config file, where it is read. Which of the setting and the
    variable wins is not documented; here it is the setting."""
    repository = apps.repository(world, instance.repo)
    own = variables.raw(world, instance.environment_id, instance.service_id)
    root = instance.config.get("root_directory") or ""
    named = (
        file.get("build", {}).get("dockerfilePath")
        or instance.config.get("dockerfile_path")
        or own.get(DOCKERFILE_VARIABLE)
    )
    found = {_normal(path) for path in repository["dockerfiles"]}
    if named:
        there = _normal(posixpath.join(root, named.lstrip("/"))) in found
        wrong = "" if there else f"dockerfile parse error: {named} does not exist"
        return Build("DOCKERFILE", named, wrong)
    if _normal(posixpath.join(root, "Dockerfile")) in found:
        return Build("DOCKERFILE", "Dockerfile")
    builder = instance.config.get("builder", DEFAULT_BUILDER)
    wrong = "" if repository["railpack"] else "Railpack could not determine how to build the app."
    return Build(builder, None, wrong)


def _normal(path: str) -> str:
    return posixpath.normpath(path.strip().lstrip("/") or ".")


def manifest(
    instance: ServiceInstance, file: dict[str, Any], build: Build | None
) -> dict[str, Any]:
    """`meta.serviceManifest`: with which settings a deployment is built and run."""
    config = instance.config
    region, replicas = config.get("region") or "us-west2", config.get("num_replicas", 1)
    return {
        "build": {
            "builder": build.builder if build else config.get("builder", DEFAULT_BUILDER),
            "buildCommand": config.get("build_command"),
            "dockerfilePath": build.dockerfile if build else None,
        },
        "deploy": {
            "region": None,
            "runtime": "V2",
            "numReplicas": replicas,
            "startCommand": config.get("start_command"),
            "preDeployCommand": config.get("pre_deploy_command"),
            "healthcheckPath": config.get("healthcheck_path"),
            "healthcheckTimeout": config.get("healthcheck_timeout"),
            "cronSchedule": config.get("cron_schedule"),
            "sleepApplication": config.get("sleep_application", False),
            "restartPolicyType": config.get("restart_policy_type", "ON_FAILURE"),
            "restartPolicyMaxRetries": config.get("restart_policy_max_retries", 10),
            "multiRegionConfig": config.get("multi_region_config")
            or {region: {"numReplicas": replicas}},
            "limitOverride": instance.limits,
            **file.get("deploy", {}),
        },
    }


def shown_meta(deployment: Deployment) -> dict[str, Any]:
    """`Deployment.meta` as the API shows it: half-filled until the deployment is over, with
    RAILPACK as the builder whatever builds it. Source: reports of users (support forum)."""
    if any(status in phases.OVER for status in deployment.statuses):
        return deployment.meta
    deploy = deployment.meta["serviceManifest"]["deploy"]
    half = {"build": {"builder": DEFAULT_BUILDER}, "deploy": {"runtime": deploy["runtime"]}}
    return {
        **deployment.meta,
        "serviceManifest": half,
        "fileServiceManifest": {},
        "propertyFileMapping": {},
    }
