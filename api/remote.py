"""The remote half: the command line's view of a running server's control plane."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, Self

import httpx

from api.errors import rebuilt
from engine.answer import Answer
from engine.control_plane import Outcome
from engine.errors import Draining, OutcomeUnknown, Unreachable
from engine.run import Event, EventKind, RunView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType

    from engine.actor import Actor, Origin
    from engine.command import Command
    from engine.errors import OpsError

_PATIENCE = timedelta(seconds=60)
"""How long a follower waits for a server that went away to come back."""


class Address(Protocol):
    """Where a server is and the token that it takes."""

    @property
    def address(self) -> str: ...

    @property
    def token(self) -> str: ...


class RemoteControl:
    """`find` tells where the server is now: it may come back elsewhere after a restart. `pace`
    divides how long a follower waits between two looks for it."""

    def __init__(
        self,
        find: Callable[[], Address | None],
        *,
        user: str,
        transport: httpx.AsyncBaseTransport | None = None,
        pace: float = 1,
    ) -> None:
        self._find = find
        self._user = user
        self._pause = timedelta(milliseconds=500) / pace
        timeout = httpx.Timeout(10, read=120)
        self._http = httpx.AsyncClient(timeout=timeout, transport=transport, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def perform(
        self, actor: Actor, command: Command, origin: Origin, *, plan_only: bool = False
    ) -> Outcome:
        """The server knows the actor by this user's name and the origin by the door."""
        del actor
        body = {**command.wire(), "plan": plan_only, "wait": origin.patient}
        # Under one key a change whose answer was lost may be asked for again: it starts once.
        headers = {"Idempotency-Key": secrets.token_urlsafe(16)}
        path = f"/commands/{command.name}"
        try:
            answer = await self._json("POST", path, json=body, headers=headers)
        except OutcomeUnknown:
            answer = await self._json("POST", path, json=body, headers=headers)
        if "run" in answer:
            return Outcome(run=RunView.model_validate(answer["run"]))
        return Outcome(answer=Answer.model_validate(answer["answer"]))

    async def show(self, run_id: str) -> RunView:
        return RunView.model_validate(await self._json("GET", f"/runs/{run_id}"))

    async def follow(self, run_id: str, after: int = 0) -> AsyncIterator[Event]:
        """Goes on where it was when the server restarts. Raises Unreachable when it stays away."""
        last, waited = after, timedelta()
        while True:
            ended = False
            with contextlib.suppress(httpx.TransportError, Draining, Unreachable):
                async for event in self._events(run_id, last):
                    last, waited = event.seq, timedelta()
                    ended = event.kind is EventKind.ENDED
                    yield event
                if ended:
                    return
            if waited >= _PATIENCE:
                raise _unreachable()
            await asyncio.sleep(self._pause.total_seconds())
            waited += self._pause

    async def _events(self, run_id: str, after: int) -> AsyncIterator[Event]:
        request = self._request("GET", f"/runs/{run_id}/events")
        request.headers["Last-Event-ID"] = str(after)
        response = await self._http.send(request, stream=True)
        try:
            if response.is_error:
                await response.aread()
                raise _error(response)
            async for line in response.aiter_lines():
                # An event's JSON is one line; ids and kinds are in it too.
                if line.startswith("data:"):
                    yield Event.model_validate_json(line.removeprefix("data:"))
        finally:
            await response.aclose()

    async def _json(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        request = self._request(method, path, **content)
        try:
            response = await self._http.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise _unreachable() from None
        except httpx.TransportError as error:
            raise OutcomeUnknown(
                "The server did not answer.",
                vendor="luthien serve",
                call=path,
                why=f"The connection broke ({type(error).__name__}); it may have started.",
                who="You can look.",
                next_step="/luthien runs",
            ) from None
        if response.is_error:
            raise _error(response)
        answer: dict[str, Any] = response.json()
        return answer

    def _request(self, method: str, path: str, **content: Any) -> httpx.Request:
        server = self._find()
        if server is None:
            raise _unreachable()
        request = self._http.build_request(
            method, f"{server.address}/api/v1{path}", **content, timeout=self._http.timeout
        )
        request.headers["Authorization"] = f"Bearer {server.token}"
        request.headers["X-Luthien-User"] = (
            re.sub(r"[^\w.@+-]", "_", self._user, flags=re.ASCII)[:64] or "owner"
        )
        return request


def _unreachable() -> Unreachable:
    return Unreachable(
        "The server does not answer any more.",
        vendor="luthien serve",
        call="connect",
        why="It was stopped or is just starting.",
        who="Whoever runs `luthien serve` on this machine.",
        next_step="/luthien serve",
    )


def _error(response: httpx.Response) -> OpsError:
    try:
        payload = response.json()
    except json.JSONDecodeError:
        payload = {}
    if not isinstance(payload, dict) or "error" not in payload:
        payload = {"error": f"The server answered {response.status_code} without saying why."}
    seconds = response.headers.get("Retry-After", "")
    wait = timedelta(seconds=int(seconds)) if seconds.isdecimal() else None
    return rebuilt(payload, retry_after=wait)
