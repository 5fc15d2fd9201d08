"""Users, workspaces, tokens and their rate limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.railway import records, usage
from sandbox.railway.errors import not_authorized, not_found
from sandbox.railway.identity import USER
from sandbox.railway.paging import Connection, connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.records import Project, ProjectToken, Workspace

LIMIT_OF_PLAN = {
    "free": {"projects": 1, "servicesPerProject": 5, "volumesPerProject": 1},
    "trial": {"projects": 5, "servicesPerProject": 5, "volumesPerProject": 3},
    "hobby": {"projects": 50, "servicesPerProject": 50, "volumesPerProject": 10},
    "pro": {"projects": 100, "servicesPerProject": 100, "volumesPerProject": 20},
}


def me(_: None, call: Call) -> dict[str, Any]:
    """Only for account tokens. Source: docs.railway.com, integrations/api."""
    call.account()
    return {
        **USER,
        "created_at": min(w.created_at for w in call.world.workspaces.values()),
        "has2_fa": call.world.settings.two_factor,
        "is_admin": False,
        "is_verified": True,
    }


def user_workspaces(_: dict[str, Any], call: Call) -> list[Workspace]:
    return list(call.workspaces())


def no_projects(_: object, _call: Call, **_page: Any) -> Connection:
    """`me.projects` "will not return anything anymore", says the schema."""
    return connection([])


def rate_limit(_: object, call: Call) -> dict[str, Any]:
    """The limit of the token that asks, not counting this request's successors."""
    left, resets_at = call.world.rates.left(call.viewer.token, call.world.settings)
    moment = datetime.fromtimestamp(resets_at, UTC).isoformat(timespec="milliseconds")
    return {"remaining_points": left, "resets_at": moment.replace("+00:00", "Z")}


def workspace(_: None, call: Call, workspace_id: str) -> Workspace:
    return call.workspace(workspace_id)


def external_workspaces(_: None, call: Call, project_id: str | None = None) -> list[Any]:
    """Workspaces one was only invited into: none here."""
    call.account()
    if project_id is not None:
        call.project(project_id)
    return []


def workspace_projects(source: Workspace, call: Call, **page: Any) -> Connection:
    projects = call.world.projects.of(workspace_id=source.id)
    return connection([p for p in projects if p.deleted_at is None], **page)


def project_count(source: Workspace, call: Call, include_deleted: bool | None = None) -> int:
    projects = call.world.projects.of(workspace_id=source.id)
    return sum(1 for p in projects if include_deleted or p.deleted_at is None)


def plan(_: Workspace, call: Call) -> str:
    """There is no trial among the plans: a trial is a free plan."""
    plan = call.world.settings.plan
    return "FREE" if plan == "trial" else plan.upper()


def plan_limit(_: object, call: Call) -> dict[str, Any]:
    return LIMIT_OF_PLAN[call.world.settings.plan]


def workspace_members(_: Workspace, _call: Call) -> list[dict[str, Any]]:
    return [{**USER, "role": "ADMIN", "two_factor_auth_enabled": None}]


def project_members(_: Project, _call: Call) -> list[dict[str, Any]]:
    return [{**USER, "role": "ADMIN"}]


def team(source: Workspace | Project, call: Call) -> Workspace | None:
    """Every team is a workspace of the same id now."""
    if isinstance(source, records.Workspace):
        return source
    return call.world.workspaces.get(source.workspace_id)


def customer(source: Workspace, call: Call) -> dict[str, Any]:
    return usage.customer(call.world, source)


def api_token(_: None, call: Call) -> dict[str, Any]:
    """What an account or workspace token reaches."""
    return {"workspaces": list(call.workspaces())}


def project_token(_: None, call: Call) -> ProjectToken:
    """What a project token reaches; an error for every other kind of token."""
    call.known()
    viewer, world = call.viewer, call.world
    if viewer.kind != "project" or viewer.project_id is None or viewer.environment_id is None:
        raise not_found("Project Token")
    for token in world.project_tokens.of(secret=viewer.token):
        return token
    since = world.projects[viewer.project_id].created_at
    identity = "5a1db0c5-0000-4000-8000-000000000002"
    return records.ProjectToken(
        identity, viewer.project_id, viewer.environment_id, "sandbox", viewer.token, since
    )


def display_token(source: ProjectToken, _call: Call) -> str:
    return f"{source.secret[:4]}-****-{source.secret[-4:]}"


def project_tokens(_: None, call: Call, project_id: str, **page: Any) -> Connection:
    project = call.managed_project(project_id)
    return connection(call.world.project_tokens.of(project_id=project.id), **page)


def project_token_create(_: None, call: Call, given: dict[str, Any]) -> str:
    """The only time that the secret is shown."""
    call.managed_project(given["project_id"])
    call.environment(given["environment_id"], given["project_id"])
    world = call.world
    secret = world.chance.uuid("project token secret")
    world.traffic.mask.learn(secret)
    token = records.ProjectToken(
        world.chance.uuid("project token"), secret=secret, created_at=world.now(), **given
    )
    world.project_tokens.add(token)
    world.changed()
    return secret


def project_token_delete(_: None, call: Call, id_: str) -> bool:
    token = call.world.project_tokens.get(id_)
    if token is None:
        raise not_authorized()
    call.managed_project(token.project_id)
    call.world.project_tokens.discard(token)
    call.world.changed()
    return True


def two_factor_info(_: None, call: Call) -> dict[str, bool]:
    """What Railway's CLI asks before it deletes something."""
    call.account()
    return {"is_verified": call.world.settings.two_factor, "has_recovery_codes": False}


def two_factor_validate(_: None, call: Call, given: dict[str, Any]) -> bool:
    """Any six digits are right."""
    call.account()
    return len(given["token"]) == 6 and given["token"].isdigit()


FIELDS: dict[str, Callable[..., Any]] = {
    "Query.apiToken": api_token,
    "Query.externalWorkspaces": external_workspaces,
    "Query.me": me,
    "Query.projectToken": project_token,
    "Query.projectTokens": project_tokens,
    "Query.twoFactorInfo": two_factor_info,
    "Query.workspace": workspace,
    "Mutation.projectTokenCreate": project_token_create,
    "Mutation.projectTokenDelete": project_token_delete,
    "Mutation.twoFactorInfoValidate": two_factor_validate,
    "Project.members": project_members,
    "Project.team": team,
    "ProjectToken.displayToken": display_token,
    "ProjectToken.environment": lambda token, call: call.world.environments[token.environment_id],
    "ProjectToken.project": lambda token, call: call.world.projects[token.project_id],
    "Team.workspace": lambda source, _call: source,
    "Team.avatar": lambda _source, _call: None,
    "Team.updatedAt": lambda source, _call: source.created_at,
    "User.apiTokenRateLimit": rate_limit,
    "User.projects": no_projects,
    "User.workspaces": user_workspaces,
    "Workspace.apiTokenRateLimit": rate_limit,
    "Workspace.avatar": lambda _source, _call: None,
    "Workspace.customer": customer,
    "Workspace.has2FAEnforcement": lambda _source, _call: False,
    "Workspace.hasSAML": lambda _source, _call: False,
    "Workspace.members": workspace_members,
    "Workspace.plan": plan,
    "Workspace.preferredRegion": lambda _source, _call: "us-west2",
    "Workspace.projectCount": project_count,
    "Workspace.projects": workspace_projects,
    "Workspace.subscriptionPlanLimit": plan_limit,
    "Workspace.team": team,
    "Workspace.updatedAt": lambda source, _call: source.created_at,
}
