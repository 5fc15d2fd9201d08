"""The API of repositories, deployment triggers and auto-deploy; and a push from outside."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from sandbox.railway import deployments, github
from sandbox.railway.errors import RailwayError, not_authorized, not_found
from sandbox.railway.paging import Connection, connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import ServiceInstance, Trigger
    from sandbox.railway.world import World


def push(
    world: World, repo: str, branch: str, message: str, files: list[str] | None = None
) -> tuple[str, list[str]]:
    """A new commit on a branch; returns its sha and the deployments that it started.

    With `files` only services whose watch patterns match one of them are built; the others get
    a deployment that is SKIPPED.
    """
    if repo not in world.settings.repos:
        raise RailwayError(f"no repository {repo} exists on this stand-in's GitHub")
    branches = world.settings.repos[repo].setdefault("branches", {})
    history = branches.setdefault(branch, [])
    sha = world.chance.letters(40, "0123456789abcdef", "commit", repo, branch, len(history))
    history.insert(0, {"sha": sha, "message": message, "author": "sandbox-pusher"})
    started = [
        deployments.start(
            world, instance, reason="deploy", status=_first_status(world, instance, files)
        ).id
        for instance in list(world.instances.values())
        if instance.deleted_at is None
        and instance.auto_deploy
        and (instance.repo, instance.branch) == (repo, branch)
    ]
    world.changed()
    return sha, started


def _first_status(world: World, instance: ServiceInstance, files: list[str] | None) -> str:
    """Source: docs.railway.com, deployments/github-autodeploys."""
    patterns = instance.config.get("watch_patterns") or []
    if patterns and files is not None:
        matched = any(fnmatch(f"/{file.lstrip('/')}", p) for file in files for p in patterns)
        if not matched:
            return "SKIPPED"
    if world.settings.repos[instance.repo or ""].get("needs_approval"):
        return "NEEDS_APPROVAL"
    triggers = world.triggers.of(service_id=instance.service_id)
    mine = [t for t in triggers if t.environment_id == instance.environment_id]
    return "WAITING" if any(t.check_suites for t in mine) else "INITIALIZING"


# -- reading -----------------------------------------------------------------------------------


def access_available(_: None, call: Call, full_repo_name: str) -> dict[str, bool]:
    call.known()
    known = call.world.settings.repos.get(full_repo_name, {})
    return {
        "has_access": bool(known.get("has_access")),
        "is_public": bool(known.get("is_public")),
    }


def repos(_: None, call: Call) -> list[dict[str, Any]]:
    """Those that Railway's GitHub app was let into."""
    call.account()
    return [
        _repo(number, name, known)
        for number, (name, known) in enumerate(call.world.settings.repos.items(), 1)
        if known.get("has_access")
    ]


def repo(_: None, call: Call, full_repo_name: str) -> dict[str, Any]:
    call.known()
    names = list(call.world.settings.repos)
    if full_repo_name not in names or not github.readable(call.world, full_repo_name):
        raise not_found("Repository")
    number = names.index(full_repo_name) + 1
    return _repo(number, full_repo_name, call.world.settings.repos[full_repo_name])


def _repo(number: int, name: str, known: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "full_name": name,
        "name": name.rsplit("/", 1)[-1],
        "default_branch": known.get("default_branch", "main"),
        "description": known.get("description"),
        "installation_id": str(1000 + number),
        "is_private": not known.get("is_public"),
        "owner_avatar_url": None,
    }


def branches(_: None, call: Call, owner: str, repo: str) -> list[dict[str, str]]:
    call.known()
    full_name = f"{owner}/{repo}"
    if not github.readable(call.world, full_name):
        raise not_authorized()
    return [{"name": name} for name in call.world.settings.repos[full_name].get("branches", {})]


# -- triggers ----------------------------------------------------------------------------------


def triggers(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str, **page: Any
) -> Connection:
    call.environment(environment_id, project_id)
    call.service(service_id)
    every = call.world.triggers.of(service_id=service_id)
    return connection([t for t in every if t.environment_id == environment_id], **page)


def trigger_create(_: None, call: Call, given: dict[str, Any]) -> Trigger:
    call.environment(given["environment_id"], given["project_id"])
    instance = call.instance(given["service_id"], given["environment_id"])
    world = call.world
    trigger = github.connect(world, instance, given["repository"], given["branch"])
    instance.repo = given["repository"]
    instance.image = None
    trigger.provider = given["provider"]
    trigger.check_suites = bool(given.get("check_suites"))
    trigger.root_directory = given.get("root_directory")
    world.changed()
    return trigger


def trigger_update(_: None, call: Call, id_: str, given: dict[str, Any]) -> Trigger:
    trigger, instance = _own(call, id_)
    for key, value in given.items():
        if value is not None or key == "root_directory":
            setattr(trigger, key, value)
    instance.repo, instance.branch = trigger.repository, trigger.branch
    call.world.changed()
    return trigger


def trigger_delete(_: None, call: Call, id_: str) -> bool:
    trigger, instance = _own(call, id_)
    call.world.triggers.discard(trigger)
    instance.auto_deploy = False
    call.world.changed()
    return True


def _own(call: Call, trigger_id: str) -> tuple[Trigger, ServiceInstance]:
    call.known()
    trigger = call.world.triggers.get(trigger_id)
    if trigger is None:
        raise not_authorized()
    return trigger, call.instance(trigger.service_id, trigger.environment_id)


# -- auto-deploy -------------------------------------------------------------------------------


def auto_deploy_status(
    _: None, call: Call, project_id: str, environment_id: str, service_id: str
) -> dict[str, Any]:
    call.environment(environment_id, project_id)
    instance = call.instance(service_id, environment_id)
    can_enable = instance.repo is not None and github.readable(call.world, instance.repo)
    reason = None
    if instance.repo is None:
        reason = "Service has no connected repository"
    elif not can_enable:
        reason = "Railway has no access to the repository"
    return {"enabled": instance.auto_deploy, "can_enable": can_enable, "reason": reason}


def auto_deploy_update(_: None, call: Call, given: dict[str, Any]) -> dict[str, bool]:
    call.environment(given["environment_id"], given["project_id"])
    instance = call.instance(given["service_id"], given["environment_id"])
    if given["enabled"] and instance.repo is None:
        raise RailwayError("Service has no connected repository")
    instance.auto_deploy = given["enabled"]
    call.world.changed()
    return {"enabled": instance.auto_deploy}


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.deploymentTriggers": triggers,
    "Query.gitHubRepoAccessAvailable": access_available,
    "Query.githubRepo": repo,
    "Query.githubRepoBranches": branches,
    "Query.githubRepos": repos,
    "Query.serviceInstanceAutoDeployStatus": auto_deploy_status,
    "Mutation.deploymentTriggerCreate": trigger_create,
    "Mutation.deploymentTriggerDelete": trigger_delete,
    "Mutation.deploymentTriggerUpdate": trigger_update,
    "Mutation.serviceInstanceAutoDeployUpdate": auto_deploy_update,
    "DeploymentTrigger.baseEnvironmentOverrideId": lambda _source, _call: None,
    "DeploymentTrigger.validCheckSuites": lambda _source, _call: 0,
    "Project.deploymentTriggers": lambda source, call, **page: connection(
        call.world.triggers.of(project_id=source.id), **page
    ),
}
