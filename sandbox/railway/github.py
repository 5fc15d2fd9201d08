"""The code on GitHub as Railway sees it: repositories, branches, and what a push will deploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway.errors import not_found
from sandbox.railway.records import Trigger

if TYPE_CHECKING:
    from sandbox.railway.records import ServiceInstance
    from sandbox.railway.world import World


def readable(world: World, repo: str) -> bool:
    """Whether Railway can clone it: public, or its GitHub app was let in."""
    known = world.settings.repos.get(repo, {})
    return bool(known.get("has_access") or known.get("is_public"))


def commits(world: World, repo: str, branch: str) -> list[dict[str, str]]:
    """Newest first; empty for a branch that does not exist."""
    found: list[dict[str, str]] = (
        world.settings.repos.get(repo, {}).get("branches", {}).get(branch, [])
    )
    return found


def find_commit(world: World, repo: str, sha: str) -> dict[str, str]:
    for branch in world.settings.repos.get(repo, {}).get("branches", {}).values():
        for commit in branch:
            if len(sha) >= 7 and commit["sha"].startswith(sha):
                return dict(commit)
    raise not_found("Commit")


def connect(world: World, instance: ServiceInstance, repo: str, branch: str) -> Trigger:
    """From now on a push to the branch deploys the instance."""
    instance.branch = branch
    instance.auto_deploy = True
    return world.triggers.add(
        Trigger(
            world.chance.uuid("trigger"),
            instance.project_id,
            instance.environment_id,
            instance.service_id,
            repo,
            branch,
        )
    )


def disconnect(world: World, instance: ServiceInstance) -> None:
    instance.auto_deploy = False
    for trigger in list(world.triggers.of(service_id=instance.service_id)):
        if trigger.environment_id == instance.environment_id:
            world.triggers.discard(trigger)
