"""Delete an instance whose grace is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.expiry import clock_trouble, expiry_of, keys
from commands.instances import find_instance, instance_lock
from commands.names import KnownInstance
from commands.steps.delete_space import DeleteSpace
from commands.steps.places import Place
from engine.actor import Role
from engine.capabilities import HostsSpaces
from engine.command import Argument, Change, Completes, Risk
from engine.errors import Refused
from engine.plan import Plan, critical_path
from engine.words import moment, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.instances import Instance
    from engine.situation import Situation
    from engine.world import World


class Expire(Change):
    """Delete an instance for good, once its scheduled time has come and everybody was warned.

    The bot does this by itself; `sweep` does it for all that are due.
    """

    name: ClassVar[str] = "expire"
    risk: ClassVar[Risk] = Risk.REMOVES
    role: ClassVar[Role] = Role.ADMIN
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("expire acme",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.due and not about.busy

    @classmethod
    def caption(cls) -> str:
        return "Delete for good"

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        instance = await find_instance(world, self.instance)
        trouble = clock_trouble(world.now(), world.use(HostsSpaces))
        due = instance.deletion_at
        if due is None:
            raise _refused(instance, "No deletion of it is scheduled.", "delete")
        told = await world.notices.told(keys(instance).values())
        expiry = expiry_of(world, instance, told)
        if not expiry.is_due(world.now()):
            why = f"It is to be deleted on {moment(expiry.due_at(world.now()))}"
            warned = "" if expiry.first_told else ", a while after everybody was told so"
            raise _refused(instance, f"{why}{warned}.", "status")
        if trouble:
            raise _refused(instance, trouble, "status")
        step = DeleteSpace(
            key="delete",
            space=Place.of(instance.space),
            seen=instance.space.mark,
            due=expiry.due_at(world.now()),
        )
        name = instance.space.name
        return Plan(
            title=f"Delete instance {instance.name} for good",
            subject=instance.name,
            steps=(step,),
            changes=(
                f"- project {name}",
                *(f"- service {s.name}" for s in instance.space.services),
            ),
            risk=self.risk,
            expected=critical_path((step,)),
            outcome={"name": instance.name, "project_id": instance.space.id, "status": "gone"},
            closing=f"{instance.name} and everything in it is gone.",
        )


def _refused(instance: Instance, why: str, then: str) -> Refused:
    return Refused(
        f"`{instance.name}` is not deleted now.",
        why=why,
        who="Anybody with the role deployer can schedule its deletion or keep it.",
        next_step=typed(f"{then} {instance.name}"),
        link=instance.space.console_url,
    )
