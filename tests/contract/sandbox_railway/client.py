"""A client of the Railway stand-in that says what a test means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.railway import World
    from sandbox.server import ByHost

GRAPHQL = "/railway/graphql/v2"
LUTHIEN = "LuthienResearch/luthien-proxy"
GATEWAY_SETTINGS: dict[str, Any] = {
    "dockerfilePath": "docker/Dockerfile.gateway",
    "healthcheckPath": "/health",
    "healthcheckTimeout": 60,
    "numReplicas": 1,
}
GATEWAY_VARIABLES = {
    "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
    "REDIS_URL": "${{Redis.REDIS_URL}}",
    "PORT": "8000",
    "GATEWAY_PORT": "${{PORT}}",
    "CLIENT_API_KEY": "client-key-client-key-client-key",
    "ADMIN_API_KEY": "admin-key-admin-key-admin-key-admin",
}


class Refused(Exception):
    """A GraphQL error, by its message."""

    def __init__(self, error: dict[str, Any], status: int) -> None:
        super().__init__(error["message"])
        self.error = error
        self.status = status


@dataclass(frozen=True)
class Place:
    """A project with its default environment."""

    project: str
    environment: str


@dataclass
class Railway:
    """One caller of the stand-in; the account token unless said otherwise."""

    app: ByHost
    world: World
    http: httpx.AsyncClient

    def with_headers(self, headers: dict[str, str]) -> Railway:
        return Railway(self.app, self.world, in_process(self.app, headers))

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(GRAPHQL, json={"query": query, "variables": variables})

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data; a single root field is unwrapped."""
        response = await self.post(query, **variables)
        body = response.json()
        if "errors" in body:
            raise Refused(body["errors"][0], response.status_code)
        data = body["data"]
        return next(iter(data.values())) if len(data) == 1 else data

    async def until(self, holds: Callable[[], Awaitable[Any]], timeout: float = 10.0) -> Any:
        """The first true answer of `holds`, asked again whenever the world changed."""
        import asyncio

        async with asyncio.timeout(timeout):
            while not (answer := await holds()):
                await self.world.stirred(0.05)
            return answer

    # -- what most tests begin with -------------------------------------------------------------

    async def workspace(self) -> str:
        return str((await self.ask("{ apiToken { workspaces { id } } }"))["workspaces"][0]["id"])

    async def project(self, name: str = "luthien-acme") -> Place:
        created = await self.ask(
            """mutation ($input: ProjectCreateInput!) {
              projectCreate(input: $input) { id environments { edges { node { id name } } } }
            }""",
            input={"name": name, "workspaceId": await self.workspace()},
        )
        (edge,) = created["environments"]["edges"]
        assert edge["node"]["name"] == "production"
        return Place(created["id"], edge["node"]["id"])

    async def database(self, place: Place, code: str) -> str:
        """Deploys a template as Railway's CLI does, waits for its workflow; the service's id."""
        workflow = await self.start_template(place, code)
        await self.until(lambda: self.is_complete(workflow))
        services = await self.services(place)
        return services[{"postgres": "Postgres", "redis": "Redis"}[code]]

    async def start_template(self, place: Place, code: str) -> str:
        template = await self.ask(
            "query ($code: String!) { template(code: $code) { id serializedConfig } }", code=code
        )
        payload = await self.ask(
            """mutation ($input: TemplateDeployV2Input!) {
              templateDeployV2(input: $input) { projectId workflowId }
            }""",
            input={
                "templateId": template["id"],
                "serializedConfig": template["serializedConfig"],
                "projectId": place.project,
                "environmentId": place.environment,
            },
        )
        return str(payload["workflowId"])

    async def is_complete(self, workflow: str) -> bool:
        return bool((await self.workflow(workflow))["status"] == "Complete")

    async def workflow(self, workflow: str) -> Any:
        return await self.ask(
            "query ($id: String!) { workflowStatus(workflowId: $id) { status error } }",
            id=workflow,
        )

    async def services(self, place: Place) -> dict[str, str]:
        project = await self.ask(
            "query ($id: String!) { project(id: $id) "
            "{ services { edges { node { id name } } } } }",
            id=place.project,
        )
        return {e["node"]["name"]: e["node"]["id"] for e in project["services"]["edges"]}

    async def service(self, place: Place, name: str = "gateway", **more: Any) -> str:
        created = await self.ask(
            "mutation ($input: ServiceCreateInput!) { serviceCreate(input: $input) { id } }",
            input={
                "name": name,
                "projectId": place.project,
                "environmentId": place.environment,
                **more,
            },
        )
        return str(created["id"])

    async def settled_service(self, place: Place, name: str = "gateway", **more: Any) -> str:
        """A service whose instance has propagated."""
        service = await self.service(place, name, **more)

        async def found() -> bool:
            try:
                await self.instance(place, service)
            except Refused:
                return False
            return True

        await self.until(found)
        return service

    async def instance(self, place: Place, service: str) -> Any:
        return await self.ask(
            """query ($service: String!, $environment: String!) {
              serviceInstance(serviceId: $service, environmentId: $environment) {
                id source { repo image } healthcheckPath numReplicas
                latestDeployment { id status meta } activeDeployments { id }
              }
            }""",
            service=service,
            environment=place.environment,
        )

    async def set_variables(
        self, place: Place, service: str | None, values: dict[str, str], **more: Any
    ) -> None:
        done = await self.ask(
            "mutation ($input: VariableCollectionUpsertInput!) "
            "{ variableCollectionUpsert(input: $input) }",
            input={
                "projectId": place.project,
                "environmentId": place.environment,
                "serviceId": service,
                "variables": values,
                "skipDeploys": True,
                **more,
            },
        )
        assert done is True

    async def variables(self, place: Place, service: str | None, **more: Any) -> dict[str, str]:
        found: dict[str, str] = await self.ask(
            """query ($project: String!, $environment: String!, $service: String,
                      $unrendered: Boolean) {
              variables(projectId: $project, environmentId: $environment, serviceId: $service,
                        unrendered: $unrendered)
            }""",
            project=place.project,
            environment=place.environment,
            service=service,
            **more,
        )
        return found

    async def domain(self, place: Place, service: str, port: int | None = 8000) -> str:
        created = await self.ask(
            "mutation ($input: ServiceDomainCreateInput!) "
            "{ serviceDomainCreate(input: $input) { domain } }",
            input={
                "serviceId": service,
                "environmentId": place.environment,
                "targetPort": port,
            },
        )
        return str(created["domain"])

    async def update(self, service: str, environment: str | None = None, **settings: Any) -> bool:
        """serviceInstanceUpdate."""
        answer: bool = await self.ask(
            """mutation ($service: String!, $environment: String,
                         $input: ServiceInstanceUpdateInput!) {
              serviceInstanceUpdate(serviceId: $service, environmentId: $environment,
                                    input: $input)
            }""",
            service=service,
            environment=environment,
            input=settings,
        )
        return answer

    async def connect(
        self, service: str, repo: str = LUTHIEN, branch: str = "main", *, bare: bool = False
    ) -> None:
        """`bare`: without the settings that the gateway's repository is built with."""
        if repo == LUTHIEN and not bare:
            await self.update(service, **GATEWAY_SETTINGS)
        await self.ask(
            "mutation ($id: String!, $input: ServiceConnectInput!) "
            "{ serviceConnect(id: $id, input: $input) { id } }",
            id=service,
            input={"repo": repo, "branch": branch},
        )

    async def deployments(self, place: Place, service: str) -> list[dict[str, Any]]:
        """Newest first."""
        found = await self.ask(
            """query ($input: DeploymentListInput!) {
              deployments(input: $input, first: 50) {
                edges { node { id status meta canRedeploy canRollback } }
              }
            }""",
            input={"environmentId": place.environment, "serviceId": service},
        )
        return [edge["node"] for edge in found["edges"]]

    async def finished(self, place: Place, service: str, status: str = "SUCCESS") -> Any:
        """The newest deployment, once it has this status; every other ending is an error."""

        async def reached() -> Any:
            newest = (await self.deployments(place, service))[0]
            if newest["status"] in ("SUCCESS", "FAILED", "CRASHED", "REMOVED"):
                assert newest["status"] == status, newest
                return newest
            return None

        return await self.until(reached)

    async def instance_of_luthien(self, name: str = "luthien-acme") -> tuple[Place, str, str]:
        """A whole healthy instance: where it is, its gateway's id and domain."""
        place = await self.project(name)
        await self.database(place, "postgres")
        await self.database(place, "redis")
        gateway = await self.settled_service(place)
        await self.set_variables(place, gateway, GATEWAY_VARIABLES)
        domain = await self.domain(place, gateway)
        await self.connect(gateway)
        await self.finished(place, gateway)
        return place, gateway, domain

    async def control(self, path: str, **body: Any) -> Any:
        response = await self.http.post(f"/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def configure(self, **settings: Any) -> None:
        response = await self.http.put("/control/state", json={"railway": {"settings": settings}})
        assert response.status_code == 200, response.text

    def visit(self, domain: str) -> httpx.AsyncClient:
        """A client of what runs behind a domain."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=f"http://{domain}:8899")


def in_process(app: ByHost, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8899", headers=headers
    )
