"""Many finished instances at once, for tests and measurements that need a full account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import (
    apps,
    builds,
    deployments,
    domains,
    environments,
    instances,
    phases,
    services,
    templates,
    variables,
)
from sandbox.railway.identity import Call, Viewer
from sandbox.railway.records import Project

if TYPE_CHECKING:
    from sandbox.railway.records import Deployment, Environment
    from sandbox.railway.world import World

GATEWAY_SETTINGS: dict[str, Any] = {
    "dockerfile_path": "docker/Dockerfile.gateway",
    "healthcheck_path": "/health",
    "healthcheck_timeout": 60,
    "restart_policy_type": "ON_FAILURE",
    "restart_policy_max_retries": 3,
    "num_replicas": 1,
}
GATEWAY_VARIABLES = {
    "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
    "REDIS_URL": "${{Redis.REDIS_URL}}",
    "PORT": "8000",
    "GATEWAY_PORT": "${{PORT}}",
}


def populate(
    world: World,
    count: int,
    *,
    name: str,
    description: str,
    settings: dict[str, str],
    legacy: bool = False,
) -> list[str]:
    """Instances that have been up for a while; `{n}` in the texts is their number. `legacy`: made
    while Railway read the repository's railway.toml, so that their gateways have no settings."""
    made = []
    before = world.settings.legacy_config_files
    world.settings.legacy_config_files = before or legacy
    for number in range(1, count + 1):
        project = _instance(
            world,
            name.replace("{n}", str(number)),
            description.replace("{n}", str(number)),
            {key: value.replace("{n}", str(number)) for key, value in settings.items()},
            legacy=legacy,
        )
        made.append(project.id)
    world.settings.legacy_config_files = before
    world.changed()
    return made


def _instance(
    world: World, name: str, description: str, settings: dict[str, str], *, legacy: bool
) -> Project:
    workspace_id = next(iter(world.workspaces))
    now = world.now()
    project = world.projects.add(
        Project(world.chance.uuid("project"), name, workspace_id, now, now, description)
    )
    environment = environments.add(world, project, "production")
    project.base_environment_id = environment.id
    for code in ("postgres", "redis"):
        _database(world, project, environment, code)
    _gateway(world, project, environment, settings, legacy=legacy)
    return project


def _database(world: World, project: Project, environment: Environment, code: str) -> None:
    template = templates.TEMPLATES[code]
    ((template_service_id, wanted),) = template["config"]["services"].items()
    instance = templates.make(
        world, project, environment, template_service_id, wanted, template["id"]
    )
    _finish(world, deployments.start(world, instance, reason="deploy"))


def _gateway(
    world: World,
    project: Project,
    environment: Environment,
    settings: dict[str, str],
    *,
    legacy: bool,
) -> None:
    service = services.add(world, project, "gateway")
    instance = instances.add(world, service, environment, world.now())
    services.connect(world, instance, {"repo": apps.LUTHIEN, "branch": "main"})
    instance.auto_deploy = False
    secret = world.chance.letters(40, "abcdefghijklmnopqrstuvwxyz", "keys", project.id)
    keys = {"CLIENT_API_KEY": secret[:20], "ADMIN_API_KEY": secret[20:]}
    if not legacy:
        instance.config = dict(GATEWAY_SETTINGS)
        keys[builds.DOCKERFILE_VARIABLE] = GATEWAY_SETTINGS["dockerfile_path"]
    variables.put(world, environment.id, service.id, {**GATEWAY_VARIABLES, **keys, **settings})
    place = {"service_id": service.id, "environment_id": environment.id, "target_port": 8000}
    domains.create(None, Call(world, Viewer("account")), place)
    _finish(world, deployments.start(world, instance, reason="deploy"))


def _finish(world: World, deployment: Deployment) -> None:
    """Let every step have happened already."""
    world.call_off("deployment.begin", deployment.id)
    deployments.begin_step(world, deployment.id)
    while deployment.status in phases.UNDER_WAY:
        world.call_off("deployment.step", deployment.id)
        deployments.end_step(world, deployment.id)
