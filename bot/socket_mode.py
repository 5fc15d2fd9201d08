"""Socket Mode: the connection over which Slack reaches us, opened and kept open."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.errors import SlackApiError
from typing_extensions import override

from bot import shapes
from bot.slack_errors import translated
from engine.telemetry import ACK, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from logging import Logger

    from slack_bolt.async_app import AsyncApp
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

    from engine.clock import Clock
    from engine.precedence import Precedence

LOOK_EVERY = timedelta(seconds=1)
"""Whether the socket is still open."""
SOON = timedelta(seconds=0.5)
LONGEST = timedelta(seconds=30)
"""Between two tries to open it."""
PING_EVERY_S = 10


class Line(Protocol):
    """What slack_sdk's client is to us: it connects, and hands on what comes."""

    @property
    def current_session(self) -> Any:
        """Has `closed`; None before the first connection."""

    async def connect(self) -> None: ...
    async def connect_to_new_endpoint(self) -> None: ...
    async def close(self) -> None: ...


@contextlib.contextmanager
def delivery(transport: str) -> Iterator[None]:
    """Around a delivery of Slack until it is acknowledged."""
    with ACK.labels(transport).time(), span("slack delivery", transport=transport):
        yield


class SlackSocket:
    """One per process in Socket Mode. `line` makes a client that is not connected yet."""

    def __init__(self, line: Callable[[], Line], clock: Clock, log: Logger) -> None:
        self._make = line
        self._clock = clock
        self._log = log
        self._line: Line | None = None
        self._keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect in the background, and again whenever that is lost."""
        self._keeping = asyncio.create_task(self._keep(), name="slack socket")

    async def stop(self) -> None:
        """Nothing comes in after this."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._line is not None:
            await self._line.close()

    @property
    def connected(self) -> bool:
        session = self._line.current_session if self._line else None
        return session is not None and not session.closed

    async def _keep(self) -> None:
        line = await self._opened()
        wait = LOOK_EVERY
        while True:
            # Its own look at whether it is cut off comes every ten seconds; meanwhile people would
            # be told that the app did not respond. Source: slack_sdk, `monitor_current_session`.
            await self._clock.sleep(wait)
            try:
                if not self.connected:
                    await line.connect_to_new_endpoint()
                wait = LOOK_EVERY
            except (SlackApiError, aiohttp.ClientError, OSError, TimeoutError) as missed:
                self._log.warning("the socket is cut and not open again: %s", missed)
                wait = min(wait * 2, LONGEST)

    async def _opened(self) -> Line:
        wait = SOON
        while True:
            self._line = self._make()
            try:
                await self._line.connect()
            except SlackApiError as error:
                refused = translated("apps.connections.open", error)
                self._log.warning("Socket Mode is refused: %s", refused.why or refused.summary)
            except (aiohttp.ClientError, OSError, TimeoutError):
                said = "Slack cannot be reached, trying again in %.1f s"
                self._log.warning(said, wait.total_seconds())
            else:
                self._log.info("listening to Slack over Socket Mode")
                return self._line
            await self._line.close()
            await self._clock.sleep(wait)
            wait = min(wait * 2, LONGEST)


class _Handler(AsyncSocketModeHandler):
    precedence: Precedence
    log: Logger

    @override
    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override] # theirs differs from its base too
        if wrong := shapes.fault(req.payload):
            self.log.warning("a payload of Slack was refused: %s", wrong)
            return
        with delivery("socket"), self.precedence.delivery():
            await super().handle(client, req)


def bolt_line(
    app: AsyncApp, app_token: str, precedence: Precedence, log: Logger
) -> Callable[[], Line]:
    """Makes clients of Slack's SDK that hand to Bolt what comes."""

    def made() -> Line:
        handler = _Handler(app, app_token, ping_interval=PING_EVERY_S, logger=log)
        handler.precedence, handler.log = precedence, log
        client: Line = handler.client
        return client

    return made
