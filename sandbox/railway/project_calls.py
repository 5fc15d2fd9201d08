"""The API of projects: found by id or list, changed, deleted at once or on schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.railway import projects
from sandbox.railway.activity import record
from sandbox.railway.errors import RailwayError, not_authorized
from sandbox.railway.paging import Connection, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import (
        Environment,
        Event,
        Project,
        Service,
        Volume,
        Workspace,
    )

# -- reading -----------------------------------------------------------------------------------


def project(_: None, call: Call, id_: str) -> Project:
    """A deleted one is still answered, with `deletedAt`."""
    return call.project(id_, deleted=True)


def listed(
    _: None,
    call: Call,
    workspace_id: str | None = None,
    user_id: str | None = None,  # noqa: ARG001 - every project has the one user
    include_deleted: bool | None = None,
    order_by: str | None = None,
    **page: Any,
) -> Connection:
    """Every project that the token reaches; project tokens cannot list."""
    call.manages()
    world = call.world
    if workspace_id is not None:
        reached: Iterable[Workspace] = [call.workspace(workspace_id)]
    else:
        reached = call.workspaces()
    found = [
        p
        for w in reached
        for p in world.projects.of(workspace_id=w.id)
        if include_deleted or p.deleted_at is None
    ]
    match order_by:
        case "CREATED_AT_DESC":
            found.sort(key=lambda p: p.created_at, reverse=True)
        case "UPDATED_AT_DESC":
            found.sort(key=lambda p: p.updated_at, reverse=True)
        case "NAME_ASC":
            found.sort(key=lambda p: p.name)
    return connection(found, **page)


def projects_by_ids(_: None, call: Call, ids: list[str]) -> list[Project]:
    """Skips what the token does not reach."""
    found = []
    for project_id in ids:
        try:
            found.append(call.project(project_id))
        except RailwayError:
            continue
    return found


def project_environments(
    source: Project,
    call: Call,
    is_ephemeral: bool | None = None,
    sort: str | None = None,
    **page: Any,
) -> Connection:
    found = [
        e
        for e in _environments(source, call)
        if is_ephemeral is None or e.is_ephemeral is is_ephemeral
    ]
    return connection(reversed(found) if sort == "desc" else found, **page)


def _environments(source: Project, call: Call) -> list[Environment]:
    every = call.world.environments.of(project_id=source.id)
    return [e for e in every if e.deleted_at is None and call.sees(e.id)]


def project_services(source: Project, call: Call, **page: Any) -> Connection:
    every: Iterable[Service] = call.world.services.of(project_id=source.id)
    return connection([s for s in every if s.deleted_at is None], **page)


def project_volumes(source: Project, call: Call, **page: Any) -> Connection:
    every: Iterable[Volume] = call.world.volumes.of(project_id=source.id)
    return connection([v for v in every if v.deleted_at is None], **page)


def base_environment(source: Project, call: Call) -> Environment | None:
    return call.world.environments.get(source.base_environment_id or "")


def primary_environment_id(source: Project, call: Call) -> str | None:
    lasting = (e.id for e in _environments(source, call) if not e.is_ephemeral)
    return next(lasting, None)


def subscription_type(_: Project, call: Call) -> str:
    return call.world.settings.plan


def events(
    _: None,
    call: Call,
    project_id: str,
    environment_id: str | None = None,
    filter_: dict[str, Any] | None = None,
    **page: Any,
) -> Connection:
    """The project's activity, newest first."""
    source = call.project(project_id)
    wanted = filter_ or {}

    def matches(event: Event) -> bool:
        for key, value in (
            ("object", event.object),
            ("action", event.action),
            ("service_id", event.payload.get("serviceId")),
        ):
            rule = wanted.get(key) or {}
            if rule.get("in") is not None and value not in rule["in"]:
                return False
            if rule.get("not_in") is not None and value in rule["not_in"]:
                return False
        return environment_id in (None, event.environment_id)

    found = [e for e in call.world.events.of(project_id=source.id) if matches(e)]
    return connection(reversed(found), **page)


# -- changing ----------------------------------------------------------------------------------


def project_create(_: None, call: Call, given: dict[str, Any]) -> Project:
    return projects.create(call, given)


def project_update(_: None, call: Call, id_: str, given: dict[str, Any]) -> Project:
    found = call.managed_project(id_)
    if given.get("name") is not None:
        projects.check_name(given["name"])
    for key, value in given.items():
        if value is not None or key in (
            "description",
            "base_environment_id",
            "tracing_sample_rate",
        ):
            setattr(found, key, value)
    found.updated_at = call.world.now()
    call.world.changed()
    return found


def project_delete(_: None, call: Call, id_: str) -> bool:
    """Soft: out of every list, `deletedAt` set, nothing runs any more."""
    found = call.managed_project(id_)
    projects.remove(call.world, found)
    return True


def schedule_delete(_: None, call: Call, id_: str) -> bool:
    """Deleted once the grace period is over. Source: blog.railway.com, "oops-proofed"."""
    found = call.managed_project(id_)
    world = call.world
    if found.delete_at is None:
        grace = world.settings.deletion_grace
        found.delete_at = world.now() + world.takes(grace)
        world.later(grace, "project.delete", found.id)
        record(world, found.id, "Project", "scheduled for deletion", {"name": found.name})
        world.changed()
    return True


def schedule_delete_cancel(_: None, call: Call, id_: str) -> bool:
    found = call.managed_project(id_)
    if found.delete_at is None:
        raise not_authorized()
    call.world.call_off("project.delete", found.id)
    found.delete_at = None
    record(call.world, found.id, "Project", "deletion cancelled", {"name": found.name})
    call.world.changed()
    return True


def schedule_delete_force(_: None, call: Call, id_: str) -> bool:
    found = call.managed_project(id_)
    if found.delete_at is None:
        raise not_authorized()
    projects.remove(call.world, found)
    return True


def project_transfer(_: None, call: Call, project_id: str, given: dict[str, Any]) -> bool:
    found = call.managed_project(project_id)
    target = call.workspace(given["workspace_id"])
    world = call.world
    world.projects.discard(found)
    found.workspace_id = target.id
    world.projects.add(found)
    world.changed()
    return True


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.events": events,
    "Query.project": project,
    "Query.projects": listed,
    "Query.projectsByIds": projects_by_ids,
    "Mutation.projectCreate": project_create,
    "Mutation.projectDelete": project_delete,
    "Mutation.projectScheduleDelete": schedule_delete,
    "Mutation.projectScheduleDeleteCancel": schedule_delete_cancel,
    "Mutation.projectScheduleDeleteForce": schedule_delete_force,
    "Mutation.projectTransfer": project_transfer,
    "Mutation.projectUpdate": project_update,
    "Event.activityPayload": lambda event, _call: event.payload,
    "Event.environment": lambda event, call: call.world.environments.get(event.environment_id),
    "Event.project": lambda event, call: call.world.projects[event.project_id],
    "Project.baseEnvironment": base_environment,
    "Project.environments": project_environments,
    "Project.expiredAt": lambda _source, _call: None,
    "Project.isTempProject": lambda _source, _call: False,
    "Project.primaryEnvironmentId": primary_environment_id,
    "Project.services": project_services,
    "Project.subscriptionType": subscription_type,
    "Project.teamId": lambda source, _call: source.workspace_id,
    "Project.volumes": project_volumes,
    "Project.workspace": lambda source, call: call.world.workspaces.get(source.workspace_id),
}
