"""Replace a key of an instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from commands.config_deployment import deployment
from commands.deployment_steps import outcome
from commands.gateway import shared_names
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.service_settings import repair_changes, repair_steps
from commands.services import find_service
from commands.steps.places import Place
from commands.steps.prove_key import ProveKey
from commands.steps.remember_key import RememberKey
from commands.steps.renew_key import RenewKey
from engine.capabilities import KeyKind
from engine.command import Argument, Change, Completes, Risk
from engine.plan import Plan, critical_path
from engine.step import Ref, Step
from engine.words import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.situation import Situation
    from engine.world import World

_OLD, _NEW, _PROOF = "old", "new", "proof"
_OPENS = {"proxy": KeyKind.CLIENT, "admin": KeyKind.ADMIN}


class Rotate(Change):
    """Give an instance a new proxy or admin key; the old one is dead afterwards.

    The new key is made and written to the host, goes out with one deployment of what runs, and is
    given to you alone. Then both are tried: the run ends well only when the gateway accepts
    the new one and refuses the old one. There is no way back to the old one.
    """

    name: ClassVar[str] = "rotate"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("rotate acme proxy", "rotate acme admin --plan")

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    key: Annotated[Literal["proxy", "admin"], Argument()] = Field(description="Which key")

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.made and about.served

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    async def plan(self, world: World) -> Plan:
        blueprint = world.blueprint(BLUEPRINT)
        spec = blueprint.front
        instance = await find_instance(world, self.instance)
        service = find_service(instance, None, blueprint)
        credential = next(c for c in spec.credentials if c.name == self.key)
        variables = shared_names(spec, credential.variable)
        rule = spec.variables[credential.variable].generated
        assert rule is not None  # noqa: S101 - the blueprint generates every credential
        place = Place.of(instance.space)
        deployed = await deployment(world, instance, service, place, after=_NEW)
        repairs = repair_steps(instance, service, place)
        before = tuple(step.key for step in repairs)
        steps: list[Step] = [
            *repairs,
            RememberKey(
                key=_OLD, after=before, space=place, service=service.id, variables=variables
            ),
            RenewKey(
                key=_NEW,
                after=(_OLD,),
                space=place,
                service=service.id,
                variables=variables,
                rule=rule,
                remembered=_OLD,
            ),
            *deployed,
        ]
        if service.url:
            steps.append(
                ProveKey(
                    key=_PROOF,
                    after=(deployed[-1].key,),
                    space=place,
                    service=service.id,
                    url=service.url,
                    variable=credential.variable,
                    opens=_OPENS[self.key],
                    remembered=_OLD,
                )
            )
        return Plan(
            title=f"Rotate the {self.key} key of {instance.name}",
            subject=instance.name,
            steps=tuple(steps),
            changes=(
                f"~ {listed(variables)}: a new key",
                *repair_changes(instance, service),
            ),
            risk=self.risk,
            expected=critical_path(steps),
            notes=(
                f"{credential.label}: {credential.description}. Whoever has the old one is refused"
                " as soon as the new deployment answers; there is no way back.",
            ),
            outcome=outcome(
                instance,
                key=self.key,
                **({"summary": Ref(ref=f"{_PROOF}.said")} if service.url else {}),
            ),
            delivers=f"credentials {instance.name} --key {self.key}",
            closing="There is no Undo: the old key is kept nowhere.",
        )
