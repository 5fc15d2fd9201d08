"""What passes between a client and the stand-ins: the journal, the planned faults, the hints.

Every request to a stand-in goes through `Traffic.answer`, so that a test can read afterwards what
was asked in which order, and can make the n-th request of a kind go wrong beforehand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sandbox import fault_replies, times
from sandbox.masking import Mask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from starlette.requests import HTTPConnection, Request

JOURNAL_LIMIT = 20_000
"""Entries kept; the oldest go first."""


class FaultKind(StrEnum):
    LOST_BEFORE = "lost-before"  # the connection drops, nothing was done
    LOST_AFTER = "lost-after"  # it was done, the connection drops instead of an answer
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"  # nothing was done
    TIMEOUT_AFTER = "504-after"  # it was done, a proxy in front gave up waiting
    THROTTLE = "throttle"  # the vendor's own words for "too quickly"
    HTML = "html"  # a proxy's block page where JSON was expected
    EDGE_LIMIT = "1015"  # Cloudflare's page for too many requests; nothing was done
    DELAY = "delay"  # answered, but `seconds` later
    TRUNCATED = "truncated"  # it was done, half of the JSON arrives
    DISCONNECT = "disconnect"  # the vendor's open websockets close; the request itself is answered


@dataclass
class Fault:
    """One thing that will go wrong: the nth matching request counted from when this was posted."""

    kind: FaultKind
    vendor: str
    operation: str = "*"
    nth: int = 1
    retry_after: int = 1
    seconds: float = 5.0
    seen: int = 0
    done: bool = False

    def strikes(self, vendor: str, operation: str) -> bool:
        """Count one request; True when it is the one to spoil."""
        if self.done or vendor != self.vendor or self.operation not in ("*", operation):
            return False
        self.seen += 1
        self.done = self.seen == self.nth
        return self.done


@dataclass
class Exchange:
    """One line of the journal. `status` stays None while the answer is still being made."""

    seq: int
    at: str
    vendor: str
    operation: str
    document: str | None
    variables: Any
    url_query: str | None = None  # what `?query=` in the address said; None without one
    status: int | None = None
    answer: str | None = None
    fault: str | None = None
    duration_ms: float | None = None
    started: float = field(default_factory=time.perf_counter, repr=False)

    def finish(self, status: int | None, answer: str | None) -> None:
        self.status = status
        self.answer = answer
        self.duration_ms = round((time.perf_counter() - self.started) * 1000, 1)

    def as_json(self) -> dict[str, Any]:
        shown = asdict(self)
        del shown["started"]
        return shown


class Traffic:
    """The journal, the planned faults and the event stream of one sandbox."""

    def __init__(self) -> None:
        self.journal: list[Exchange] = []
        self.faults: list[Fault] = []
        self.mask = Mask()
        self._seq = 0
        self._watchers: set[asyncio.Queue[dict[str, Any]]] = set()
        self._sockets: dict[str, set[Callable[[], Awaitable[None]]]] = {}

    # -- requests -----------------------------------------------------------------------------

    async def answer(
        self,
        request: Request,
        *,
        vendor: str,
        operation: str,
        document: str | None,
        variables: Mapping[str, Any],
        url_query: str | None = None,
        handle: Callable[[], Awaitable[Response]],
    ) -> Response:
        """The answer of `handle`, recorded, unless a planned fault strikes first or afterwards."""
        entry = self._open(vendor, operation, document, variables)
        entry.url_query = None if url_query is None else self.mask.text(url_query)
        fault = self.strike(vendor, operation)
        entry.fault = fault.kind if fault else None
        try:
            response = await self._answer(request, operation, fault, handle)
        except BaseException as error:
            entry.finish(
                None if isinstance(error, ConnectionResetError) else 500,
                self.mask.text(repr(error)),
            )
            self._tell(entry)
            raise
        dropped = fault is not None and fault.kind in (FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER)
        entry.finish(
            None if dropped else response.status_code,
            None if dropped else self.mask.answer(bytes(getattr(response, "body", b""))),
        )
        self._tell(entry)
        return response

    async def _answer(
        self,
        request: Request,
        operation: str,
        fault: Fault | None,
        handle: Callable[[], Awaitable[Response]],
    ) -> Response:
        if fault is None:
            return await handle()
        match fault.kind:
            case FaultKind.LOST_BEFORE:
                return await drop(request)
            case FaultKind.LOST_AFTER:
                await handle()
                return await drop(request)
            case FaultKind.TIMEOUT_AFTER:
                await handle()
                return fault_replies.gateway_timeout()
            case FaultKind.TRUNCATED:
                return fault_replies.truncated(await handle())
            case FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
                return await handle()
            case FaultKind.DISCONNECT:
                await self.disconnect(fault.vendor)
                return await handle()
            case kind:
                return fault_replies.instead(fault.vendor, operation, kind, fault.retry_after)

    def strike(self, vendor: str, operation: str) -> Fault | None:
        """Count one request against every planned fault; the first that strikes it, if any."""
        struck = [fault for fault in self.faults if fault.strikes(vendor, operation)]
        return struck[0] if struck else None

    # -- what is not a request and its answer ---------------------------------------------------

    async def record(
        self,
        *,
        vendor: str,
        operation: str,
        document: str | None = None,
        variables: Any = None,
        status: int | None = 200,
        answer: Any = None,
        fault: str | None = None,
    ) -> Exchange:
        """Add one finished line: an envelope on a socket, a post to the app's request URL."""
        entry = self._open(vendor, operation, document, variables)
        entry.fault = fault
        shown = None if answer is None else self.mask.answer(json.dumps(answer).encode())
        entry.finish(status, shown)
        self._tell(entry)
        return entry

    def _open(self, vendor: str, operation: str, document: str | None, variables: Any) -> Exchange:
        self._seq += 1
        entry = Exchange(
            seq=self._seq,
            at=datetime.fromtimestamp(times.now(), UTC).isoformat(),
            vendor=vendor,
            operation=operation,
            document=document,
            variables=self.mask.value(variables),
        )
        self.journal.append(entry)
        if len(self.journal) > JOURNAL_LIMIT:
            del self.journal[: JOURNAL_LIMIT // 10]
        return entry

    def _tell(self, entry: Exchange) -> None:
        hint = {"type": "journal", "seq": entry.seq, "vendor": entry.vendor}
        self.publish({**hint, "operation": entry.operation, "status": entry.status})

    # -- faults ---------------------------------------------------------------------------------

    async def plan(self, fault: Fault) -> None:
        """Keep a fault for later; a disconnect with nth 0 happens at once."""
        if fault.kind is FaultKind.DISCONNECT and fault.nth == 0:
            fault.done = True
            await self.disconnect(fault.vendor)
        self.faults.append(fault)

    async def disconnect(self, vendor: str) -> None:
        """Close every open websocket of a vendor."""
        for close in tuple(self._sockets.get(vendor, ())):
            with contextlib.suppress(Exception):
                await close()

    @contextlib.contextmanager
    def socket(self, vendor: str, close: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """While the body runs, `close` is how this vendor's websocket is cut."""
        self._sockets.setdefault(vendor, set()).add(close)
        try:
            yield
        finally:
            self._sockets[vendor].discard(close)

    # -- hints for the page -----------------------------------------------------------------------

    def publish(self, hint: dict[str, Any]) -> None:
        """Tell every open page that something changed; a page that cannot keep up loses hints."""
        for queue in self._watchers:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(hint)

    async def hints(self) -> AsyncIterator[dict[str, Any]]:
        """Hints from now on, without end."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=1000)
        self._watchers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)

    def forget(self) -> None:
        """Empty journal and faults, as after a start."""
        self.journal.clear()
        self.faults.clear()


async def drop(connection: HTTPConnection) -> Response:
    """Cut the TCP connection of this request; in-process clients get a ConnectionResetError."""
    transport = connection.scope.get("state", {}).get("transport")
    if transport is None:
        raise ConnectionResetError("the sandbox dropped this connection")
    transport.abort()
    await asyncio.sleep(0)  # lets the server notice, so that it sends nothing more
    return Response(status_code=500)
