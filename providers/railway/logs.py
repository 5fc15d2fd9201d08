"""What builds and services write, without the secrets in it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine import capabilities as ours
from providers.railway import models
from providers.railway.masking import mask, secrets_of
from providers.railway.rail import place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.capabilities import Space
    from providers.railway.rail import Rail

MOST_LINES = 5000
"""Source: Railway's public GraphQL schema, `deploymentLogs(limit)`."""


class Logs:
    """The part of RunsServices that reads logs."""

    _rail: Rail

    async def log(
        self,
        space: Space,
        service_id: str,
        deployment_id: str,
        *,
        build: bool = False,
        lines: int = 100,
        since: datetime | None = None,
        wanted: str = "",
    ) -> Sequence[ours.LogLine]:
        """Nothing is shown while the secrets to be masked cannot be read.

        Source: Railway's public GraphQL schema, `buildLogs`, `deploymentLogs`.
        """
        narrowed: dict[str, Any] = {"startDate": since.isoformat()} if since else {}
        narrowed |= {"filter": wanted} if wanted else {}
        operation = "buildLogs" if build else "deploymentLogs"
        entries = await tail(self._rail, operation, deployment_id, lines, **narrowed)
        secrets = await secrets_in(self._rail, place(space, service_id))
        return [
            ours.LogLine(datetime.fromisoformat(e.timestamp), mask(e.message.rstrip(), secrets))
            for e in entries
        ]


async def tail(
    rail: Rail, operation: str, deployment_id: str, lines: int, **narrowed: Any
) -> list[models.Log]:
    """The last lines, oldest first. Railway sends one line more than asked for.

    Source: railwayapp/cli, src/controllers/deployment.rs.
    """
    log = await rail.client.read(
        operation,
        list[models.Log],
        deploymentId=deployment_id,
        limit=min(lines, MOST_LINES),
        **narrowed,
    )
    return sorted(log, key=lambda entry: entry.timestamp)[-lines:]


async def secrets_in(rail: Rail, where: Mapping[str, str]) -> set[str]:
    """What must not be shown of a service's variables, as they are right now."""
    variables = await rail.client.read(
        "variables", dict[str, str | None], **where, unrendered=False
    )
    return secrets_of({name: value for name, value in variables.items() if value})
