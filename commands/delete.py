"""Delete an instance, with time to think better of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.marks import Mark
from commands.names import KnownInstance
from commands.steps.places import Place
from commands.steps.replace_mark import ReplaceMark
from engine.answer import Answer, Confirm, Fact, Facts, Offer, Offers, Part, Table, Text
from engine.capabilities import HostsSpaces
from engine.command import Argument, Change, Completes, Risk
from engine.errors import PlanStale, ProviderError, Refused
from engine.plan import Plan, critical_path
from engine.words import about, ago, duration, moment, plural, typed, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from commands.instances import Instance
    from engine.capabilities import Service, Volume
    from engine.world import World

_SEEN_CHARACTERS = 12


class DeleteInstance(Change):
    """Delete an instance after a period of grace in which anybody allowed can keep it.

    Shows what would be lost and asks first. The instance stays reachable until its time comes;
    `cancel-delete` keeps it.
    """

    name: ClassVar[str] = "delete"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("delete acme", "delete acme --plan")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    confirm: str | None = Field(
        default=None, description="What the confirmation gave: says yes to exactly what it showed"
    )

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def confirmation(self, world: World) -> Answer | None:
        if self.confirm is not None:
            return None
        instance = await self._find(world)
        volumes = await _volumes(world, instance)
        return _confirmation(world, instance, volumes, self._deletion_at(world))

    async def plan(self, world: World) -> Plan:
        instance = await self._find(world)
        if self.confirm is not None and self.confirm != _seen(instance):
            raise PlanStale(
                f"`{instance.name}` is not any more what you were shown.",
                why="It was changed or made anew since then, so nothing was done.",
                who="You can look at it again.",
                next_step=typed(f"delete {instance.name}"),
                link=instance.space.console_url,
            )
        at = self._deletion_at(world)
        step = ReplaceMark(
            key="schedule",
            space=Place.of(instance.space),
            title=f"Schedule its deletion for {moment(at)}",
            seen=instance.space.mark,
            mark=str(Mark.scheduled(at)),
        )
        return Plan(
            title=f"Delete instance {instance.name}",
            subject=instance.name,
            steps=(step,),
            changes=(f"~ project {instance.space.name}: to be deleted on {moment(at)}",),
            risk=self.risk,
            expected=critical_path((step,)),
            notes=("It stays reachable until then.",),
            outcome={
                "name": instance.name,
                "project_id": instance.space.id,
                "status": InstanceStatus.DELETION_SCHEDULED,
                "deletion_scheduled_at": at.isoformat(),
            },
            undo=f"cancel-delete {instance.name}",
            undo_label="Keep it",
            closing=f"{instance.name} stays reachable until {moment(at)}, {_grace(world)} after"
            " this was asked for; then it is deleted with everything in it.",
        )

    async def _find(self, world: World) -> Instance:
        instance = await find_instance(world, self.instance)
        if instance.deletion_at is not None:
            raise Refused(
                f"The deletion of `{instance.name}` is scheduled already.",
                why=f"It is to be deleted on {moment(instance.deletion_at)},"
                f" {until(instance.deletion_at, world.now())}.",
                who="Anybody with the role deployer can keep it until then.",
                next_step=typed(f"cancel-delete {instance.name}"),
                link=instance.space.console_url,
            )
        return instance

    def _deletion_at(self, world: World) -> datetime:
        return (world.now() + world.limits.delete_grace).replace(microsecond=0)


def _seen(instance: Instance) -> str:
    """Stands for this very instance in this very state: a new one of the same name differs."""
    shown = f"{instance.space.id}\n{instance.space.mark}"
    return hashlib.sha256(shown.encode()).hexdigest()[:_SEEN_CHARACTERS]


def _grace(world: World) -> str:
    return duration(world.limits.delete_grace)


async def _volumes(world: World, instance: Instance) -> Sequence[Volume] | None:
    """None when the host does not tell."""
    try:
        return await world.use(HostsSpaces).volumes(instance.space)
    except ProviderError:
        return None


def _lost(service: Service, volumes: Sequence[Volume] | None) -> str:
    """What goes with a service, in one line."""
    source = service.repo or service.image or "–"
    if volumes is None:
        return f"{source}, with its data if it has any (not known now)"
    kept = [v for v in volumes if v.service_id == service.id]
    if not kept:
        return source
    used, size = sum(v.used_mb for v in kept), sum(v.size_mb for v in kept)
    return f"{plural(len(kept), 'volume')} with all data ({used:,.0f} of {size:,} MB used)"


def _confirmation(
    world: World, instance: Instance, volumes: Sequence[Volume] | None, at: datetime
) -> Answer:
    now, space = world.now(), instance.space
    blueprint = world.blueprint(BLUEPRINT)
    url = instance.url(blueprint)
    deployed = max((s.deployment.created_at for s in space.services if s.deployment), default=None)
    services = sorted(space.services, key=lambda s: s.name.lower())
    line = f"delete {instance.name} --confirm {_seen(instance)}"
    parts: tuple[Part, ...] = (
        Facts(
            facts=(
                Fact(label="Address", value=url or "not public", url=url),
                Fact(label="State", value=instance.status.words),
                Fact(label="Age", value=about(now - space.created_at)),
                Fact(label="Last deployment", value=ago(deployed, now) if deployed else "never"),
                Fact(label="Project", value=space.name, url=space.console_url),
            )
        ),
        Table(
            columns=("Service", "What would be lost"),
            rows=tuple((s.name, _lost(s, volumes)) for s in services),
            empty="It has no services.",
        ),
        Text(
            text=f"It stays reachable for {_grace(world)} and is deleted on {moment(at)}."
            " Until then anybody with the role deployer can keep it."
        ),
        Offers(
            offers=(
                Offer(
                    label=f"Delete {instance.name}",
                    line=line,
                    style="danger",
                    confirm=Confirm(
                        title=f"Delete {instance.name}?",
                        text=f"It is deleted with all its data in {_grace(world)},"
                        " unless somebody keeps it.",
                        yes="Delete it",
                    ),
                ),
                Offer(label="Status", line=f"status {instance.name}"),
            )
        ),
    )
    return Answer(
        title=f"Delete {instance.name}? This is what would be lost",
        parts=parts,
        data=instance.as_json(blueprint)
        | {"would_be_deleted_at": at.isoformat(), "confirm": line},
        private=True,
    )
