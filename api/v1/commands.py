"""Every command of the registry over HTTP: what there is, and performing it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from api.performing import Serves, once
from api.problems import Json
from api.v1.shapes import CommandDefinition, Commands
from engine.actor import Actor, Origin
from engine.command import Change
from engine.control_plane import Outcome
from engine.control_plane import Request as Wish
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.command import Command
    from engine.rights import Rights

PLAN = "plan"
"""Beside a command's own fields: only show what a change would do."""

WAIT = "wait"
"""Beside a command's own fields: false refuses a change that would have to wait in line."""


def commands(control: Serves, callers: Callable[..., Any]) -> APIRouter:
    router = APIRouter(tags=["commands"])
    caller: Any = Depends(callers)

    @router.get("/commands", response_model=Commands, summary="List what can be done")
    async def definitions(actor: Actor = caller) -> JSONResponse:
        rights = await control.rights(actor)
        known = [definition(command, rights) for command in control.registry.commands]
        return private(Commands(commands=known).model_dump(mode="json", by_alias=True))

    @router.post("/commands/{name}", include_in_schema=False)
    async def perform(
        name: str,
        request: Request,
        actor: Actor = caller,
        idempotency_key: Annotated[str, Header(max_length=200)] = "",
    ) -> JSONResponse:
        fields = await _fields(request)
        plan_only, wait = _switch(fields, PLAN, default=False), _switch(fields, WAIT, default=True)
        command = control.registry.command(name).parse(fields)
        origin = Origin(door=actor.door, patient=wait)
        if plan_only or not idempotency_key or command.asks:
            return told(await control.perform(actor, command, origin, plan_only=plan_only))
        delivery = f"api:{actor.id}:{idempotency_key}"
        return told(await once(control, Wish(delivery, actor, command, origin)))

    return router


def definition(command: type[Command], rights: Rights) -> CommandDefinition:
    return CommandDefinition(
        name=command.name,
        kind="change" if issubclass(command, Change) else "question",
        usage=command.usage(),
        summary=command.summary(),
        help=command.help_text(),
        group=command.group,
        role=command.role.label,
        allowed=rights.use(command),
        risk=command.risk,
        examples=list(command.examples),
        schema=command.model_json_schema(),
    )


def told(outcome: Outcome) -> JSONResponse:
    if outcome.run is not None:
        return private({"run": outcome.run.model_dump(mode="json")}, HTTPStatus.ACCEPTED)
    assert outcome.answer is not None  # noqa: S101 (an outcome is one of the two)
    return private({"answer": outcome.answer})


def private(content: dict[str, Any], status: int = 200) -> JSONResponse:
    """Answers may hold secrets, so nobody between may keep them."""
    return Json(content, status, headers={"Cache-Control": "no-store"})


def _switch(fields: dict[str, Any], name: str, *, default: bool) -> bool:
    value = fields.pop(name, default)
    if not isinstance(value, bool):
        raise InvalidInput(f"`{name}` is true or false.", fields={name: "is true or false"})
    return value


async def _fields(request: Request) -> dict[str, Any]:
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InvalidInput(
            "The body is not a JSON object.",
            why="It holds the command's fields, and `plan` where only the plan is wanted.",
            next_step="/luthien help",
        )
    return body
