"""`/control/`: what outside tools use to watch the stand-ins and to make things happen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sse_starlette import EventSourceResponse
from starlette.responses import JSONResponse

from sandbox.control_route import ControlError, control_route, json_body
from sandbox.traffic import Fault, FaultKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from sandbox.server import Settings
    from sandbox.slack import World as SlackWorld
    from sandbox.state import Store
    from sandbox.traffic import Traffic

__all__ = ["ControlError", "control_route", "json_body", "routes"]

VENDORS = ("railway", "slack", "gateway")


def routes(
    settings: Settings, store: Store, traffic: Traffic, slack: SlackWorld
) -> list[BaseRoute]:
    """The controls that belong to no vendor."""

    async def ready(_: Request) -> Response:
        bot = await slack.bot_connected()
        up = {"railway": True, "slack": True, "bot": bot}
        return JSONResponse(up, 200 if bot or not settings.expect_bot else 503)

    async def journal(request: Request) -> Response:
        """All lines, or with `?since=` those after a sequence number."""
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise ControlError("since has to be a sequence number")
        lines = [line.as_json() for line in traffic.journal if line.seq > int(since)]
        return JSONResponse({"entries": lines})

    async def faults(request: Request) -> Response:
        fault = _fault(await json_body(request))
        await traffic.plan(fault)
        return JSONResponse(
            {"ok": True, "planned": len([f for f in traffic.faults if not f.done])}
        )

    async def show_state(_: Request) -> Response:
        return JSONResponse(store.show())

    async def put_state(request: Request) -> Response:
        body = await json_body(request)
        unknown = sorted(set(body) - set(store.worlds))
        if unknown:
            raise ControlError(f"no such world: {', '.join(unknown)}")
        try:
            store.put(body)
        except (ValueError, TypeError, KeyError) as error:
            raise ControlError(f"that is no state: {error}") from error
        return JSONResponse({"ok": True})

    async def reset(request: Request) -> Response:
        if await request.body():
            await json_body(request)
        store.reset()
        traffic.forget()
        return JSONResponse({"ok": True})

    async def events(_: Request) -> Response:
        async def stream() -> AsyncIterator[dict[str, str]]:
            async for hint in traffic.hints():
                yield {"data": json.dumps(hint)}

        return EventSourceResponse(stream())

    return [
        control_route("/control/ready", ready, "GET"),
        control_route("/control/journal", journal, "GET"),
        control_route("/control/faults", faults, "POST"),
        control_route("/control/state", show_state, "GET"),
        control_route("/control/state", put_state, "PUT"),
        control_route("/control/reset", reset, "POST"),
        control_route("/control/events", events, "GET"),
    ]


def _fault(body: dict[str, Any]) -> Fault:
    unknown = sorted(set(body) - {"vendor", "operation", "nth", "kind", "retry_after", "seconds"})
    if unknown:
        raise ControlError(f"a fault has no {', '.join(unknown)}")
    try:
        kind = FaultKind(str(body.get("kind")))
    except ValueError as error:
        raise ControlError(f"kind has to be one of {', '.join(FaultKind)}") from error
    if body.get("vendor") not in VENDORS:
        raise ControlError(f"vendor has to be one of {', '.join(VENDORS)}")
    nth = body.get("nth", 1)
    if not isinstance(nth, int) or nth < (0 if kind is FaultKind.DISCONNECT else 1):
        raise ControlError("nth counts from 1")
    return Fault(**{**body, "kind": kind})
