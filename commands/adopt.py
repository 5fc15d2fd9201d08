"""Take an instance as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.marks import Mark, MarkKind
from commands.names import KnownInstance
from commands.service_settings import repair_changes, repair_steps
from commands.steps.places import Place
from commands.steps.replace_mark import ReplaceMark
from engine.command import Argument, Change, Completes, Risk
from engine.errors import Refused
from engine.plan import Plan, critical_path
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.situation import Situation
    from engine.world import World


class Adopt(Change):
    """Take an instance as it is whose creation never came to its end, or that lacks a part.

    Its mark is changed, and how its gateway is built and run is set where that is missing; nothing
    is deployed. It counts as an ordinary instance from then on, and is no orphan any more. Parts
    that it lacks stay missing, and `list` and `status` go on saying so.
    """

    name: ClassVar[str] = "adopt"
    risk: ClassVar[Risk] = Risk.CHANGES
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("adopt acme",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        orphan = not about.made or not (about.whole or about.accepted)
        moving = about.creating or about.busy or about.leaving
        return super().makes_sense(about) and orphan and not moving

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        lacks = instance.missing
        why, then = "", f"status {instance.name}"
        if instance.deletion_at is not None:
            why = "Its deletion is scheduled, and adopting it would undo that."
            then = f"cancel-delete {instance.name}"
        elif instance.status is InstanceStatus.PROVISIONING:
            why = f"It is no leftover: {instance.reason}."
        elif instance.mark.kind != MarkKind.CREATING and not instance.unaccounted:
            why = f"It is an ordinary instance already: {instance.status.words}."
            if lacks:
                why = f"It was adopted without {listed(lacks)} already."
        if why:
            raise Refused(
                f"`{instance.name}` cannot be taken as it is.",
                why=why,
                who="Anybody may look at it.",
                next_step=typed(then),
                link=instance.space.console_url,
            )
        short = instance.space.name == blueprint.space_prefix + instance.name
        ready = Mark.ready(name="" if short else instance.name, without=tuple(lacks))
        place = Place.of(instance.space)
        repairs = repair_steps(instance, instance.front, place) if instance.front else ()
        step = ReplaceMark(
            key="mark",
            after=tuple(step.key for step in repairs),
            space=place,
            title="Mark it ready",
            seen=instance.space.mark,
            mark=str(ready),
        )
        return Plan(
            title=f"Adopt instance {instance.name}",
            subject=instance.name,
            steps=(*repairs, step),
            changes=(
                f"~ project {instance.space.name}: marked {ready}",
                *(repair_changes(instance, instance.front) if instance.front else ()),
            ),
            notes=(lacking(instance.name, lacks),) if lacks else (),
            risk=self.risk,
            expected=critical_path((*repairs, step)),
            outcome={"name": instance.name, "project_id": instance.space.id},
            closing=lacking(instance.name, lacks) if lacks else "",
        )


def lacking(name: str, lacks: Sequence[str]) -> str:
    """What it means to adopt one that is not whole."""
    return f"{name} lacks {listed(lacks)}; as long as it does, it is listed as unwell."
