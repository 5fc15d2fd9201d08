"""What follows when a service of an existing instance is deployed or started anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.instance_state import InstanceStatus
from commands.steps.check_health import CheckHealth
from commands.steps.wait_for_deployment import WaitForDeployment
from engine.step import Ref

if TYPE_CHECKING:
    from datetime import timedelta

    from commands.instances import Instance
    from commands.steps.places import Place
    from engine.blueprint import Blueprint
    from engine.step import Step

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
    front = instance.front(blueprint)
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


def outcome(
    instance: Instance, blueprint: Blueprint, **more: str | Ref
) -> dict[str, str | Ref | None]:
    """What the result of such a run is made of."""
    return {
        "name": instance.name,
        "project_id": instance.space.id,
        "url": instance.url(blueprint) or None,
        "status": InstanceStatus.RUNNING,
        **more,
    }
