"""What exists, in a few words: for the page beside the chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import phases
from sandbox.railway.schema import iso

if TYPE_CHECKING:
    from sandbox.railway.records import Environment, Project, Service, ServiceInstance
    from sandbox.railway.world import World


def summary(world: World) -> dict[str, Any]:
    """Newest projects first; deleted ones stay for a look, at the end."""
    world.settle()
    every = sorted(
        world.projects.values(), key=lambda p: (p.deleted_at is not None, -p.created_at)
    )
    return {"projects": [_project(world, project) for project in every]}


def _project(world: World, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "created_at": iso(project.created_at),
        "deleted_at": iso(project.deleted_at) if project.deleted_at else None,
        "delete_at": iso(project.delete_at) if project.delete_at else None,
        "environments": [
            _environment(world, environment)
            for environment in world.environments.of(project_id=project.id)
            if environment.deleted_at is None
        ],
    }


def _environment(world: World, environment: Environment) -> dict[str, Any]:
    return {
        "id": environment.id,
        "name": environment.name,
        "services": [
            _service(world, world.services[instance.service_id], instance)
            for instance in world.instances.of(environment_id=environment.id)
            if instance.deleted_at is None
        ],
    }


def _service(world: World, service: Service, instance: ServiceInstance) -> dict[str, Any]:
    deployment = phases.latest(world, instance)
    place = instance.environment_id
    domain = next(
        (
            d
            for d in world.domains.of(service_id=service.id)
            if d.environment_id == place and d.deleted_at is None
        ),
        None,
    )
    volume = next(
        (
            v
            for v in world.volume_instances.of(environment_id=place)
            if v.service_id == service.id and v.deleted_at is None
        ),
        None,
    )
    shown = None
    if deployment is not None:
        under_way = [e for e in deployment.events if e["completed_at"] is None]
        shown = {
            "id": deployment.id,
            "status": deployment.status,
            "phase": under_way[-1]["step"] if under_way else None,
            "created_at": iso(deployment.created_at),
            "commit": deployment.meta.get("commitHash"),
        }
    return {
        "id": service.id,
        "name": service.name,
        "icon": service.icon,
        "status": deployment.status if deployment else None,
        "url": f"http://{domain.domain}:{world.port}" if domain else None,
        "domain": domain.domain if domain else None,
        "deployment": shown,
        "volume": volume.mount_path if volume else None,
    }
