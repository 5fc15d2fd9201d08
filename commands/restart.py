"""Start a service of an instance once more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.deployment_steps import afterwards, outcome
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.services import deployed, find_service
from commands.steps.places import Place
from commands.steps.restart import Restart
from engine.capabilities import DeployState
from engine.command import Argument, Change, Completes, Risk
from engine.errors import Refused
from engine.plan import Plan, critical_path
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.situation import Situation
    from engine.world import World

_STARTS_WITHIN = timedelta(seconds=20)
_CAN = (DeployState.RUNNING, DeployState.CRASHED)


class RestartService(Change):
    """Restart the gateway of an instance, or another service of it, without a build.

    The same image starts again with the variables that it had. Afterwards the instance is looked
    at from outside.
    """

    name: ClassVar[str] = "restart"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("restart acme", "restart acme Redis")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    service: Annotated[str | None, Argument(), Completes("service")] = Field(
        default=None, description="Which service, if not the gateway", examples=["Redis"]
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.deployed

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        service = find_service(instance, self.service, blueprint)
        latest = deployed(instance, service)
        if latest.state not in _CAN:
            raise Refused(
                f"{service.name} of `{instance.name}` cannot be restarted: it does not run.",
                why=f"Its latest deployment is {latest.phase}.",
                who="Whoever may deploy can deploy it anew.",
                next_step=typed(f"redeploy {instance.name}")
                if service.name == blueprint.front.name
                else typed(f"status {instance.name}"),
                link=latest.url,
            )
        place = Place.of(instance.space)
        restart = Restart(
            key="restart",
            space=place,
            service=service.id,
            service_name=service.name,
            deployment=latest.id,
            changed_at=latest.updated_at.isoformat() if latest.updated_at else "",
        )
        steps = (
            restart,
            *afterwards(
                instance, blueprint, place, service.name, start="restart", expected=_STARTS_WITHIN
            ),
        )
        return Plan(
            title=f"Restart {service.name} of {instance.name}",
            subject=instance.name,
            steps=steps,
            changes=(f"~ {service.name} starts again",),
            risk=self.risk,
            expected=critical_path(steps),
            notes=("It does not answer for a moment.",),
            outcome=outcome(instance, service=service.name),
        )
