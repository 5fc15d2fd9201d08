"""The API of volumes and their backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import volumes, workflows
from sandbox.railway.errors import RailwayError, not_authorized, not_found
from sandbox.railway.paging import Connection, connection
from sandbox.railway.records import Backup
from sandbox.railway.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Volume, VolumeInstance, Workflow
    from sandbox.railway.world import World

SCHEDULES = {
    "DAILY": ("0 0 * * *", 6 * 86_400),
    "WEEKLY": ("0 0 * * 0", 27 * 86_400),
    "MONTHLY": ("0 0 1 * *", 89 * 86_400),
}
"""Cron expression and retention in seconds. Source: docs.railway.com, volumes/backups."""


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


# -- backups -----------------------------------------------------------------------------------


def backup_create(
    _: None, call: Call, volume_instance_id: str, name: str | None = None
) -> dict[str, str]:
    source = instance(None, call, volume_instance_id)
    return _work(call, source, "backup-create", {"name": name or "Manual"})


def backup_restore(
    _: None,
    call: Call,
    volume_instance_id: str,
    volume_instance_backup_id: str,
    **_others: Any,
) -> dict[str, str]:
    source = instance(None, call, volume_instance_id)
    backup = _backup(call, source, volume_instance_backup_id)
    return _work(call, source, "backup-restore", {"backup_id": backup.id})


def backup_delete(
    _: None, call: Call, volume_instance_id: str, volume_instance_backup_id: str
) -> dict[str, str]:
    source = instance(None, call, volume_instance_id)
    backup = _backup(call, source, volume_instance_backup_id)
    if backup.locked:
        raise RailwayError("Backup is locked")
    return _work(call, source, "backup-delete", {"backup_id": backup.id})


def backup_lock(
    _: None, call: Call, volume_instance_id: str, volume_instance_backup_id: str
) -> bool:
    """Keeps a backup from expiring and from being deleted."""
    source = instance(None, call, volume_instance_id)
    _backup(call, source, volume_instance_backup_id).locked = True
    call.world.changed()
    return True


def backup_list(_: None, call: Call, volume_instance_id: str) -> list[dict[str, Any]]:
    source = instance(None, call, volume_instance_id)
    return [
        {
            "id": backup.id,
            "external_id": backup.id,
            "created_at": backup.created_at,
            "creator_id": None,
            "expires_at": None,
            "name": backup.name,
            "referenced_mb": backup.used_mb,
            "schedule_id": None,
            "used_mb": backup.used_mb,
            "volume_instance_size_mb": source.size_mb,
        }
        for backup in call.world.backups.of(volume_instance_id=source.id)
        if backup.ready
    ]


def schedule_update(_: None, call: Call, volume_instance_id: str, kinds: list[str]) -> bool:
    instance(None, call, volume_instance_id).schedules = sorted(set(kinds))
    call.world.changed()
    return True


def schedule_list(_: None, call: Call, volume_instance_id: str) -> list[dict[str, Any]]:
    source = instance(None, call, volume_instance_id)
    return [
        {
            "id": f"{source.id}/{kind}",
            "created_at": source.created_at,
            "cron": SCHEDULES[kind][0],
            "kind": kind,
            "name": kind.capitalize(),
            "retention_seconds": SCHEDULES[kind][1],
        }
        for kind in source.schedules
    ]


def _backup(call: Call, source: VolumeInstance, backup_id: str) -> Backup:
    backup = call.world.backups.get(backup_id)
    if backup is None or backup.volume_instance_id != source.id or not backup.ready:
        raise not_found("Backup")
    return backup


def _work(
    call: Call, source: VolumeInstance, kind: str, payload: dict[str, Any]
) -> dict[str, str]:
    world = call.world
    volume = world.volumes[source.volume_id]
    workflow = workflows.begin(
        world,
        f"{kind}/volumeInstance/{source.id}",
        kind,
        project_id=volume.project_id,
        payload={"volume_instance_id": source.id, **payload},
    )
    world.changed()
    return {"workflow_id": workflow.id}


def _begin_create(world: World, workflow: Workflow) -> None:
    source = world.volume_instances[workflow.payload["volume_instance_id"]]
    hours = (world.now() - source.created_at) / 3600
    used = world.chance.dice("used", source.id).uniform(60, 180) + 2 * hours
    world.backups.add(
        Backup(workflow.id, source.id, world.now(), workflow.payload["name"], round(used))
    )


def _end_create(world: World, workflow: Workflow) -> None:
    world.backups[workflow.id].ready = True
    workflow.status = "Complete"


def _begin_restore(world: World, workflow: Workflow) -> None:
    world.volume_instances[workflow.payload["volume_instance_id"]].state = "RESTORING"


def _end_restore(world: World, workflow: Workflow) -> None:
    world.volume_instances[workflow.payload["volume_instance_id"]].state = "READY"
    workflow.status = "Complete"


def _begin_delete(_world: World, _workflow: Workflow) -> None:
    """Gone only when complete."""


def _end_delete(world: World, workflow: Workflow) -> None:
    backup = world.backups.get(workflow.payload["backup_id"])
    if backup is not None:
        world.backups.discard(backup)
    workflow.status = "Complete"


WORK = {
    "backup-create": (_begin_create, _end_create),
    "backup-restore": (_begin_restore, _end_restore),
    "backup-delete": (_begin_delete, _end_delete),
}

HAPPENINGS: dict[str, Callable[[World, str], None]] = {"volume.delete": delete_is_due}

FIELDS: dict[str, Callable[..., Any]] = {
    "Query.volumeInstance": instance,
    "Query.volumeInstanceBackupList": backup_list,
    "Query.volumeInstanceBackupScheduleList": schedule_list,
    "Mutation.volumeCreate": create,
    "Mutation.volumeDelete": delete,
    "Mutation.volumeInstanceBackupCreate": backup_create,
    "Mutation.volumeInstanceBackupDelete": backup_delete,
    "Mutation.volumeInstanceBackupLock": backup_lock,
    "Mutation.volumeInstanceBackupRestore": backup_restore,
    "Mutation.volumeInstanceBackupScheduleUpdate": schedule_update,
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
