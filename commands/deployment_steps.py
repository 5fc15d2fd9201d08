"""What follows when a service of an existing instance is deployed or started anew, and the plan of
putting another deployment in the place of what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.history import ROLL_BACK, meanwhile, undo_line
from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT
from commands.steps.check_health import CheckHealth
from commands.steps.wait_for_deployment import WaitForDeployment
from engine.command import Risk
from engine.plan import Plan, critical_path
from engine.step import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from commands.history import History
    from commands.instances import Instance
    from commands.steps.places import Place
    from engine.blueprint import Blueprint
    from engine.capabilities import Service
    from engine.step import Step
    from engine.world import World

WAIT = "deployment"


def afterwards(
    instance: Instance,
    blueprint: Blueprint,
    place: Place,
    service_name: str,
    *,
    start: str,
    expected: timedelta,
) -> tuple[Step, ...]:
    """Wait until what the step `start` has started runs, then look at the instance from outside.
    Tried again, a deployment that died is started anew."""
    wait = WaitForDeployment(
        key=WAIT,
        after=(start,),
        redo=(start,),
        space=place,
        service_name=service_name,
        deployment=Ref(ref=f"{start}.deployment_id"),
        expected=expected,
    )
    front = instance.front
    if front is None or not front.url or not blueprint.front.health_paths:
        return (wait,)
    health = CheckHealth(
        key="health",
        after=(WAIT,),
        space=place,
        service_name=front.name,
        url=front.url,
        paths=blueprint.front.health_paths,
    )
    return (wait, health)


def outcome(instance: Instance, **more: str | Ref) -> dict[str, str | Ref | None]:
    """What the result of such a run is made of."""
    return {
        "name": instance.name,
        "project_id": instance.space.id,
        "url": instance.url or None,
        "status": InstanceStatus.RUNNING,
        **more,
    }


@dataclass(frozen=True)
class Front:
    """What people reach of an instance, with what was deployed of it."""

    instance: Instance
    service: Service
    history: History
    place: Place

    @property
    def newest(self) -> str:
        return self.history.newest.id if self.history.newest else ""

    @property
    def replaces(self) -> str:
        """The commit that another one takes the place of; empty: not known."""
        return self.history.replaced.commit if self.history.replaced else ""


def replacement(
    world: World,
    front: Front,
    starts: Sequence[Step],
    *,
    verb: str,
    newcomer: str,
    changes: Sequence[str],
    notes: Sequence[str] = (),
    expected: timedelta,
) -> Plan:
    """The plan of what `starts` put in place: it is waited for and looked at from outside, and the
    way back leads to what is in place now. The first of them starts the deployment."""
    blueprint = world.blueprint(BLUEPRINT)
    instance, start = front.instance, starts[0].key
    rest = afterwards(
        instance, blueprint, front.place, front.service.name, start=start, expected=expected
    )
    steps = (*starts, *rest)
    return Plan(
        title=f"{verb} {instance.name}",
        subject=instance.name,
        steps=steps,
        changes=tuple(changes),
        risk=Risk.CHANGES,
        expected=critical_path(steps),
        notes=(*notes, meanwhile(front.history, newcomer)),
        outcome=outcome(
            instance,
            summary=Ref(ref=f"{start}.said"),
            commit=Ref(ref=f"{WAIT}.commit"),
            deployment=Ref(ref=f"{WAIT}.deployment_id"),
        ),
        undo=undo_line(instance, front.history.replaced, start=start),
        undo_failed_label=ROLL_BACK,
    )
