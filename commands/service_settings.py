"""Settings that say how an instance's gateway is built and run: which are missing, what comes of
it, and the step that sets them. The host reads no configuration file of the repository, so what is
not set on the service itself is missing at its next deployment."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from commands.steps.write_settings import WriteSettings
from engine.capabilities import ServiceSettings
from engine.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.instances import Instance
    from commands.steps.places import Place
    from engine.capabilities import Service
    from engine.step import Step

ASKED = 50
"""Gateways that are asked one by one which Dockerfile their variables name, in one answer."""
SETTINGS = "settings"
"""Key of the step that sets them."""


def consequence(instance: Instance, *, many: bool = False) -> str:
    """What comes of what it lacks: `its next deployment will not use its Dockerfile`."""
    missing = instance.missing_settings
    its = "their" if many else "its"
    deployment = f"{its} next deployment"
    without = bool(missing.dockerfile) and not instance.named_dockerfile
    if without and missing.health_path:
        return f"{deployment} will not use {its} Dockerfile and has no health check"
    if without:
        return f"{deployment} will not use {its} Dockerfile"
    if missing.health_path:
        return f"{deployment} has no health check"
    return f"{deployment} will not use all of {its} settings"


def consequences(instances: Sequence[Instance]) -> Sequence[tuple[Sequence[str], str]]:
    """Groups of instances whose missing settings lead to the same, the largest group first: their
    names, and what it leads to."""
    alike: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        alike[consequence(instance)].append(instance)
    groups = sorted(alike.values(), key=len, reverse=True)
    return [([i.name for i in g], consequence(g[0], many=len(g) > 1)) for g in groups]


def lacking(count: int) -> str:
    """`3 gateways lack settings`."""
    return f"{plural(count, 'gateway')} {'lacks' if count == 1 else 'lack'} settings"


def repair_steps(instance: Instance, service: Service, place: Place) -> Sequence[Step]:
    """One step that sets what is missing; none when nothing is. Nothing is deployed by it."""
    missing = instance.missing_settings
    if not missing.given:
        return ()
    step = WriteSettings(
        key=SETTINGS,
        space=place,
        service=service.id,
        service_name=service.name,
        settings=missing,
    )
    return (step,)


def repair_changes(instance: Instance, service: Service) -> Sequence[str]:
    """What these steps change, a line each."""
    seen = service.settings or ServiceSettings()
    lines = instance.missing_settings.changes_from(seen)
    return [f"~ {service.name}: {line}" for line in lines]


def after_repair(instance: Instance, service: Service) -> ServiceSettings:
    """The settings that hold once what is missing is set."""
    if service.settings is None:
        return instance.blueprint.front.settings
    return instance.missing_settings.over(service.settings)
