"""What Railway's own command line does, told with documents equivalent to the ones it sends.

Source: railwayapp/cli, commands/ and gql/ (which fields each command needs).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from sandbox.railway.schema import schema
from tests.contract.sandbox_railway.client import GATEWAY_VARIABLES, LUTHIEN, Railway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FOLDER = Path(__file__).with_name("cli_documents")
DOCUMENTS = sorted(path.stem for path in FOLDER.glob("*.graphql"))


def text(name: str) -> str:
    return (FOLDER / f"{name}.graphql").read_text()


class CommandLine:
    """Railway's CLI, linked to a project; remembers which documents it sent."""

    def __init__(self, railway: Railway) -> None:
        self.railway = railway
        self.sent: set[str] = set()
        self.project = self.environment = ""
        self.services: dict[str, str] = {}

    async def send(self, document: str, **variables: Any) -> Any:
        self.sent.add(document)
        return await self.railway.ask(text(document), **variables)

    def at(self, service: str) -> dict[str, str]:
        return {"environmentId": self.environment, "serviceId": self.services[service]}

    # -- the commands --------------------------------------------------------------------------

    async def init(self, name: str) -> None:
        both = await self.send("user_projects")
        (workspace,) = both["me"]["workspaces"]
        assert both["externalWorkspaces"] == []
        assert workspace["team"]["id"] == workspace["id"]
        made = await self.send("project_create", name=name, workspaceId=workspace["id"])
        self.project = made["id"]
        self.environment = made["environments"]["edges"][0]["node"]["id"]

    async def link(self, name: str) -> None:
        both = await self.send("user_projects")
        (found,) = [
            e["node"]
            for w in both["me"]["workspaces"]
            for e in w["projects"]["edges"]
            if e["node"]["name"] == name
        ]
        self.project = found["id"]
        await self.refresh()

    async def refresh(self) -> Any:
        project = await self.send("project", id=self.project)
        self.services = {e["node"]["name"]: e["node"]["id"] for e in project["services"]["edges"]}
        return project

    async def add_database(self, code: str) -> str:
        """The new service is what was not there before."""
        template = await self.send("template_detail", code=code)
        await self.refresh()
        before = set(self.services.values())
        for service in template["serializedConfig"]["services"].values():
            for setting in service["variables"].values():
                setting["value"] = setting.get("value") or setting.get("defaultValue")
        started = await self.send(
            "template_deploy",
            projectId=self.project,
            environmentId=self.environment,
            templateId=template["id"],
            serializedConfig=template["serializedConfig"],
        )

        async def complete() -> bool:
            shown = await self.send("workflow_status", workflowId=started["workflowId"])
            assert shown["status"] in ("NotFound", "Running", "Complete"), shown
            return bool(shown["status"] == "Complete")

        await self.railway.until(complete)
        await self.refresh()
        (new,) = set(self.services.values()) - before
        return next(name for name, service in self.services.items() if service == new)

    async def add_service(self, name: str, repo: str | None = None, **more: Any) -> None:
        source, branch = None, None
        if repo is not None:
            repos = {r["fullName"]: r for r in await self.send("github_repos")}
            source, branch = {"repo": repo}, repos[repo]["defaultBranch"]
        await self.send(
            "service_create",
            name=name,
            projectId=self.project,
            environmentId=self.environment,
            source=source,
            branch=branch,
            **more,
        )
        await self.refresh()
        await self.railway.until(self._propagated(name))

    def _propagated(self, name: str) -> Callable[[], Awaitable[bool]]:
        async def found() -> bool:
            return name in await self.status()

        return found

    async def status(self) -> dict[str, Any]:
        shown = await self.send(
            "environment_instances",
            environmentId=self.environment,
            projectId=self.project,
            first=500,
        )
        assert shown["serviceInstances"]["pageInfo"]["hasNextPage"] is False
        nodes = [e["node"] for e in shown["serviceInstances"]["edges"]]
        return {node["serviceName"]: node for node in nodes}

    async def until_up(self, service: str) -> str:
        """What `up` does when its stream breaks: ask for the status again and again."""
        latest = await self.send("latest_deployment", **self.at(service))
        deployment = latest["latestDeployment"]["id"]

        async def over() -> str | None:
            shown = await self.send("deployment_status", id=deployment)
            return shown["status"] if shown["status"] in ("SUCCESS", "FAILED") else None

        assert await self.railway.until(over) == "SUCCESS"
        return str(deployment)


@pytest.fixture
def cli(railway: Railway) -> CommandLine:
    return CommandLine(railway)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_document_fits_our_schema(name: str) -> None:
    assert validate(schema(), parse(text(name))) == []


def test_each_document_fits_railways_schema() -> None:
    folder = os.environ.get("LUTHIEN_SPECS")
    if not folder:
        pytest.skip("LUTHIEN_SPECS names no folder with railway-schema.graphql")
    sdl = (Path(folder) / "railway-schema.graphql").read_text()
    official = build_schema(sdl, assume_valid=True)
    for name in DOCUMENTS:
        assert validate(official, parse(text(name))) == [], name


async def test_the_life_of_a_project_from_init_to_delete(cli: CommandLine) -> None:
    railway = cli.railway
    await railway.configure(service_interval=0)

    me = await cli.send("whoami")
    assert me["email"]
    await cli.init("luthien-acme")
    assert await cli.add_database("postgres") == "Postgres"
    assert await cli.add_database("redis") == "Redis"
    dockerfile = {"RAILWAY_DOCKERFILE_PATH": "docker/Dockerfile.gateway"}
    await cli.add_service("gateway", repo=LUTHIEN, variables={**GATEWAY_VARIABLES, **dockerfile})

    # domain: shows what there is, else makes one
    where = {"projectId": cli.project, **cli.at("gateway")}
    assert (await cli.send("domains", **where))["serviceDomains"] == []
    domain = await cli.send("service_domain_create", **cli.at("gateway"), targetPort=8000)
    assert (await cli.send("domains", **where))["serviceDomains"][0]["domain"] == domain["domain"]
    free = await cli.send("custom_domain_available", domain="gw.example.com")
    assert free["available"] is True
    own = {"domain": "gw.example.com", **where}
    created = await cli.send("custom_domain_create", input=own)
    assert len(created["status"]["dnsRecords"]) == 2

    # up, logs, variables
    await cli.until_up("Postgres")
    await cli.until_up("Redis")
    await cli.send("deployment_redeploy", id=await _failed_or_up(cli, "gateway"))
    first = await cli.until_up("gateway")
    async with railway.visit(domain["domain"]) as visitor:
        assert (await visitor.get("/ready")).status_code == 200
    for document in ("build_logs", "deployment_logs"):
        assert await cli.send(document, deploymentId=first, limit=500)
    assert (await cli.send("http_logs", deploymentId=first, beforeLimit=50))[0]["path"] == "/ready"
    listed = await cli.send("deployments", input=where, first=1)
    assert listed["edges"][0]["node"]["id"] == first
    shown = await cli.send("variables_for_service_deployment", **where)
    assert shown["RAILWAY_PUBLIC_DOMAIN"] in (domain["domain"], "gw.example.com")
    await cli.send("variable_collection_upsert", **where, variables={"LOG_LEVEL": "debug"})
    second = await cli.until_up("gateway")
    assert second != first
    await cli.send("variable_delete", **where, name="LOG_LEVEL")
    assert "LOG_LEVEL" not in await cli.send("variables_for_service_deployment", **where)
    await cli.until_up("gateway")

    # redeploy --from-source, rollback, restart, down
    await cli.send("service_instance_deploy", **cli.at("gateway"))
    await cli.until_up("gateway")
    assert await cli.send("deployment_rollback", id=first) is True
    running = await cli.until_up("gateway")
    assert await cli.send("deployment_restart", id=running) is True
    await cli.until_up("gateway")
    assert await cli.send("deployment_remove", id=running) is True

    # status, scale, environment new, link, delete
    config = await cli.send("environment_config", id=cli.environment, decryptVariables=False)
    assert set(config["config"]["services"]) == set(cli.services.values())
    names = [r["name"] for r in await cli.send("regions", projectId=cli.project)]
    patch = {
        "services": {
            cli.services["gateway"]: {
                "deploy": {"multiRegionConfig": {names[0]: {"numReplicas": 2}}}
            }
        }
    }
    await cli.send(
        "environment_patch_commit",
        environmentId=cli.environment,
        patch=patch,
        commitMessage="scale",
    )
    await cli.until_up("gateway")
    made = await cli.send(
        "environment_create", projectId=cli.project, name="staging", applyInBackground=True
    )
    assert await cli.send("environment_delete", id=made["id"]) is True
    other = CommandLine(railway)
    await other.link("luthien-acme")
    assert other.services == cli.services
    with_token = CommandLine(railway.with_headers({"Project-Access-Token": "sandbox-project"}))
    token = await with_token.send("project_token")
    assert token["project"]["id"] == cli.project
    await cli.send("service_delete", **cli.at("gateway"))
    assert "gateway" not in await cli.status()
    assert (await cli.send("two_factor_info"))["isVerified"] is False
    assert await cli.send("two_factor_validate", token="123456") is True
    assert await cli.send("project_schedule_delete", id=cli.project) is True

    operations = {
        name
        for name in DOCUMENTS
        for node in parse(text(name)).definitions
        if isinstance(node, OperationDefinitionNode)
        and node.operation is not OperationType.SUBSCRIPTION
    }
    assert cli.sent | with_token.sent == operations, "a document nobody sends"


async def _failed_or_up(cli: CommandLine, service: str) -> str:
    """The first deployment raced its databases; whatever became of it can be repeated."""

    async def over() -> str | None:
        latest = (await cli.send("latest_deployment", **cli.at(service)))["latestDeployment"]
        return latest["id"] if latest["canRedeploy"] else None

    return str(await cli.railway.until(over))
