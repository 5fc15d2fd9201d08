"""The code that runs, deployed once more so that it starts with other variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.deployment_steps import afterwards, check_of
from commands.history import history_of
from commands.instances import BLUEPRINT
from commands.steps.deploy import Deploy
from engine.errors import Refused
from engine.words import typed

if TYPE_CHECKING:
    from commands.instances import Instance
    from commands.steps.places import Place
    from engine.capabilities import Service
    from engine.step import Step
    from engine.world import World

START = "deploy"


async def deployment(
    world: World, instance: Instance, service: Service, place: Place, *, after: str
) -> tuple[Step, ...]:
    """Deploy it after the step `after`, wait until it runs, look at it from outside. Settings that
    are missing are to be set before (`repair_steps`). Raises Refused where there is no code."""
    blueprint = world.blueprint(BLUEPRINT)
    if not service.repo:
        raise Refused(
            f"{service.name} of `{instance.name}` has no repository to deploy from.",
            why=f"It runs the image {service.image}."
            if service.image
            else "Its creation never came that far.",
            who="Whoever may deploy can write variables alone, with `config … --no-deploy`.",
            next_step=typed(f"status {instance.name}"),
            link=instance.space.console_url,
        )
    history = await history_of(world, instance, service)
    runs = history.replaced or history.newest
    commit = runs.commit if runs else ""
    deploy = Deploy(
        key=START,
        after=(after,),
        space=place,
        service=service.id,
        service_name=service.name,
        repo=service.repo,
        branch=history.branch or blueprint.front.branch,
        commit=commit,
        newest=history.newest.id if history.newest else "",
        replaces=commit,
    )
    expected = blueprint.front.expected
    rest = afterwards(
        instance,
        blueprint,
        place,
        service.name,
        start=START,
        expected=expected,
        check=check_of(instance, service, place, start=START),
    )
    return (deploy, *rest)
