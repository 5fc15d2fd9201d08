"""Railway as a provider: projects are spaces, templates are databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.peers import NoPeers
from providers.railway.client import RailwayClient, at_once
from providers.railway.databases import Databases
from providers.railway.deployments import Deployments
from providers.railway.failures import failure_of
from providers.railway.flight import SingleFlight
from providers.railway.logs import Logs
from providers.railway.own_service import own_service
from providers.railway.projects import Projects
from providers.railway.rail import Rail
from providers.railway.services import Services
from providers.railway.sources import Sources
from providers.railway.token import TokenDescription, access, described
from providers.railway.usage import Usage
from providers.railway.watching import DeploymentWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from engine.capabilities import Access, Deployment, Failure, Space
    from engine.clock import Clock
    from engine.peers import Peers
    from providers.railway.own_service import OwnService


class RailwayProvider(Projects, Services, Sources, Deployments, Logs, Databases, Usage):
    """HostsSpaces, RunsServices, KeepsDatabases, ReadsRepositories, MeasuresUse and TellsAccess.


    One per process: its parts share a rate-limit budget, the lines for creation throttles, the
    locks of the environments and the poll for deployments.
    """

    vendor = "Railway"

    def __init__(
        self,
        url: str,
        token: str,
        workspace_id: str | None,
        gateway_url: str = "https://{domain}",
        *,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        peers: Callable[[], Peers] = NoPeers,
        before_each: Callable[[], Awaitable[None]] = at_once,
    ) -> None:
        """`peers` are those that share the token, as of the moment when they are asked for;
        `before_each` request returns when it may be sent."""
        self._client = RailwayClient(
            url, token, clock=clock, transport=transport, peers=peers, before_each=before_each
        )
        self._rail = Rail(self._client, clock, workspace_id or None, gateway_url)
        self._reading = SingleFlight(self._read)
        self._watch = DeploymentWatch(self._rail)

    async def aclose(self) -> None:
        """Stops the poll and closes the connections."""
        await self._watch.aclose()
        await self._client.aclose()

    async def describe_token(self) -> TokenDescription:
        """Kind, workspaces and remaining requests as of now, for `doctor` and `whoami`.

        Raises NotConfigured for a token that Railway does not accept.
        """
        return described(await self._client.token(afresh=True), self._client.budget)

    async def access(self) -> Access:
        """Source: Railway docs, integrations/api (kinds of token, rate-limit headers)."""
        return access(await self._client.token(afresh=True), self._client.budget)

    async def resolve_workspace(self) -> str:
        """The id of the workspace that spaces live in. Raises NotConfigured."""
        return await self._rail.workspace()

    def watch(self, space: Space, deployment_id: str) -> AsyncIterator[Deployment]:
        """One poll every 2 s for all watchers, less often when the rate limit is short.

        Source: Railway's public GraphQL schema, `projectsByIds`.
        """
        return self._watch.follow(space.id, deployment_id)

    async def failure_of(self, deployment_id: str, *, lines: int = 30) -> Failure:
        """Source: Railway's public GraphQL schema, `deploymentEvents`, `buildLogs`,
        `deploymentLogs`."""
        return await failure_of(self._rail, deployment_id, lines=lines)

    async def own_service(self, environment_id: str, service_id: str) -> OwnService | None:
        """The settings of the service that the bot itself is; None when the token may not see it.

        Raises ProviderError. Source: Railway's public GraphQL schema, `serviceInstance`.
        """
        return await own_service(self._client, environment_id, service_id)
