"""A client that posts signed slash commands as Slack does, and takes the answers to them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp

from bench.result import BenchFailed
from sandbox.slack.workspace import APP_ID, TEAM_ID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Replies:
    """Stands where response_url leads to; counts what is posted there."""

    def __init__(self) -> None:
        self.url = ""
        self._arrived = asyncio.Semaphore(0)

    async def next(self) -> None:
        """Until one more answer has arrived. Raises BenchFailed."""
        try:
            async with asyncio.timeout(10):
                await self._arrived.acquire()
        except TimeoutError:
            raise BenchFailed("a command was acknowledged and never answered") from None

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept open as Slack does."""
        over = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
        with contextlib.suppress(*over):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")[1:]
                fields = dict(line.split(b": ", 1) for line in lines if line)
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
                writer.write(_OK)
                await writer.drain()
                self._arrived.release()
        writer.close()


@contextlib.asynccontextmanager
async def replies() -> AsyncIterator[Replies]:
    taken = Replies()
    server = await asyncio.start_server(taken.take, "127.0.0.1", 0)
    taken.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/commands"
    async with server:
        yield taken


class SlackClient:
    """`reply_url` is what every command brings along as its response_url."""

    def __init__(
        self, http: aiohttp.ClientSession, secret: str, user: str, channel: str, reply_url: str
    ) -> None:
        self._http = http
        self._secret = secret.encode()
        self._user = user
        self._channel = channel
        self._reply_url = reply_url
        self._numbers = itertools.count(1)

    async def acknowledged_ms(self, url: str, text: str) -> float:
        """Post `/luthien <text>`: milliseconds from the first byte sent to the last one received.

        Raises BenchFailed when the answer is not an empty 200.
        """
        number = next(self._numbers)
        body = urlencode(
            {
                "token": "t",
                "team_id": TEAM_ID,
                "team_domain": "sandbox",
                "channel_id": self._channel,
                "channel_name": "ops",
                "user_id": self._user,
                "user_name": "ada",
                "command": "/luthien",
                "text": text,
                "api_app_id": APP_ID,
                "is_enterprise_install": "false",
                "response_url": f"{self._reply_url}/{number}",
                "trigger_id": f"bench.{number}.{time.time_ns()}",
            }
        ).encode()
        now = str(int(time.time()))
        signature = hmac.new(self._secret, f"v0:{now}:".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": f"v0={signature.hexdigest()}",
        }
        began = time.perf_counter()
        async with self._http.post(url, data=body, headers=headers) as answer:
            said = await answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200 or said:
            raise BenchFailed(f"`{text}` was answered {answer.status} {said.decode()[:200]!r}")
        return took
