"""Who asks, and what they may see.

Source: docs.railway.com, integrations/api (account, workspace and project tokens).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sandbox.railway.errors import RailwayError, not_authorized, not_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sandbox.railway.records import (
        Deployment,
        Environment,
        Project,
        Service,
        ServiceInstance,
        Workspace,
    )
    from sandbox.railway.world import World

ACCOUNT_TOKEN = "sandbox-account"
WORKSPACE_TOKEN = "sandbox-workspace"
PROJECT_TOKEN = "sandbox-project"

USER = {
    "id": "5a1db0c5-0000-4000-8000-000000000001",
    "name": "Sandbox Owner",
    "email": "owner@sandbox.localhost",
    "username": "sandbox-owner",
    "avatar": None,
}


@dataclass(frozen=True)
class Viewer:
    """What a token turned out to be. `project_id` and `environment_id` only for project tokens."""

    kind: Literal["account", "workspace", "project", "nobody", "bad-project-token"]
    token: str = ""
    workspace_id: str | None = None
    project_id: str | None = None
    environment_id: str | None = None


def viewer_of(world: World, headers: Mapping[str, str]) -> Viewer:
    """The viewer behind a request's headers."""
    if secret := headers.get("project-access-token"):
        return _project_viewer(world, secret)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return Viewer("nobody")
    if token == ACCOUNT_TOKEN:
        return Viewer("account", token)
    if token == WORKSPACE_TOKEN:
        return Viewer("workspace", token, workspace_id=next(iter(world.workspaces)))
    return Viewer("nobody", token)


def _project_viewer(world: World, secret: str) -> Viewer:
    if secret == PROJECT_TOKEN:
        place = world.settings.project_token or _oldest_place(world)
        if place is not None:
            return Viewer("project", secret, None, place["project_id"], place["environment_id"])
    for token in world.project_tokens.of(secret=secret):
        return Viewer("project", secret, None, token.project_id, token.environment_id)
    return Viewer("bad-project-token", secret)


def _oldest_place(world: World) -> dict[str, str] | None:
    for project in world.projects.values():
        if project.deleted_at is None:
            for environment in world.environments.of(project_id=project.id):
                return {"project_id": project.id, "environment_id": environment.id}
    return None


@dataclass(frozen=True)
class Call:
    """One GraphQL request: the world it reads and changes, and the rights it does so with."""

    world: World
    viewer: Viewer

    # -- who ------------------------------------------------------------------------------------

    def known(self) -> None:
        """Refuse callers without a valid token."""
        if self.viewer.kind == "bad-project-token":
            raise not_found("Project Token")
        if self.viewer.kind == "nobody":
            raise not_authorized()

    def account(self) -> None:
        """Refuse everything but account tokens."""
        self.known()
        if self.viewer.kind != "account":
            raise not_authorized()

    def manages(self) -> None:
        """Refuse project tokens: they reach one environment, not the project around it."""
        self.known()
        if self.viewer.kind == "project":
            raise not_authorized()

    def workspaces(self) -> Iterable[Workspace]:
        self.manages()
        mine = self.viewer.workspace_id
        return [w for w in self.world.workspaces.values() if mine is None or w.id == mine]

    def workspace(self, workspace_id: str) -> Workspace:
        for workspace in self.workspaces():
            if workspace.id == workspace_id:
                return workspace
        raise not_authorized()

    # -- what -----------------------------------------------------------------------------------

    def project(self, project_id: str, *, deleted: bool = False) -> Project:
        self.known()
        project = self.world.projects.get(project_id)
        if project is None:
            raise not_found("Project")
        viewer = self.viewer
        if viewer.project_id not in (None, project.id) or viewer.workspace_id not in (
            None,
            project.workspace_id,
        ):
            raise not_authorized()
        if project.deleted_at is not None and not deleted:
            raise not_found("Project")
        return project

    def managed_project(self, project_id: str) -> Project:
        self.manages()
        return self.project(project_id)

    def sees(self, environment_id: str) -> bool:
        return self.viewer.environment_id in (None, environment_id)

    def environment(self, environment_id: str, project_id: str | None = None) -> Environment:
        self.known()
        environment = self.world.environments.get(environment_id)
        if environment is None or environment.deleted_at is not None:
            raise not_found("Environment")
        if not self.sees(environment.id) or project_id not in (None, environment.project_id):
            raise not_authorized()
        self.project(environment.project_id)
        return environment

    def service(self, service_id: str) -> Service:
        self.known()
        service = self.world.services.get(service_id)
        if service is None or service.deleted_at is not None:
            raise not_found("Service")
        self.project(service.project_id)
        return service

    def instance(self, service_id: str, environment_id: str) -> ServiceInstance:
        """A service in an environment; denied while a new one has not propagated yet."""
        self.environment(environment_id)
        self.service(service_id)
        instance = self.world.instance(service_id, environment_id)
        if instance is None or instance.visible_at > self.world.now():
            raise not_found("ServiceInstance")
        return instance

    def deployment(self, deployment_id: str) -> Deployment:
        self.known()
        deployment = self.world.deployments.get(deployment_id)
        if deployment is None:
            raise not_found("Deployment")
        if not self.sees(deployment.environment_id):
            raise not_authorized()
        self.project(deployment.project_id)
        return deployment

    def may_provision(self) -> None:
        """Refuse what a restricted or exhausted workspace may not create."""
        settings = self.world.settings
        if settings.restricted:
            raise RailwayError(
                "Your workspace has been restricted. Please attach a payment method or contact "
                "support to resolve this."
            )
        if settings.provision_limit_exceeded:
            raise RailwayError(
                "Free plan resource provision limit exceeded. Please upgrade to provision more "
                "resources!"
            )
