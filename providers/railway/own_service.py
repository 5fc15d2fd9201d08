"""The settings with which Railway runs a service, for the comparison of the bot's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

from providers.railway.models import Wire
from providers.railway.verdicts import Verdict

if TYPE_CHECKING:
    from providers.railway.client import RailwayClient

_NOT_SHOWN = (Verdict.DENIED, Verdict.MISSING)


def _commands(value: object) -> object:
    """The field is untyped JSON: a list of commands, one command, or nothing."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


class OwnService(Wire):
    """The settings in force from the next deployment on; None where nothing is set.

    Source: Railway's public GraphQL schema, `ServiceInstance`.
    """

    start_command: str | None
    pre_deploy_command: Annotated[tuple[str, ...], BeforeValidator(_commands)]
    healthcheck_path: str | None
    healthcheck_timeout: int | None
    """Seconds."""
    restart_policy_type: str
    overlap_seconds: int | None
    draining_seconds: int | None


async def own_service(
    client: RailwayClient, environment_id: str, service_id: str
) -> OwnService | None:
    """Read a service's settings; None when the token may not see it, or there is none.

    Raises ProviderError. Source: Railway's public GraphQL schema, `serviceInstance`.
    """
    answer = await client.read_unless(
        _NOT_SHOWN,
        "ownServiceInstance",
        OwnService,
        environmentId=environment_id,
        serviceId=service_id,
    )
    return None if isinstance(answer, Verdict) else answer
