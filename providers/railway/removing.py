"""Removing variables: as one staged change that is committed without a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import Rejected
from providers.railway import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.capabilities import Space
    from providers.railway.rail import Rail

MESSAGE = "luthien-ops: settings"
_STAGED = "STAGED"


async def change(
    rail: Rail,
    space: Space,
    service_id: str,
    variables: Mapping[str, str | None],
    written: Callable[[], Awaitable[bool | None]],
) -> None:
    """Set and remove, all at once. `variableDelete` deploys for every variable and cannot be told
    not to; a rewrite of all would lose sealed ones, which nobody can read. Changes that somebody
    else has staged are never committed along: Rejected.

    Source: Railway's public GraphQL schema, `environmentStageChanges`,
    `environmentPatchCommitStaged(skipDeploys)`; railwayapp/cli, controllers/config/environment.rs
    (a null removes).
    """
    place = space.environment_id
    settings = {n: None if v is None else {"value": v} for n, v in variables.items()}
    wanted = {"services": {service_id: {"variables": settings}}}

    async def staged() -> dict[str, Any]:
        patch = await rail.client.read(
            "environmentStagedChanges", models.EnvironmentPatch, environmentId=place
        )
        return patch.patch if patch.status == _STAGED else {}

    async def is_staged() -> bool | None:
        return True if _is_ours(await staged(), wanted) else None

    if not _is_ours(found := await staged(), wanted) and not _is_empty(found):
        raise Rejected(
            "Somebody has staged other changes in Railway's console.",
            vendor="railway",
            call="environmentStageChanges",
            why="Removing a variable would put them into action, too.",
            who="Whoever staged them can apply or discard them there; then ask again.",
        )
    stage = rail.client.write(
        "environmentStageChanges",
        models.Identified,
        environment=place,
        environmentId=place,
        input=wanted,
    )
    await rail.settle(_done(stage), is_staged)
    commit = rail.client.write(
        "environmentPatchCommitStaged",
        str,
        environment=place,
        environmentId=place,
        commitMessage=MESSAGE,
    )
    await rail.settle(_done(commit), written)


async def _done(write: Awaitable[object]) -> bool:
    await write
    return True


def _is_empty(patch: Mapping[str, Any]) -> bool:
    """Nothing in it, however deep."""
    return all(isinstance(part, dict) and _is_empty(part) for part in patch.values())


def _is_ours(patch: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Left by an interrupted try: the same names in the same place, whatever values are shown."""
    [(service_id, ours)] = wanted["services"].items()
    services = patch.get("services") or {}
    if {k for k, v in patch.items() if v} != {"services"} or set(services) != {service_id}:
        return False
    theirs = services[service_id] or {}
    return {k for k, v in theirs.items() if v} == {"variables"} and set(
        theirs["variables"]
    ) <= set(ours["variables"])
