"""Sending payloads: planned faults, the journal, and repetition of unanswered events."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import workspace
from sandbox.slack.delivery.outcome import (
    TIMED_OUT,
    UNREACHABLE,
    Outcome,
    Parcel,
    ParcelKind,
    timed_out,
    undeliverable,
)
from sandbox.slack.delivery.request_url import RequestUrl
from sandbox.slack.delivery.socket_mode import SocketMode
from sandbox.traffic import FaultKind

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import httpx

    from sandbox.slack.delivery.outcome import Carrier
    from sandbox.slack.records import Json
    from sandbox.slack.world import World
    from sandbox.traffic import Exchange, Fault

OPERATIONS = {
    ParcelKind.COMMAND: "command",
    ParcelKind.INTERACTION: "interaction",
    ParcelKind.EVENT: "event",
}
"""The names under which faults are planned and the journal is read."""


class Deliveries:
    """Everything that Slack sends to the app on its own account."""

    def __init__(
        self, world: World, request_url: str | None, to_app: httpx.AsyncBaseTransport | None
    ) -> None:
        self.socket_mode = SocketMode(world)
        self.last: Parcel | None = None
        self._world = world
        self._carrier: Carrier = (
            RequestUrl(world, request_url, to_app) if request_url else self.socket_mode
        )
        self._tasks: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        await self._carrier.start()

    async def stop(self) -> None:
        self.forget()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._carrier.stop()

    def forget(self) -> None:
        """Stop repeating what is under way; the app's connections stay."""
        self.last = None
        for task in self._tasks:
            task.cancel()

    async def connected(self) -> bool:
        return await self._carrier.connected()

    async def command(self, payload: Json) -> Outcome:
        return await self._send(Parcel(ParcelKind.COMMAND, payload))

    async def interaction(self, payload: Json) -> Outcome:
        return await self._send(Parcel(ParcelKind.INTERACTION, payload))

    def event(self, payload: Json) -> None:
        """Send an event; while it is not acknowledged, repeat it as often as Slack does."""
        self._background(self._until_acked(Parcel(ParcelKind.EVENT, payload)))

    async def again(self, times: int) -> list[Outcome]:
        """Send the last payload again, as a network that delivers twice would.

        Events about what the app did itself do not count.
        """
        if self.last is None:
            return []
        return [await self._send(self.last) for _ in range(times)]

    async def _until_acked(self, parcel: Parcel) -> None:
        for attempt, pause in enumerate([0.0, *self._world.state.settings.event_retries_after]):
            await asyncio.sleep(pause)
            outcome = await self._send(replace(parcel, attempt=attempt))
            if outcome.acked or outcome.headers.get("x-slack-no-retry") == "1":
                return
            if attempt == 0 and self._carrier is self.socket_mode and outcome.status != TIMED_OUT:
                return  # what finds no connection at first is dropped, not queued
            parcel = replace(parcel, reason=self._reason(outcome))

    def _reason(self, outcome: Outcome) -> str:
        """Slack's word for why an event is sent again."""
        if outcome.problem == "operation_timeout":
            return "timeout" if self._carrier is self.socket_mode else "http_timeout"
        return "connection_failed" if outcome.status == UNREACHABLE else "http_error"

    async def _send(self, parcel: Parcel) -> Outcome:
        if parcel.payload.get("event", {}).get("user") != workspace.BOT_USER:
            self.last = parcel
        operation = OPERATIONS[parcel.kind]
        fault = self._world.traffic.strike("slack", operation)
        entry = await self._world.traffic.record(
            vendor="slack",
            operation=operation,
            document=parcel.payload.get("command") or parcel.payload.get("type"),
            variables=parcel.payload,
            status=None,
            fault=fault.kind if fault else None,
        )
        outcome = await self._carry(parcel, fault)
        self._note(entry, outcome)
        return outcome

    def _note(self, entry: Exchange, outcome: Outcome) -> None:
        answer = json.dumps(outcome.problem or outcome.body).encode()
        entry.finish(
            outcome.status if outcome.acked else None, self._world.traffic.mask.answer(answer)
        )

    async def _carry(self, parcel: Parcel, fault: Fault | None) -> Outcome:
        started = times.monotonic()
        patience = self._world.state.settings.ack_seconds
        if fault is None:
            return await self._carrier.carry(parcel, _nothing)
        match fault.kind:
            case FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
                return await self._carrier.carry(parcel, _nothing)
            case FaultKind.LOST_BEFORE:
                await asyncio.sleep(patience)
            case FaultKind.LOST_AFTER | FaultKind.TIMEOUT_AFTER | FaultKind.TRUNCATED:
                await self._carrier.carry(parcel, _nothing)
                await asyncio.sleep(max(0.0, patience - (times.monotonic() - started)))
            case FaultKind.DISCONNECT:
                cut = self._world.traffic.disconnect
                await self._carrier.carry(parcel, lambda: self._background(cut("slack")))
            case _:
                return undeliverable()
        return timed_out(patience)

    def _background(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _nothing() -> None:
    pass
