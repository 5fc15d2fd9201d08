"""Runs and their events over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse

from api.events import stream
from api.performing import Serves
from api.v1.commands import private
from api.v1.resources import ask
from api.v1.shapes import RunId, Runs, Started
from engine.actor import Actor
from engine.run import RunStatus, RunView

if TYPE_CHECKING:
    from collections.abc import Callable

_Seen = Annotated[
    int, Header(ge=0, le=2**63 - 1, description="The last event that you saw: go on after it.")
]
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events as they happen; the data of each is its JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_LIVE: dict[str, Any] = {"x-live": True}
"""Does not end by itself."""


def runs(control: Serves, callers: Callable[..., Any]) -> APIRouter:
    router = APIRouter(tags=["runs"])
    caller: Any = Depends(callers)

    @router.get("/runs", response_model=Runs, summary="List runs, newest first")
    async def many(
        _: Actor = caller,
        instance: Annotated[
            str | None, Query(description="Only about this one", max_length=200)
        ] = None,
        status: Annotated[list[RunStatus], Query(description="Only in these states")] = [],  # noqa: B006
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        before: Annotated[
            str, Query(description="Only runs older than this one", pattern=r"^[\w-]{0,32}$")
        ] = "",
    ) -> JSONResponse:
        found = list(
            await control.list_runs(
                subject=instance, statuses=status, limit=limit + 1, before=before
            )
        )
        more = len(found) > limit
        shown = [run.model_dump(mode="json") for run in found[:limit]]
        return private({"runs": shown, "next": shown[-1]["id"] if more else None})

    @router.get("/runs/{run_id}", response_model=RunView, summary="Show one run")
    async def one(run_id: RunId, _: Actor = caller) -> JSONResponse:
        return private((await control.show(run_id)).model_dump(mode="json"))

    @router.get(
        "/runs/{run_id}/events",
        response_class=EventSourceResponse,
        responses=_EVENTS,
        openapi_extra=_LIVE,
        summary="Follow one run",
    )
    async def events(
        run_id: RunId, _: Actor = caller, last_event_id: _Seen = 0
    ) -> EventSourceResponse:
        """From the start or after `Last-Event-ID`; ends with the run."""
        await control.show(run_id)
        return stream(control.follow(run_id, after=last_event_id))

    @router.get(
        "/events",
        response_class=EventSourceResponse,
        responses=_EVENTS,
        openapi_extra=_LIVE,
        summary="Follow all runs",
    )
    async def all_events(
        _: Actor = caller, last_event_id: Annotated[int | None, Header(ge=0)] = None
    ) -> EventSourceResponse:
        """From now on, or after `Last-Event-ID`; never ends by itself."""
        return stream(control.follow_all(after=last_event_id))

    def steers(verb: str, summary: str) -> None:
        """POST /runs/{run_id}/<verb> is the command of that name, about this run."""

        @router.post(
            f"/runs/{{run_id}}/{verb}", response_model=Started, name=verb, summary=summary
        )
        async def steer(run_id: RunId, actor: Actor = caller) -> JSONResponse:
            await ask(control, actor, verb, run=run_id)
            return private({"run": (await control.show(run_id)).model_dump(mode="json")})

    steers("cancel", "Stop a run before its next step")
    steers("retry", "Go on with a run from its first unfinished step")
    steers("clean-up", "Remove what a run made")
    return router
