"""Finding one service of an instance by what people type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import NotFound
from engine.words import listed, typed

if TYPE_CHECKING:
    from commands.instances import Instance
    from engine.blueprint import Blueprint
    from engine.capabilities import Deployment, Service


def find_service(instance: Instance, name: str | None, blueprint: Blueprint) -> Service:
    """By name, whatever its case; None: the one that people reach. Raises NotFound."""
    wanted = name or blueprint.front.name
    services = instance.space.services
    exact = instance.space.service(wanted)
    found = exact or next((s for s in services if s.name.lower() == wanted.lower()), None)
    if found is not None:
        return found
    names = sorted((f"`{s.name}`" for s in services), key=str.lower)
    raise NotFound(
        f"`{instance.name}` has no service `{wanted}`.",
        why=f"It has {listed(names)}." if names else "It has no services at all.",
        who="Anybody may look at it.",
        next_step=typed(f"status {instance.name}"),
        link=instance.space.console_url,
    )


def deployed(instance: Instance, service: Service) -> Deployment:
    """Its latest deployment. Raises NotFound when it was never deployed."""
    if service.deployment is not None:
        return service.deployment
    raise NotFound(
        f"{service.name} of `{instance.name}` was never deployed.",
        why=f"The instance's state is {instance.status.words}.",
        who="Whoever created it, or an admin, can look into it.",
        next_step=typed(f"status {instance.name}"),
        link=instance.space.console_url,
    )
