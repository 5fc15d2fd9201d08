"""Projects: created one per half minute, named, removed, and their activity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import environments, services
from sandbox.railway.activity import record
from sandbox.railway.errors import RailwayError
from sandbox.railway.records import Project
from sandbox.railway.throttle import throttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Workspace
    from sandbox.railway.world import World

NAME_LIMIT = 32
RANDOM_NAMES = (
    ("gentle", "brave", "quiet", "amused", "vivid", "lucky", "mellow", "noble"),
    ("freedom", "harmony", "comfort", "courage", "balance", "delight", "insight", "respect"),
)


def create(call: Call, given: dict[str, Any]) -> Project:
    """A new project with its default environment."""
    call.manages()
    world = call.world
    workspace = _workspace_for(call, given.get("workspace_id"))
    name = given.get("name") or random_name(world)
    check_name(name)
    call.may_provision()
    throttle(
        world,
        f"project:{workspace.id}",
        world.settings.project_interval,
        "You are creating projects too quickly. This workspace allows 1 project per "
        f"{world.settings.project_interval:.0f} seconds. Try again shortly.",
    )
    now = world.now()
    project = world.projects.add(
        Project(
            world.chance.uuid("project"),
            name,
            workspace.id,
            now,
            now,
            description=given.get("description") or "",
            is_public=bool(given.get("is_public")),
            pr_deploys=bool(given.get("pr_deploys")),
        )
    )
    environment = environments.add(
        world, project, given.get("default_environment_name") or "production"
    )
    project.base_environment_id = environment.id
    record(world, project.id, "Project", "created", {"name": name})
    if repo := given.get("repo"):
        services.create(
            call,
            {
                "project_id": project.id,
                "source": {"repo": repo["full_repo_name"]},
                "branch": repo["branch"],
            },
        )
    world.changed()
    return project


def _workspace_for(call: Call, workspace_id: str | None) -> Workspace:
    if workspace_id is not None:
        return call.workspace(workspace_id)
    if call.viewer.kind == "workspace":
        return next(iter(call.workspaces()))
    raise RailwayError("You must specify a workspaceId to create a project")


def check_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_LIMIT:
        raise RailwayError(f"Project names must be between 1 and {NAME_LIMIT} characters")
    if not name.strip() or any(not character.isprintable() for character in name):
        raise RailwayError("Invalid project name")


def random_name(world: World) -> str:
    dice = world.chance.dice("project name", len(world.projects))
    return "-".join(dice.choice(words) for words in RANDOM_NAMES)


def remove(world: World, found: Project) -> None:
    world.call_off("project.delete", found.id)
    now = world.now()
    found.deleted_at = found.updated_at = now
    found.delete_at = None
    for service in world.services.of(project_id=found.id):
        services.remove(world, service)
    record(world, found.id, "Project", "deleted", {"name": found.name})
    world.changed()


def delete_is_due(world: World, project_id: str) -> None:
    remove(world, world.projects[project_id])


HAPPENINGS: dict[str, Callable[[World, str], None]] = {"project.delete": delete_is_due}
