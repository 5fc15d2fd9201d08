"""Socket Mode: websockets that the app opens, envelopes down, acknowledgements up.

Source: docs.slack.dev/apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketDisconnect, WebSocketState

from sandbox import times
from sandbox.slack import workspace
from sandbox.slack.delivery.outcome import Outcome, ParcelKind, timed_out, undeliverable
from sandbox.traffic import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

    from sandbox.slack.delivery.outcome import Parcel
    from sandbox.slack.records import Json
    from sandbox.slack.world import World

MOST_CONNECTIONS = 10
TICKET_SECONDS = 30.0
DEBUG_CONNECTION_SECONDS = 360.0
HOST = "applink-sandbox-1"


@dataclass(eq=False)
class Connection:
    """One open websocket of the app."""

    websocket: WebSocket
    number: int
    closing: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, frame: Json) -> None:
        async with self.lock:
            await self.websocket.send_text(json.dumps(frame))

    async def close(self, code: int = 1000) -> None:
        self.closing = True
        if self.websocket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self.websocket.close(code)


class SocketMode:
    """The app's open connections, and the envelopes that wait for an acknowledgement."""

    def __init__(self, world: World) -> None:
        self.connections: list[Connection] = []
        self._world = world
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._opened = 0
        self._draw = random.Random(0)  # noqa: S311  (which connection gets a payload)

    async def start(self) -> None:
        """Nothing to do: the app comes to us."""

    async def stop(self) -> None:
        for connection in tuple(self.connections):
            await connection.close(1001)

    async def connected(self) -> bool:
        return any(not connection.closing for connection in self.connections)

    # -- opening and closing --------------------------------------------------------------------

    def url(self, host: str) -> str:
        """A single-use websocket address, for apps.connections.open."""
        ticket = self._world.secret(32)
        self._tickets[ticket] = times.monotonic() + TICKET_SECONDS
        return f"ws://{host}/slack/link/?ticket={ticket}&app_id={workspace.APP_ID}"

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one websocket from its handshake to its end."""
        fault = self._world.traffic.strike("slack", "socket")
        valid_until = self._tickets.pop(websocket.query_params.get("ticket", ""), 0.0)
        refused = fault is not None and fault.kind is not FaultKind.DISCONNECT
        if refused or valid_until < times.monotonic():
            await websocket.close(1008)
            return
        await websocket.accept()
        self._opened += 1
        connection = Connection(websocket, self._opened)
        if len(self.connections) >= MOST_CONNECTIONS:
            await connection.send(_disconnect("too_many_websockets"))
            await connection.close()
            return
        seconds = self._world.state.settings.connection_seconds
        if websocket.query_params.get("debug_reconnects") == "true":
            seconds = DEBUG_CONNECTION_SECONDS
        self.connections.append(connection)
        ageing = asyncio.create_task(self._age(connection, seconds))
        try:
            with self._world.traffic.socket("slack", connection.close):
                await connection.send(self._hello(seconds))
                if fault is not None:
                    await connection.close()
                await self._listen(connection)
        finally:
            ageing.cancel()
            self.connections.remove(connection)

    def _hello(self, seconds: float) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": workspace.APP_ID},
            "debug_info": {
                "host": HOST,
                "build_number": 54,
                "approximate_connection_time": int(seconds),
            },
        }

    async def _listen(self, connection: Connection) -> None:
        while True:
            received = await connection.websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                frame = json.loads(received.get("text") or "")
                waiting = self._waiting.pop(frame.get("envelope_id"), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame.get("payload"))

    async def _age(self, connection: Connection, seconds: float) -> None:
        warning = self._world.state.settings.connection_warning_seconds
        await asyncio.sleep(max(0.0, seconds - warning))
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self.say_goodbye(connection, "warning")
            await asyncio.sleep(warning)
            await self.say_goodbye(connection, "refresh_requested")

    async def say_goodbye(self, connection: Connection, reason: str) -> None:
        """Ask the app to reconnect; unless it is only a warning the connection closes after it."""
        connection.closing = True
        await connection.send(_disconnect(reason))
        if reason != "warning":
            await connection.close()

    # -- envelopes ------------------------------------------------------------------------------

    async def carry(self, parcel: Parcel, sent: Callable[[], None]) -> Outcome:
        usable = [c for c in self.connections if not c.closing] or self.connections
        if not usable:
            return undeliverable()
        envelope: Json = {
            "envelope_id": self._envelope_id(),
            "type": parcel.kind,
            "accepts_response_payload": parcel.kind is not ParcelKind.EVENT,
            "payload": parcel.payload,
        }
        if parcel.kind is ParcelKind.EVENT:
            envelope |= {"retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        started = time.perf_counter()
        patience = self._world.state.settings.ack_seconds
        try:
            await self._draw.choice(usable).send(envelope)
            sent()
            body = await asyncio.wait_for(answer, patience)
        except TimeoutError:
            return timed_out(patience)
        except (RuntimeError, WebSocketDisconnect):
            return undeliverable()
        finally:
            self._waiting.pop(envelope["envelope_id"], None)
        elapsed = round((time.perf_counter() - started) * 1000, 2)
        return Outcome(200, body if body is not None else "", elapsed)

    def _envelope_id(self) -> str:
        digits = self._world.secret(32, "0123456789abcdef")
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
