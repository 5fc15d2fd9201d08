"""Instances, approvals and the audit as resources: each is what a command answers, so that rights,
words and data are the same on every door."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import JSONResponse

from api.performing import Serves
from api.v1.commands import private
from api.v1.shapes import (
    Approvals,
    AuditChecked,
    AuditPage,
    Instance,
    Instances,
    Rejection,
    RunId,
    Started,
)
from engine.actor import Actor, Origin

if TYPE_CHECKING:
    from collections.abc import Callable

_Name = Annotated[str, Path(description="Name of the instance", min_length=1, max_length=100)]


async def ask(
    control: Serves, asker: Actor, command_name: str, /, **fields: Any
) -> dict[str, Any]:
    """The data of a command's answer. Raises OpsError."""
    given = {key: value for key, value in fields.items() if value is not None}
    command = control.registry.command(command_name).parse(given)
    outcome = await control.perform(asker, command, Origin(door=asker.door))
    assert outcome.answer is not None, command_name  # noqa: S101 (only questions are asked so)
    return outcome.answer.data


def resources(control: Serves, callers: Callable[..., Any]) -> APIRouter:
    router = APIRouter()
    caller: Any = Depends(callers)

    @router.get(
        "/instances", response_model=Instances, tags=["instances"], summary="List the instances"
    )
    async def instances(
        actor: Actor = caller,
        word: Annotated[list[str], Query(description="Parts of names")] = [],  # noqa: B006
        state: Annotated[str | None, Query(examples=["running"])] = None,
        page: Annotated[int | None, Query(ge=1, le=100_000, description="20 each")] = None,
    ) -> JSONResponse:
        return private(await ask(control, actor, "list", words=word, state=state, page=page))

    @router.get(
        "/instances/{name}",
        response_model=Instance,
        tags=["instances"],
        summary="Show one instance, its health measured now",
    )
    async def instance(name: _Name, actor: Actor = caller) -> JSONResponse:
        return private(await ask(control, actor, "status", instance=name))

    @router.get("/audit", response_model=AuditPage, tags=["audit"], summary="Who did what")
    async def audit(
        asker: Actor = caller,
        since: Annotated[
            str | None, Query(pattern=r"^[1-9]\d{0,2}[smhd]$", examples=["7d"])
        ] = None,
        actor: Annotated[str | None, Query(examples=["U0ADA"])] = None,
        instance: Annotated[str | None, Query(examples=["acme"])] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> JSONResponse:
        narrowed = {"since": since, "actor": actor, "instance": instance}
        return private(await ask(control, asker, "audit", **narrowed, limit=limit, page=page))

    @router.get(
        "/audit/verify",
        response_model=AuditChecked,
        tags=["audit"],
        summary="Prove that the record is whole",
    )
    async def verify(
        anchor: Annotated[
            str | None,
            Query(pattern=r"^[1-9]\d{0,11}:[0-9a-f]{12,64}$", examples=["1204:9f86d081884c"]),
        ] = None,
        actor: Actor = caller,
    ) -> JSONResponse:
        return private(await ask(control, actor, "audit", what="verify", anchor=anchor))

    @router.get(
        "/approvals",
        response_model=Approvals,
        tags=["approvals"],
        summary="What waits for somebody's word",
    )
    async def approvals(
        decided: Annotated[bool, Query(description="Those that are decided, instead")] = False,
        actor: Actor = caller,
    ) -> JSONResponse:
        return private(await ask(control, actor, "approvals", decided=decided))

    @router.post(
        "/approvals/{run_id}/approve",
        response_model=Started,
        tags=["approvals"],
        summary="Approve a change, as it was planned",
    )
    async def approve(run_id: RunId, actor: Actor = caller) -> JSONResponse:
        await ask(control, actor, "approve", run=run_id)
        return private({"run": (await control.show(run_id)).model_dump(mode="json")})

    @router.post(
        "/approvals/{run_id}/reject",
        response_model=Started,
        tags=["approvals"],
        summary="Reject a change, and say why",
    )
    async def reject(run_id: RunId, given: Rejection, actor: Actor = caller) -> JSONResponse:
        await ask(control, actor, "reject", run=run_id, reason=given.reason)
        return private({"run": (await control.show(run_id)).model_dump(mode="json")})

    return router
