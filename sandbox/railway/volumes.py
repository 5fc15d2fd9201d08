"""Volumes and their instances, one per environment; and the backups of an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway.records import Volume, VolumeInstance

if TYPE_CHECKING:
    from sandbox.railway.records import Project, ServiceInstance
    from sandbox.railway.world import World

SIZE_MB = {"free": 500, "trial": 500, "hobby": 5_000, "pro": 50_000}
"""Source: docs.railway.com, volumes/reference."""
READ_BACK = (4.0, 12.0)
"""Railway seconds until a new volume instance can be read; live ones took up to half a minute."""


def add(
    world: World, project: Project, instance: ServiceInstance, mount_path: str, *, lag: bool = True
) -> Volume:
    """A volume mounted into one service instance."""
    volume = new(world, project)
    add_instance(world, volume, instance.environment_id, mount_path, instance.service_id, lag=lag)
    return volume


def new(world: World, project: Project) -> Volume:
    service_words = world.chance.dice("volume name", project.id, len(world.volumes))
    letters = "".join(service_words.choices("abcdefghijklmnopqrstuvwxyz", k=4))
    return world.volumes.add(
        Volume(world.chance.uuid("volume"), project.id, f"volume-{letters}", world.now())
    )


def add_instance(
    world: World,
    volume: Volume,
    environment_id: str,
    mount_path: str,
    service_id: str | None,
    region: str | None = None,
    *,
    lag: bool = True,
) -> VolumeInstance:
    wait = world.chance.dice("volume", volume.id, environment_id).uniform(*READ_BACK)
    return world.volume_instances.add(
        VolumeInstance(
            world.chance.uuid("volume instance"),
            volume.id,
            environment_id,
            mount_path,
            SIZE_MB[world.settings.plan],
            world.now(),
            world.now() + (world.takes(wait) if lag else 0.0),
            service_id=service_id,
            region=region or "us-west2",
        )
    )


def copy(world: World, source: ServiceInstance, target: ServiceInstance) -> None:
    """The same volumes, empty, for the same service in another environment."""
    for instance in list(world.volume_instances.of(environment_id=source.environment_id)):
        if instance.service_id == source.service_id and instance.deleted_at is None:
            volume = world.volumes[instance.volume_id]
            add_instance(
                world, volume, target.environment_id, instance.mount_path, target.service_id
            )


def visible_in(world: World, environment_id: str) -> list[VolumeInstance]:
    now = world.now()
    every = world.volume_instances.of(environment_id=environment_id)
    return [v for v in every if v.deleted_at is None and v.visible_at <= now]
