"""The one health-check client: looks at a public URL as anybody outside would."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from engine.capabilities import Probe
from providers.http import USER_AGENT, addressed, certificates

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

BODY_LIMIT = 64 * 1024
"""Bytes; health answers are small, and nobody reads more of a page that is not one."""


class WebProbe:
    """ProbesUrls. Redirects are not followed: what a URL answers is what counts."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        known = certificates()
        self._direct = httpx.AsyncClient(transport=transport, trust_env=False, verify=known)
        self._public = httpx.AsyncClient(verify=known) if transport is None else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._public is not None:
            await self._public.aclose()

    async def probe(self, url: str, *, timeout: timedelta = timedelta(seconds=10)) -> Probe:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                status, body = await self._get(url)
        except Exception as error:  # noqa: BLE001 - what goes wrong is the answer
            return Probe(0, _since(started), _words(error, timeout))
        return Probe(status, _since(started), "" if status == 200 else f"HTTP {status}", body)

    async def _get(self, url: str) -> tuple[int, str]:
        target = addressed(url)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", **target.headers}
        client = self._direct if target.local or self._public is None else self._public
        async with client.stream(
            "GET", target.url, headers=headers, extensions=target.extensions, timeout=None
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) >= BODY_LIMIT:
                    break
            return response.status_code, bytes(body[:BODY_LIMIT]).decode("utf-8", "replace")


def _since(started: float) -> timedelta:
    return timedelta(seconds=time.perf_counter() - started)


def _words(error: Exception, timeout: timedelta) -> str:
    match error:
        case TimeoutError() | httpx.TimeoutException():
            return f"no answer within {timeout.total_seconds():g} s"
        case httpx.ConnectError():
            return "cannot connect"
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return "not a URL that can be looked at"
        case httpx.RequestError():
            return "the connection broke before an answer came"
        case _:
            return f"cannot be looked at ({type(error).__name__})"
