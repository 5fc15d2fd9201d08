"""Environments: the first comes with the project, others are empty or copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, environment_config, instances, variables, volumes
from sandbox.railway.errors import RailwayError
from sandbox.railway.paging import Connection, connection
from sandbox.railway.records import Environment
from sandbox.railway.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment, Project, ServiceInstance
    from sandbox.railway.world import World


def add(world: World, project: Project, name: str, **more: Any) -> Environment:
    now = world.now()
    return world.environments.add(
        Environment(world.chance.uuid("environment"), project.id, name, now, now, **more)
    )


def environment_create(_: None, call: Call, given: dict[str, Any]) -> Environment:
    """Empty, or with everything its source has. A copy's services deploy unless told not to."""
    project = call.managed_project(given["project_id"])
    world = call.world
    name = given["name"]
    siblings = world.environments.of(project_id=project.id)
    if any(e.name == name and e.deleted_at is None for e in siblings):
        raise RailwayError("An environment with that name already exists")
    source_id = given.get("source_environment_id")
    source = call.environment(source_id, project.id) if source_id else None
    call.may_provision()
    throttle(
        world,
        "environment",
        world.settings.environment_interval,
        "Whoa there pal! Only one environment can be created per user every "
        f"{world.settings.environment_interval:.0f}s. Try again in a sec",
    )
    created = add(
        world,
        project,
        name,
        is_ephemeral=bool(given.get("ephemeral")),
        source_environment_id=source.id if source else None,
    )
    if source is not None:
        _copy(world, source, created, deploy=not given.get("skip_initial_deploys"))
    world.changed()
    return created


def _copy(world: World, source: Environment, target: Environment, *, deploy: bool) -> None:
    for instance in list(world.instances.of(environment_id=source.id)):
        if instance.deleted_at is None:
            variables.copy(world, source.id, target.id, instance.service_id)
            copied = instances.copy(world, instance, target)
            volumes.copy(world, instance, copied)
            if deploy:
                deployments.start(world, copied, reason="deploy")
    variables.copy(world, source.id, target.id, None)


def environment_rename(_: None, call: Call, id_: str, given: dict[str, Any]) -> Environment:
    call.manages()
    environment = call.environment(id_)
    environment.name = given["name"]
    environment.updated_at = call.world.now()
    call.world.changed()
    return environment


def environment_delete(_: None, call: Call, id_: str) -> bool:
    call.manages()
    environment = call.environment(id_)
    world = call.world
    environment.deleted_at = world.now()
    for instance in world.instances.of(environment_id=environment.id):
        instances.remove(world, instance)
    world.changed()
    return True


# -- reading -----------------------------------------------------------------------------------


def environment(_: None, call: Call, id_: str, project_id: str | None = None) -> Environment:
    return call.environment(id_, project_id)


def environments(
    _: None, call: Call, project_id: str, is_ephemeral: bool | None = None, **page: Any
) -> Connection:
    project = call.project(project_id)
    found = [
        e
        for e in call.world.environments.of(project_id=project.id)
        if e.deleted_at is None
        and call.sees(e.id)
        and (is_ephemeral is None or e.is_ephemeral is is_ephemeral)
    ]
    return connection(found, **page)


def service_instances(source: Environment, call: Call, **page: Any) -> Connection:
    now = call.world.now()
    every: Iterable[ServiceInstance] = call.world.instances.of(environment_id=source.id)
    return connection([i for i in every if i.deleted_at is None and i.visible_at <= now], **page)


def environment_deployments(source: Environment, call: Call, **page: Any) -> Connection:
    """Newest first."""
    every: list[Deployment] = list(call.world.deployments.of(environment_id=source.id))
    return connection(reversed(every), **page)


def environment_triggers(source: Environment, call: Call, **page: Any) -> Connection:
    return connection(call.world.triggers.of(environment_id=source.id), **page)


def environment_volumes(source: Environment, call: Call, **page: Any) -> Connection:
    return connection(volumes.visible_in(call.world, source.id), **page)


def environment_variables(source: Environment, call: Call, **page: Any) -> Connection:
    return connection(variables.records_of(call.world, source), **page)


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.environment": environment,
    "Query.environments": environments,
    "Mutation.environmentCreate": environment_create,
    "Mutation.environmentDelete": environment_delete,
    "Mutation.environmentRename": environment_rename,
    "Environment.canAccess": lambda source, call: call.sees(source.id),
    "Environment.config": environment_config.environment_config,
    "Environment.configEtag": environment_config.etag,
    "Environment.deploymentTriggers": environment_triggers,
    "Environment.deployments": environment_deployments,
    "Environment.meta": lambda _source, _call: None,
    "Environment.serviceInstances": service_instances,
    "Environment.sourceEnvironment": lambda source, call: call.world.environments.get(
        source.source_environment_id or ""
    ),
    "Environment.unmergedChangesCount": lambda _source, _call: 0,
    "Environment.variables": environment_variables,
    "Environment.volumeInstances": environment_volumes,
}
