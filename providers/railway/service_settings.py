"""How a service is built and run: set before a source is connected, and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.capabilities import RestartPolicy
from engine.errors import Rejected
from providers.railway import models, translate
from providers.railway.rail import place

if TYPE_CHECKING:
    from datetime import timedelta

    from engine.capabilities import ServiceSettings, Space
    from providers.railway.rail import Rail

DOCKERFILE_VARIABLE = "RAILWAY_DOCKERFILE_PATH"
"""Source: Railway docs, builds/dockerfiles."""

_FIELDS = {
    "dockerfile": "dockerfilePath",
    "health_path": "healthcheckPath",
    "health_timeout": "healthcheckTimeout",
    "start_command": "startCommand",
    "restart": "restartPolicyType",
    "restart_retries": "restartPolicyMaxRetries",
    "replicas": "numReplicas",
    "region": "region",
}
"""Our name → that of `ServiceInstanceUpdateInput`."""


_CHANGED = "It answered that it changed the settings, but they read back otherwise."
_UNCHANGED = "It answered that nothing was changed."


async def change(rail: Rail, space: Space, service_id: str, settings: ServiceSettings) -> None:
    """Write them, and read them back. Rejected when Railway does not keep them.

    There is no builder to set: `Builder` has no DOCKERFILE, the path alone switches to it. The
    present number of replicas is always sent along: without it it was reported to go back to one.
    Source: Railway's public GraphQL schema, `serviceInstanceUpdate`; railwayapp/cli,
    mcp/tools/project.rs (false: nothing changed); alchemy-run/alchemy, ServiceProvider (replicas).
    """

    async def read() -> models.Connected:
        wiring = await rail.client.read(
            "serviceInstance", models.ServiceWiring, **place(space, service_id)
        )
        return wiring.service_instance

    async def written() -> bool | None:
        return True if _holds(await read(), settings) else None

    seen = await read()
    if _holds(seen, settings):
        return
    placed = {"replicas", "region"} & settings.given.keys()
    present = {} if placed else await _present_replicas(rail, space, service_id, seen)
    write = rail.client.write(
        "serviceInstanceUpdate",
        bool,
        environment=space.environment_id,
        serviceId=service_id,
        environmentId=space.environment_id,
        input={**present, **_input(settings)},
    )
    changed = await rail.settle(write, written)
    if await rail.look(written) is None:
        raise Rejected(
            "Railway has not kept how the service is to be built and run.",
            vendor="railway",
            call="serviceInstanceUpdate",
            why=f"{_CHANGED if changed else _UNCHANGED} To be set there by hand:"
            f" {', '.join(settings.words)}.",
            who="An administrator of the project can set them in Railway's console.",
            next_step=translate.settings_page(space.id, service_id, space.environment_id),
        )


def _holds(seen: models.Connected, wanted: ServiceSettings) -> bool:
    there = translate.settings(seen)
    return all(getattr(there, name) == value for name, value in wanted.given.items())


def _input(settings: ServiceSettings) -> dict[str, Any]:
    return {_FIELDS[name]: _value(value) for name, value in settings.given.items()}


def _value(value: str | float | timedelta | RestartPolicy) -> str | int | float:
    if isinstance(value, RestartPolicy):
        return value.value.upper()
    if isinstance(value, str | int | float):
        return value
    return round(value.total_seconds())


async def _present_replicas(
    rail: Rail, space: Space, service_id: str, instance: models.Connected
) -> dict[str, Any]:
    """Where replicas run now, as an input says it. The environment's configuration tells it, where
    anything is set; an instance often tells nothing, and nothing of regions; what was deployed may
    be older than the last change, which needs no deployment. A service that was never deployed has
    one.

    Source: railwayapp/cli, commands/scale.rs and controllers/config/environment.rs (the
    configuration); alchemy-run/alchemy, ServiceProvider (the other two).
    """
    deployed = [*instance.active_deployments, instance.latest_deployment]
    if not any(deployed):
        return {"numReplicas": instance.num_replicas or 1}
    whole = await rail.client.read(
        "environmentConfig",
        models.EnvironmentConfig,
        id=space.environment_id,
        projectId=space.id,
    )
    configured = _deploy_section(whole.config, service_id)
    if regions := _regions(configured.get("multiRegionConfig")):
        return {"multiRegionConfig": regions}
    for count in (configured.get("numReplicas"), instance.num_replicas):
        if isinstance(count, int):
            return {"numReplicas": count}
    seen = [_regions(d.meta.service_manifest.deploy.multi_region_config) for d in deployed if d]
    regions = next((found for found in seen if found), {})
    if len(regions) > 1:
        return {"multiRegionConfig": regions}
    return {"numReplicas": next((r["numReplicas"] for r in regions.values()), 1)}


def _deploy_section(config: dict[str, Any], service_id: str) -> dict[str, Any]:
    found: Any = config
    for key in ("services", service_id, "deploy"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _regions(value: object) -> dict[str, Any]:
    """By name, with how many replicas; anything else tells us nothing."""
    given = value if isinstance(value, dict) else {}
    return {
        name: {"numReplicas": region["numReplicas"]}
        for name, region in given.items()
        if isinstance(region, dict) and isinstance(region.get("numReplicas"), int)
    }
