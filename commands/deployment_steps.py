"""What follows when a service of an existing instance is deployed or started anew, and the plan of
putting another deployment in the place of what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.history import ROLL_BACK, meanwhile, undo_line
from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT
from commands.service_settings import SETTINGS, after_repair, repair_changes, repair_steps
from commands.steps.check_deployment import CheckDeployment
from commands.steps.check_health import CheckHealth
from commands.steps.wait_for_deployment import WaitForDeployment
from engine.capabilities import DOCKERFILE
from engine.command import Risk
from engine.plan import Plan, critical_path
from engine.step import Ref
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from commands.history import History
    from commands.instances import Instance
    from commands.steps.places import Place
    from engine.blueprint import Blueprint
    from engine.capabilities import Deployment, Service
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
    check: CheckDeployment | None = None,
) -> tuple[Step, ...]:
    """Wait until what the step `start` has started runs, `check` how it was built, and look at the
    instance from outside. Tried again, a deployment that died is started once more."""
    wait = WaitForDeployment(
        key=WAIT,
        after=(start,),
        redo=(start,),
        space=place,
        service_name=service_name,
        deployment=Ref(ref=f"{start}.deployment_id"),
        expected=expected,
    )
    begun = (wait, check) if check else (wait,)
    front = instance.front
    if front is None or not front.url or not blueprint.front.health_paths:
        return begun
    health = CheckHealth(
        key="health",
        after=(WAIT,),
        space=place,
        service_name=front.name,
        url=front.url,
        paths=blueprint.front.health_paths,
    )
    return (*begun, health)


def check_of(
    instance: Instance,
    service: Service,
    place: Place,
    *,
    start: str,
    like: Deployment | None = None,
) -> CheckDeployment | None:
    """Whether the new deployment of the step `start` was built and checked as the settings say;
    `like`: as this earlier one, which comes back with the settings of its time. Tried again, it is
    deployed once more, with the settings."""
    settings = after_repair(instance, service)
    dockerfile, health_path = settings.dockerfile is not None, settings.health_path or ""
    if like is not None and like.builder:
        dockerfile, health_path = like.builder == DOCKERFILE, like.health_path or ""
    if not dockerfile and not health_path:
        return None
    return CheckDeployment(
        key="built",
        after=(WAIT,),
        redo=(*((SETTINGS,) if instance.missing_settings.given else ()), start, WAIT),
        space=place,
        service=service.id,
        service_name=service.name,
        deployment=Ref(ref=f"{WAIT}.deployment_id"),
        dockerfile=dockerfile,
        health_path=health_path,
        next_step=typed(f"redeploy {instance.name}"),
    )


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
    like: Deployment | None = None,
) -> Plan:
    """The plan of what `starts` put in place: settings that are missing are set first, the new
    deployment is waited for and looked at from outside, and the way back leads to what is in place
    now. The first of `starts` starts it; `like` is the earlier deployment that comes back."""
    blueprint = world.blueprint(BLUEPRINT)
    instance, service = front.instance, front.service
    start = starts[0].key
    rest = afterwards(
        instance,
        blueprint,
        front.place,
        service.name,
        start=start,
        expected=expected,
        check=check_of(instance, service, front.place, start=start, like=like),
    )
    repairs = repair_steps(instance, service, front.place)
    first = starts[0].model_copy(update={"after": (SETTINGS,)}) if repairs else starts[0]
    steps = (*repairs, first, *starts[1:], *rest)
    return Plan(
        title=f"{verb} {instance.name}",
        subject=instance.name,
        steps=steps,
        changes=(*changes, *repair_changes(instance, service)),
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
