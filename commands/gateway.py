"""The running gateway of an instance, and the key that opens its admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.capabilities import GatewayAccess, RunsServices
from engine.errors import NotFound
from engine.words import typed

if TYPE_CHECKING:
    from commands.instances import Instance
    from engine.blueprint import ServiceSpec
    from engine.world import World

ADMIN_KEY = "ADMIN_API_KEY"


async def gateway_of(world: World, instance: Instance) -> GatewayAccess:
    """The key is read from the host each time and kept nowhere. Raises NotFound."""
    front = instance.front
    if front is None or not front.url:
        raise NotFound(
            f"The gateway of `{instance.name}` cannot be reached: it has no public address.",
            why=f"The instance's state is {instance.status.words}.",
            who="Whoever created it, or an admin, can look into it.",
            next_step=typed(f"status {instance.name}"),
            link=instance.space.console_url,
        )
    there = await world.use(RunsServices).resolved_variables(instance.space, front.id)
    key = there.get(ADMIN_KEY, "")
    if not key:
        raise NotFound(
            f"`{instance.name}` has no {ADMIN_KEY}, so its gateway cannot be asked.",
            why="It was not set, or it is sealed and cannot be read back.",
            who="Whoever may deploy can make a new one.",
            next_step=typed(f"rotate {instance.name} admin"),
            link=instance.space.console_url,
        )
    return GatewayAccess(front.url, key)


def shared_names(spec: ServiceSpec, variable: str) -> tuple[str, ...]:
    """The variable, and those that hold the same value by the blueprint."""
    return (variable, *(n for n, v in spec.variables.items() if v.same_as == variable))
