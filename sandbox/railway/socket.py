"""Subscriptions over websockets: the `graphql-transport-ws` protocol.

The token comes in the headers of the upgrade, as Railway's CLI sends it.
Source: github.com/enisdenjo/graphql-ws, PROTOCOL.md; railwayapp/cli, subscription.rs.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from typing import TYPE_CHECKING, Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationType,
    get_operation_ast,
    subscribe,
)
from starlette.websockets import WebSocketDisconnect

from sandbox.railway.documents import masked_document, operation_label
from sandbox.railway.execution import Asked, document, envelope, run
from sandbox.railway.identity import Call, viewer_of
from sandbox.railway.schema import schema
from sandbox.traffic import FaultKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.websockets import WebSocket

    from sandbox.railway.world import World
    from sandbox.traffic import Traffic

SUBPROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT = 10.0
INVALID, UNAUTHORIZED, NOT_ACCEPTABLE = 4400, 4401, 4406
INIT_TIMED_OUT, DUPLICATE, TOO_MANY_INITS = 4408, 4409, 4429


def socket_endpoint(world: World, traffic: Traffic) -> Callable[[WebSocket], Awaitable[None]]:
    async def serve(socket: WebSocket) -> None:
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            await socket.close(NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await socket.accept(SUBPROTOCOL)
        with traffic.socket("railway", lambda: socket.close(1012, "Service restart")):
            session = Session(socket, Call(world, viewer_of(world, socket.headers)), traffic)
            await session.run()

    return serve


class _Closed(Exception):
    """The connection ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Session:
    """One connection: its handshake and its running operations by id."""

    def __init__(self, socket: WebSocket, call: Call, traffic: Traffic) -> None:
        self._socket = socket
        self._call = call
        self._traffic = traffic
        self._acknowledged = False
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        try:
            async with asyncio.timeout(INIT_TIMEOUT):
                while not self._acknowledged:
                    await self._take(await self._socket.receive_text())
            while True:
                await self._take(await self._socket.receive_text())
        except TimeoutError:
            await self._socket.close(INIT_TIMED_OUT, "Connection initialisation timeout")
        except _Closed as closed:
            await self._socket.close(closed.code, str(closed))
        except (WebSocketDisconnect, RuntimeError):
            pass  # the other side went away, or a planned fault closed the connection
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _take(self, text: str) -> None:
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, TypeError, KeyError) as error:
            raise _Closed(INVALID, "Invalid message received") from error
        match kind:
            case "connection_init" if self._acknowledged:
                raise _Closed(TOO_MANY_INITS, "Too many initialisation requests")
            case "connection_init":
                self._acknowledged = True
                await self._send({"type": "connection_ack"})
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe" if not self._acknowledged:
                raise _Closed(UNAUTHORIZED, "Unauthorized")
            case "subscribe":
                self._subscribe(message)
            case "complete":
                task = self._running.pop(str(message.get("id")), None)
                if task is not None:
                    task.cancel()
            case _:
                raise _Closed(INVALID, f"Unexpected message of type {kind} received")

    def _subscribe(self, message: dict[str, Any]) -> None:
        operation_id = message.get("id")
        payload = message.get("payload")
        if not isinstance(operation_id, str) or not isinstance(payload, dict):
            raise _Closed(INVALID, "Invalid message received")
        query = payload.get("query")
        if not isinstance(query, str):
            raise _Closed(INVALID, "Invalid message received")
        if operation_id in self._running:
            raise _Closed(DUPLICATE, f"Subscriber for {operation_id} already exists")
        asked = Asked(query, payload.get("variables") or {}, payload.get("operationName"))
        self._running[operation_id] = asyncio.create_task(self._stream(operation_id, asked))

    async def _stream(self, operation_id: str, asked: Asked) -> None:
        label = operation_label(asked.query, asked.operation_name)
        fault = self._traffic.strike("railway", label)
        await self._traffic.record(
            vendor="railway",
            operation=label,
            document=masked_document(asked.query),
            variables=asked.variables,
            status=101,
            fault=fault.kind if fault else None,
        )
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        elif fault is not None:
            await self._traffic.disconnect("railway")
            return
        try:
            async for result in self._results(asked):
                await self._send({"id": operation_id, "type": "next", "payload": result})
        except GraphQLError as error:
            shown = envelope(ExecutionResult(None, [error]))["errors"]
            await self._send({"id": operation_id, "type": "error", "payload": shown})
        except _Refused as refused:
            await self._send({"id": operation_id, "type": "error", "payload": refused.errors})
        else:
            await self._send({"id": operation_id, "type": "complete"})
        self._running.pop(operation_id, None)

    async def _results(self, asked: Asked) -> Any:
        parsed, wrong = document(asked.query)
        operation = get_operation_ast(parsed, asked.operation_name) if parsed else None
        if parsed is None or wrong or operation is None:
            raise _Refused([{"message": error.message} for error in wrong])
        self._call.world.settle()
        if operation.operation is not OperationType.SUBSCRIPTION:
            yield envelope(run(self._call, parsed, operation, asked))
            return
        source = subscribe(
            schema(),
            parsed,
            context_value=self._call,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
        )
        if inspect.isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise _Refused(envelope(source)["errors"])
        async for result in source:
            yield envelope(result)

    async def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.send_text(json.dumps(message))


class _Refused(Exception):
    """An operation that does not start."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors
