"""Keep an instance whose deletion is scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.marks import Mark
from commands.names import KnownInstance
from commands.steps.places import Place
from commands.steps.replace_mark import ReplaceMark
from engine.capabilities import RunsServices
from engine.command import Argument, Change, Completes, Risk
from engine.errors import NotFound, Refused
from engine.plan import Plan, critical_path
from engine.run import RunStatus
from engine.words import moment, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.instances import Instance
    from engine.situation import Situation
    from engine.world import World


class CancelDelete(Change):
    """Keep an instance whose deletion is scheduled, on any day of its grace.

    Everything in it stays as it is.
    """

    name: ClassVar[str] = "cancel-delete"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("cancel-delete acme",)
    freezes: ClassVar[bool] = False

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.leaving

    @classmethod
    def caption(cls) -> str:
        return "Keep"

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        instance = await find_instance(world, self.instance)
        at = instance.deletion_at
        if at is None:
            raise Refused(
                f"No deletion of `{instance.name}` is scheduled.",
                why=f"Its state is {instance.status.words}; somebody may have kept it already.",
                who="Anybody may look at it.",
                next_step=typed(f"status {instance.name}"),
                link=instance.space.console_url,
            )
        step = ReplaceMark(
            key="keep",
            space=Place.of(instance.space),
            title="Take back its scheduled deletion",
            seen=instance.space.mark,
            mark=str(await _mark_before(world, instance)),
        )
        return Plan(
            title=f"Keep instance {instance.name}",
            subject=instance.name,
            steps=(step,),
            changes=(f"~ project {instance.space.name}: not to be deleted on {moment(at)}",),
            risk=self.risk,
            expected=critical_path((step,)),
            outcome={
                "name": instance.name,
                "project_id": instance.space.id,
                "deletion_scheduled_at": None,
            },
            undo=f"delete {instance.name}",
            closing=f"{instance.name} stays; it is not deleted on {moment(at)}.",
        )


async def _mark_before(world: World, instance: Instance) -> Mark:
    """What the scheduled deletion had no room for stands in the variables of the service that
    people reach. One that the tool before this one made has none of them, and is simply ready."""
    blueprint = world.blueprint(BLUEPRINT)
    short = instance.space.name == blueprint.space_prefix + instance.name
    name = "" if short else instance.name
    front = instance.front
    tells = next((n for n, v in blueprint.front.variables.items() if v.value == "{run}"), "")
    if front is None or not tells:
        return Mark.ready(name=name)
    there = await world.use(RunsServices).variables(instance.space, front.id)
    run_id = there.get(tells, "")
    try:
        made_by = await world.control.show(run_id) if run_id else None
    except NotFound:
        made_by = None
    if made_by is not None and made_by.status != RunStatus.SUCCEEDED:
        return Mark.creating(run_id, name=name)
    return Mark.ready(name=name)
