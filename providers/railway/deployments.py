"""What was deployed of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import OutcomeUnknown
from providers.railway import models, translate
from providers.railway.rail import place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from engine.capabilities import Deployment, Space
    from providers.railway.rail import Rail


class Deployments:
    """The part of RunsServices that looks at deployments, and puts them into action."""

    _rail: Rail

    async def deployments(
        self, space: Space, service_id: str, *, limit: int = 20
    ) -> Sequence[Deployment]:
        """Sorted here: Railway promises no order, and its own CLI sorts, too.

        Source: Railway's public GraphQL schema, `deployments`; railwayapp/cli, commands/logs.rs.
        """
        found = await self._rail.client.read(
            "deployments",
            models.Connection[models.Deployment],
            input=place(space, service_id),
            first=limit,
        )
        ours = [translate.deployment(deployment) for deployment in found.nodes]
        return sorted(ours, key=lambda d: d.created_at, reverse=True)

    async def deploy(
        self, space: Space, service_id: str, *, commit: str = "", after: str = ""
    ) -> Deployment:
        """The newest commit goes out as Railway's own CLI does it (`redeploy --from-source`).

        Source: railwayapp/cli, commands/redeploy.rs; Railway's public GraphQL schema,
        `serviceInstanceDeploy(latestCommit)`, `serviceInstanceDeployV2(commitSha)`.
        """
        environment = space.environment_id
        write: Awaitable[object]
        if commit:
            write = self._rail.client.write(
                "serviceInstanceDeployV2",
                str,
                environment=environment,
                environmentId=environment,
                serviceId=service_id,
                commitSha=commit,
            )
        else:
            write = self._rail.client.write(
                "serviceInstanceDeploy",
                bool,
                environment=environment,
                environmentId=environment,
                serviceId=service_id,
            )
        return await self._started(space, service_id, write, after)

    async def roll_back(
        self, space: Space, service_id: str, deployment_id: str, *, after: str = ""
    ) -> Deployment:
        """Source: Railway's public GraphQL schema, `deploymentRollback`, which answers only yes;
        Railway docs, deployments/reference (the old image, settings and variables)."""
        write = self._rail.client.write(
            "deploymentRollback", bool, environment=space.environment_id, id=deployment_id
        )
        return await self._started(space, service_id, write, after)

    async def restart(self, space: Space, deployment_id: str) -> None:
        """Source: railwayapp/cli, commands/restart.rs."""
        await self._rail.client.write(
            "deploymentRestart", bool, environment=space.environment_id, id=deployment_id
        )

    async def _started(
        self, space: Space, service_id: str, write: Awaitable[object], after: str
    ) -> Deployment:
        """What a write started, found by listing, whether it was answered or not."""

        async def newest() -> Deployment | None:
            found = await self.deployments(space, service_id, limit=1)
            return found[0] if found and found[0].id != after else None

        async def start() -> Deployment:
            await write
            found = await self._rail.look(newest)
            if found is None:
                raise OutcomeUnknown(
                    "Railway started a deployment but does not show it.",
                    vendor="railway",
                    call="deployments",
                )
            return found

        return await self._rail.settle(start(), newest)
