"""Services: empty, from an image, or from a repository that deploys at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, github, instances, variables
from sandbox.railway.errors import RailwayError, not_authorized
from sandbox.railway.paging import Connection, connection
from sandbox.railway.records import Service
from sandbox.railway.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Deployment, Environment, Project, ServiceInstance
    from sandbox.railway.world import World

NAME_LIMIT = 48
RANDOM_NAMES = ("adaptable", "blissful", "capable", "diplomatic", "elegant", "fantastic")


def create(call: Call, given: dict[str, Any]) -> Service:
    """A service in every environment that is no fork, or only in the fork that is named."""
    world = call.world
    project = call.project(given["project_id"])
    places = _places(call, project, given.get("environment_id"))
    name = given.get("name") or _default_name(world, project, given.get("source"))
    check_name(world, project, name)
    call.may_provision()
    throttle(
        world,
        f"service:{project.id}",
        world.settings.service_interval,
        "Endpoint too recently updated",
    )
    service = add(world, project, name, icon=given.get("icon"))
    source = given.get("source") or {}
    low, high = world.settings.propagation
    lag = world.takes(world.chance.dice("propagation", project.name, name).uniform(low, high))
    for environment in places:
        variables.put(world, environment.id, service.id, given.get("variables") or {})
        instance = instances.add(world, service, environment, world.now() + lag)
        if source:
            connect(world, instance, {**source, "branch": given.get("branch")})
            deployments.start(world, instance, reason="deploy")
    world.changed()
    return service


def add(world: World, project: Project, name: str, **more: Any) -> Service:
    now = world.now()
    project.updated_at = now
    return world.services.add(
        Service(world.chance.uuid("service"), project.id, name, now, now, **more)
    )


def _places(call: Call, project: Project, environment_id: str | None) -> list[Environment]:
    """Source: the schema's words on `ServiceCreateInput.environmentId`."""
    if environment_id is not None:
        environment = call.environment(environment_id, project.id)
        if environment.source_environment_id is not None:
            return [environment]
    elif call.viewer.kind == "project":
        raise not_authorized()
    every = call.world.environments.of(project_id=project.id)
    return [e for e in every if e.deleted_at is None and e.source_environment_id is None]


def _default_name(world: World, project: Project, source: dict[str, str] | None) -> str:
    origin = (source or {}).get("repo") or (source or {}).get("image") or ""
    name = origin.rsplit("/", 1)[-1].split(":", 1)[0][:NAME_LIMIT]
    if not name:
        words = world.chance.dice("service name", project.id, len(world.services))
        name = f"{words.choice(RANDOM_NAMES)}-{words.choice(RANDOM_NAMES)}"
    return free_name(world, project, name)


def free_name(world: World, project: Project, name: str) -> str:
    """The name itself, or with a suffix where another service of the project has it."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    candidate, attempt = name, 0
    while taken(world, project, candidate):
        attempt += 1
        candidate = f"{name}-{world.chance.letters(4, letters, project.id, name, attempt)}"
    return candidate


def taken(world: World, project: Project, name: str) -> bool:
    every: Iterable[Service] = world.services.of(project_id=project.id)
    return any(s.name == name and s.deleted_at is None for s in every)


def check_name(world: World, project: Project, name: str) -> None:
    if not name.strip() or len(name) > NAME_LIMIT:
        raise RailwayError("Invalid service name")
    if taken(world, project, name):
        raise RailwayError(f'A service named "{name}" already exists in this project')


def connect(world: World, instance: ServiceInstance, source: dict[str, Any]) -> None:
    """Point an instance at an image, or at a branch whose pushes deploy it from now on."""
    github.disconnect(world, instance)
    instance.image = source.get("image")
    instance.repo = source.get("repo")
    instance.branch = None
    instance.updated_at = world.now()
    if instance.repo:
        known = world.settings.repos.get(instance.repo, {})
        branch = source.get("branch") or known.get("default_branch") or "main"
        github.connect(world, instance, instance.repo, branch)


def service_create(_: None, call: Call, given: dict[str, Any]) -> Service:
    return create(call, given)


def service_connect(_: None, call: Call, id_: str, given: dict[str, Any]) -> Service:
    """Gives a service its source in every environment that is no fork, and deploys it at once.

    Project tokens may not. Source: what Terraform's Railway provider documents.
    """
    call.manages()
    service = call.service(id_)
    world = call.world
    if not given.get("repo") and not given.get("image"):
        raise RailwayError("Either repo or image must be provided")
    for instance in _lasting(world, service):
        connect(world, instance, given)
        deployments.start(world, instance, reason="deploy")
    service.updated_at = world.now()
    world.changed()
    return service


def service_disconnect(_: None, call: Call, id_: str) -> Service:
    call.manages()
    service = call.service(id_)
    for instance in _lasting(call.world, service):
        github.disconnect(call.world, instance)
        instance.repo = instance.image = instance.branch = None
    call.world.changed()
    return service


def _lasting(world: World, service: Service) -> list[ServiceInstance]:
    """The service's instances in environments that are no forks."""
    return [
        instance
        for instance in world.instances.of(service_id=service.id)
        if instance.deleted_at is None
        and world.environments[instance.environment_id].source_environment_id is None
    ]


def service_update(_: None, call: Call, id_: str, given: dict[str, Any]) -> Service:
    service = call.service(id_)
    world = call.world
    name = given.get("name")
    if name is not None and name != service.name:
        check_name(world, world.projects[service.project_id], name)
        service.name = name
    for key in ("icon", "tracing_enabled"):
        if key in given:
            setattr(service, key, given[key])
    if given.get("auto_instrumentation_enabled") is not None:
        service.auto_instrumentation_enabled = given["auto_instrumentation_enabled"]
    service.updated_at = world.now()
    world.changed()
    return service


def service_delete(_: None, call: Call, id_: str, environment_id: str | None = None) -> bool:
    """Everywhere that is no fork; only in the fork when one is named."""
    service = call.service(id_)
    world = call.world
    if environment_id is not None:
        environment = call.environment(environment_id, service.project_id)
        instance = world.instance(service.id, environment.id)
        if environment.source_environment_id is not None and instance is not None:
            instances.remove(world, instance)
            world.changed()
            return True
    elif call.viewer.kind == "project":
        raise not_authorized()
    remove(world, service)
    world.changed()
    return True


def remove(world: World, service: Service) -> None:
    if service.deleted_at is not None:
        return
    service.deleted_at = service.updated_at = world.now()
    for instance in world.instances.of(service_id=service.id):
        instances.remove(world, instance)


# -- reading -----------------------------------------------------------------------------------


def service(_: None, call: Call, id_: str) -> Service:
    return call.service(id_)


def service_instances(source: Service, call: Call, **page: Any) -> Connection:
    now = call.world.now()
    every: Iterable[ServiceInstance] = call.world.instances.of(service_id=source.id)
    found = [
        i
        for i in every
        if i.deleted_at is None and i.visible_at <= now and call.sees(i.environment_id)
    ]
    return connection(found, **page)


def service_deployments(source: Service, call: Call, **page: Any) -> Connection:
    every: list[Deployment] = [
        d for d in call.world.deployments.of(service_id=source.id) if call.sees(d.environment_id)
    ]
    return connection(reversed(every), **page)


def repo_triggers(source: Service, call: Call, **page: Any) -> Connection:
    every = call.world.triggers.of(service_id=source.id)
    return connection([t for t in every if call.sees(t.environment_id)], **page)


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.service": service,
    "Mutation.serviceConnect": service_connect,
    "Mutation.serviceCreate": service_create,
    "Mutation.serviceDelete": service_delete,
    "Mutation.serviceDisconnect": service_disconnect,
    "Mutation.serviceUpdate": service_update,
    "Service.deployments": service_deployments,
    "Service.groupId": lambda _source, _call: None,
    "Service.hasHiddenRegistryCredentialsFromTemplate": lambda _source, _call: False,
    "Service.isRestricted": lambda _source, _call: False,
    "Service.project": lambda source, call: call.world.projects[source.project_id],
    "Service.repoTriggers": repo_triggers,
    "Service.serviceInstances": service_instances,
    "Service.templateThreadSlug": lambda _source, _call: None,
}
