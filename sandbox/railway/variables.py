"""Variables: per service and environment, or shared; references between them; what is injected.

Source: docs.railway.com, variables and variables/reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.railway.seeded import slug

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.railway.records import (
        CustomDomain,
        Environment,
        Service,
        ServiceDomain,
        ServiceInstance,
    )
    from sandbox.railway.world import World

REFERENCE = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
DEPTH_LIMIT = 20
"""A reference deeper than this is a circle, and renders empty."""


def key(environment_id: str, service_id: str | None) -> str:
    return f"{environment_id}/{service_id or ''}"


def raw(world: World, environment_id: str, service_id: str | None) -> dict[str, str]:
    """As they were written; without a service: the shared ones."""
    return world.variables.get(key(environment_id, service_id), {})


def put(
    world: World,
    environment_id: str,
    service_id: str | None,
    values: Mapping[str, Any],
    *,
    replace: bool = False,
) -> bool:
    """Write; True when that changed anything."""
    world.traffic.mask.learn_variables({k: str(v) for k, v in values.items()})
    before = raw(world, environment_id, service_id)
    after = {**({} if replace else before), **{k: str(v) for k, v in values.items()}}
    world.variables[key(environment_id, service_id)] = after
    return before != after


def copy(world: World, source_id: str, target_id: str, service_id: str | None) -> None:
    put(world, target_id, service_id, raw(world, source_id, service_id))


def private_domain(service: Service) -> str:
    return f"{slug(service.name)}.railway.internal"


def injected(world: World, instance: ServiceInstance) -> dict[str, str]:
    """The RAILWAY_* variables of an instance."""
    service = world.services[instance.service_id]
    environment = world.environments[instance.environment_id]
    project = world.projects[instance.project_id]
    values = {
        "RAILWAY_PRIVATE_DOMAIN": private_domain(service),
        "RAILWAY_PROJECT_ID": project.id,
        "RAILWAY_PROJECT_NAME": project.name,
        "RAILWAY_ENVIRONMENT": environment.name,
        "RAILWAY_ENVIRONMENT_ID": environment.id,
        "RAILWAY_ENVIRONMENT_NAME": environment.name,
        "RAILWAY_SERVICE_ID": service.id,
        "RAILWAY_SERVICE_NAME": service.name,
    }
    domains: list[CustomDomain | ServiceDomain] = [
        *world.custom_domains.of(service_id=service.id),
        *world.domains.of(service_id=service.id),
    ]
    for domain in domains:
        if domain.environment_id == environment.id and domain.deleted_at is None:
            values.setdefault("RAILWAY_PUBLIC_DOMAIN", domain.domain)
    for proxy in world.tcp_proxies.of(service_id=service.id):
        if proxy.environment_id == environment.id and proxy.deleted_at is None:
            values["RAILWAY_TCP_PROXY_DOMAIN"] = proxy.domain
            values["RAILWAY_TCP_PROXY_PORT"] = str(proxy.proxy_port)
    for volume in world.volume_instances.of(environment_id=environment.id):
        if volume.service_id == service.id and volume.deleted_at is None:
            values["RAILWAY_VOLUME_NAME"] = world.volumes[volume.volume_id].name
            values["RAILWAY_VOLUME_MOUNT_PATH"] = volume.mount_path
    return values


def rendered(world: World, environment_id: str, service_id: str | None) -> dict[str, str]:
    """With every reference replaced by its value."""
    values = raw(world, environment_id, service_id)
    return {name: _render(world, environment_id, service_id, values[name]) for name in values}


def _render(
    world: World, environment_id: str, service_id: str | None, text: str, depth: int = 0
) -> str:
    if "${{" not in text:
        return text
    if depth > DEPTH_LIMIT:
        return ""

    def value(found: re.Match[str]) -> str:
        owner, dot, name = found[1].rpartition(".")
        owner_id = _owner(world, environment_id, owner) if dot else service_id
        if dot and owner != "shared" and owner_id is None:
            return ""
        values = raw(world, environment_id, None if owner == "shared" else owner_id)
        if name in values:
            own = None if owner == "shared" else owner_id
            return _render(world, environment_id, own, values[name], depth + 1)
        instance = world.instance(owner_id, environment_id) if owner_id else None
        return injected(world, instance).get(name, "") if instance else ""

    return REFERENCE.sub(value, text)


def _owner(world: World, environment_id: str, name: str) -> str | None:
    """The service that a reference names, letter case included."""
    project_id = world.environments[environment_id].project_id
    for service in world.services.of(project_id=project_id):
        if service.name == name and service.deleted_at is None:
            return service.id
    return None


def for_deployment(world: World, instance: ServiceInstance) -> dict[str, str]:
    """What the API shows as a deployment's variables: RAILWAY_*, shared ones and its own."""
    environment_id = instance.environment_id
    return {
        **injected(world, instance),
        **rendered(world, environment_id, None),
        **rendered(world, environment_id, instance.service_id),
    }


def records_of(world: World, environment: Environment) -> Iterator[dict[str, Any]]:
    """Every variable of an environment, without its value."""
    for service_id in (
        None,
        *(i.service_id for i in world.instances.of(environment_id=environment.id)),
    ):
        for name, text in raw(world, environment.id, service_id).items():
            yield {
                "id": f"{key(environment.id, service_id)}/{name}",
                "name": name,
                "created_at": environment.created_at,
                "updated_at": environment.updated_at,
                "environment_id": environment.id,
                "service_id": service_id,
                "is_sealed": False,
                "references": REFERENCE.findall(text),
            }
