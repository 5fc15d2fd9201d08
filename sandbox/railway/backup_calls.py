"""The API of a volume's backups: each is made, restored and deleted by a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import workflows
from sandbox.railway.errors import RailwayError, not_found
from sandbox.railway.records import Backup
from sandbox.railway.volume_calls import instance as volume_instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import VolumeInstance, Workflow
    from sandbox.railway.world import World

SCHEDULES = {
    "DAILY": ("0 0 * * *", 6 * 86_400),
    "WEEKLY": ("0 0 * * 0", 27 * 86_400),
    "MONTHLY": ("0 0 1 * *", 89 * 86_400),
}
"""Cron expression and retention in seconds. Source: docs.railway.com, volumes/backups."""


def backup_create(
    _: None, call: Call, volume_instance_id: str, name: str | None = None
) -> dict[str, str]:
    source = volume_instance(None, call, volume_instance_id)
    return _work(call, source, "backup-create", {"name": name or "Manual"})


def backup_restore(
    _: None,
    call: Call,
    volume_instance_id: str,
    volume_instance_backup_id: str,
    **_others: Any,
) -> dict[str, str]:
    source = volume_instance(None, call, volume_instance_id)
    backup = _backup(call, source, volume_instance_backup_id)
    return _work(call, source, "backup-restore", {"backup_id": backup.id})


def backup_delete(
    _: None, call: Call, volume_instance_id: str, volume_instance_backup_id: str
) -> dict[str, str]:
    source = volume_instance(None, call, volume_instance_id)
    backup = _backup(call, source, volume_instance_backup_id)
    if backup.locked:
        raise RailwayError("Backup is locked")
    return _work(call, source, "backup-delete", {"backup_id": backup.id})


def backup_lock(
    _: None, call: Call, volume_instance_id: str, volume_instance_backup_id: str
) -> bool:
    """Keeps a backup from expiring and from being deleted."""
    source = volume_instance(None, call, volume_instance_id)
    _backup(call, source, volume_instance_backup_id).locked = True
    call.world.changed()
    return True


def backup_list(_: None, call: Call, volume_instance_id: str) -> list[dict[str, Any]]:
    source = volume_instance(None, call, volume_instance_id)
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
    volume_instance(None, call, volume_instance_id).schedules = sorted(set(kinds))
    call.world.changed()
    return True


def schedule_list(_: None, call: Call, volume_instance_id: str) -> list[dict[str, Any]]:
    source = volume_instance(None, call, volume_instance_id)
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

FIELDS: dict[str, Callable[..., Any]] = {
    "Query.volumeInstanceBackupList": backup_list,
    "Query.volumeInstanceBackupScheduleList": schedule_list,
    "Mutation.volumeInstanceBackupCreate": backup_create,
    "Mutation.volumeInstanceBackupDelete": backup_delete,
    "Mutation.volumeInstanceBackupLock": backup_lock,
    "Mutation.volumeInstanceBackupRestore": backup_restore,
    "Mutation.volumeInstanceBackupScheduleUpdate": schedule_update,
}
