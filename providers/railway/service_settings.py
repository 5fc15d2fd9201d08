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
    write = rail.client.write(
        "serviceInstanceUpdate",
        bool,
        environment=space.environment_id,
        serviceId=service_id,
        environmentId=space.environment_id,
        input={**_present_replicas(seen), **_input(settings)},
    )
    changed = await rail.settle(write, written)
    if await rail.look(written) is None:
        raise Rejected(
            "Railway has not kept how the service is to be built and run.",
            vendor="railway",
            call="serviceInstanceUpdate",
            why="It answered that it changed the settings, but they read back otherwise."
            if changed
            else "It answered that nothing was changed.",
            who=f"Its administrators can set them in the console: {', '.join(settings.words)}.",
            next_step=translate.project_page(space.id),
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


def _present_replicas(instance: models.Connected) -> dict[str, Any]:
    """Where replicas run now. The instance itself often does not tell, and never tells of several
    regions: then what was deployed last does. A service that was never deployed has one.

    Source: alchemy-run/alchemy, ServiceProvider.
    """
    deployed = [*instance.active_deployments, instance.latest_deployment]
    configs = [d.meta.service_manifest.deploy.multi_region_config for d in deployed if d]
    regions = next((config for config in configs if config), {})
    if len(regions) > 1:
        return {"multiRegionConfig": regions}
    if instance.num_replicas is not None:
        return {"numReplicas": instance.num_replicas}
    counts = [region.get("numReplicas") for region in regions.values() if isinstance(region, dict)]
    return {"numReplicas": next((n for n in counts if isinstance(n, int)), 1)}
