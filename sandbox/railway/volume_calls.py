"""The API of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import volumes
from sandbox.railway.errors import RailwayError, not_authorized, not_found
from sandbox.railway.paging import Connection, connection
from sandbox.railway.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Volume, VolumeInstance
    from sandbox.railway.world import World


def create(_: None, call: Call, given: dict[str, Any]) -> Volume:
    """In the environment that is named, else in all of them; null: in none."""
    world = call.world
    project = call.project(given["project_id"])
    service_id = given.get("service_id")
    if given.get("environment_id") is not None:
        places = [call.environment(given["environment_id"], project.id)]
    elif "environment_id" in given:
        places = []
    else:
        call.manages()
        every = world.environments.of(project_id=project.id)
        places = [e for e in every if e.deleted_at is None]
    if service_id is not None:
        call.service(service_id)
        for place in places:
            mounted = world.volume_instances.of(environment_id=place.id)
            if any(v.service_id == service_id and v.deleted_at is None for v in mounted):
                raise RailwayError("Only one volume is allowed per service")
    call.may_provision()
    throttle(
        world,
        "volume",
        world.settings.volume_interval,
        "Whoa there pal! You are creating volumes too quickly. Try again in a sec",
    )
    volume = volumes.new(world, project)
    for place in places:
        volumes.add_instance(
            world, volume, place.id, given["mount_path"], service_id, given.get("region")
        )
    world.changed()
    return volume


def update(_: None, call: Call, volume_id: str, given: dict[str, Any]) -> Volume:
    volume = _volume(call, volume_id)
    if given.get("name"):
        volume.name = given["name"]
    call.world.changed()
    return volume


def delete(_: None, call: Call, volume_id: str) -> bool:
    """Recoverable until the grace period is over."""
    volume = _volume(call, volume_id)
    world = call.world
    grace = world.settings.deletion_grace
    for instance in world.volume_instances.of(volume_id=volume.id):
        if instance.delete_at is None:
            instance.delete_at = world.now() + world.takes(grace)
            instance.state = "DELETING"
            instance.service_id = None
    world.later(grace, "volume.delete", volume.id)
    world.changed()
    return True


def delete_is_due(world: World, volume_id: str) -> None:
    volume = world.volumes[volume_id]
    volume.deleted_at = world.now()
    for instance in world.volume_instances.of(volume_id=volume.id):
        instance.deleted_at = volume.deleted_at
        instance.state = "DELETED"


def instance_update(
    _: None,
    call: Call,
    volume_id: str,
    given: dict[str, Any],
    environment_id: str | None = None,
) -> bool:
    volume = _volume(call, volume_id)
    for instance in call.world.volume_instances.of(volume_id=volume.id):
        if environment_id in (None, instance.environment_id) and call.sees(
            instance.environment_id
        ):
            if given.get("mount_path"):
                instance.mount_path = given["mount_path"]
            if "service_id" in given:
                instance.service_id = given["service_id"]
            if given.get("state"):
                instance.state = given["state"]
    call.world.changed()
    return True


def _volume(call: Call, volume_id: str) -> Volume:
    call.known()
    volume = call.world.volumes.get(volume_id)
    if volume is None or volume.deleted_at is not None:
        raise not_authorized()
    call.project(volume.project_id)
    return volume


def instance(_: None, call: Call, id_: str) -> VolumeInstance:
    call.known()
    found = call.world.volume_instances.get(id_)
    if found is None or found.visible_at > call.world.now():
        raise not_found("VolumeInstance")
    call.environment(found.environment_id)
    return found


def volume_instances(source: Volume, call: Call, **page: Any) -> Connection:
    now = call.world.now()
    every = call.world.volume_instances.of(volume_id=source.id)
    return connection(
        [v for v in every if v.visible_at <= now and call.sees(v.environment_id)], **page
    )


def used_mb(source: VolumeInstance, call: Call) -> float:
    """Grows by what an idle database writes."""
    hours = (call.world.now() - source.created_at) / 3600
    start = call.world.chance.dice("used", source.id).uniform(60, 180)
    return float(round(min(start + 2 * hours, source.size_mb), 1))


HAPPENINGS: dict[str, Callable[[World, str], None]] = {"volume.delete": delete_is_due}

FIELDS: dict[str, Callable[..., Any]] = {
    "Query.volumeInstance": instance,
    "Mutation.volumeCreate": create,
    "Mutation.volumeDelete": delete,
    "Mutation.volumeInstanceUpdate": instance_update,
    "Mutation.volumeUpdate": update,
    "Volume.project": lambda source, call: call.world.projects[source.project_id],
    "Volume.volumeInstances": volume_instances,
    "VolumeInstance.currentSizeMB": used_mb,
    "VolumeInstance.environment": lambda source, call: call.world.environments[
        source.environment_id
    ],
    "VolumeInstance.externalId": lambda source, _call: source.id,
    "VolumeInstance.isPendingDeletion": lambda source, _call: source.delete_at is not None,
    "VolumeInstance.service": lambda source, call: call.world.services.get(source.service_id),
    "VolumeInstance.volume": lambda source, call: call.world.volumes[source.volume_id],
}
