"""The health-check client: never raises, and finds *.localhost on this machine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from providers.web.probe import BODY_LIMIT, WebProbe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.capabilities import Probe

SOON = timedelta(seconds=5)


class Server:
    """A few bytes of HTTP on a free port of 127.0.0.1; keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.port = 0
        self.hang = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if self.answer:
            writer.write(self.answer)
            await writer.drain()
        else:
            await self.hang.wait()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = listening.sockets[0].getsockname()[1]
    yield found
    found.hang.set()
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def web() -> AsyncIterator[WebProbe]:
    async with WebProbe() as web:
        yield web


async def test_a_localhost_domain_leads_to_this_machine_under_its_own_name(
    web: WebProbe, server: Server
) -> None:
    found = await web.probe(f"http://gateway-production-ab12.localhost:{server.port}/health?x=1")
    assert found.ok
    assert (found.status, found.body, found.detail) == (200, "ok", "")
    assert found.latency > timedelta()
    request = server.requests[0]
    assert request.startswith("GET /health?x=1 HTTP/1.1\r\n")
    assert f"Host: gateway-production-ab12.localhost:{server.port}\r\n" in request
    assert "User-Agent: luthien-ops" in request


async def test_what_is_not_200_is_told(web: WebProbe, server: Server) -> None:
    server.answer = b"HTTP/1.1 503 Nope\r\nContent-Length: 4\r\n\r\ndown"
    found = await web.probe(f"http://localhost:{server.port}/ready")
    assert not found.ok
    assert (found.status, found.detail, found.body) == (503, "HTTP 503", "down")


async def test_redirects_are_answers(web: WebProbe, server: Server) -> None:
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"
    assert (await web.probe(f"http://127.0.0.1:{server.port}/")).status == 302
    assert len(server.requests) == 1


async def test_a_long_body_is_cut(web: WebProbe, server: Server) -> None:
    size = BODY_LIMIT * 3
    server.answer = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size
    assert len((await web.probe(f"http://localhost:{server.port}/")).body) == BODY_LIMIT


async def test_silence_is_an_answer(web: WebProbe, server: Server) -> None:
    server.answer = b""
    quick = timedelta(milliseconds=50)
    found = await web.probe(f"http://localhost:{server.port}/", timeout=quick)
    assert (found.status, found.detail) == (0, "no answer within 0.05 s")
    assert found.latency >= quick


async def test_nothing_listens(web: WebProbe, server: Server) -> None:
    async with asyncio.timeout(5):
        silent = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        silent.close()
        await silent.wait_closed()
    found = await web.probe(f"http://acme.localhost:{port}/health")
    assert (found.status, found.detail) == (0, "cannot connect")


@pytest.mark.parametrize(
    "url", ["", "no url", "http://", "ftp://example.com/", "http://[::1", "http://exa\x00mple/"]
)
async def test_nonsense_is_an_answer(web: WebProbe, url: str) -> None:
    found = await web.probe(url)
    assert found.status == 0
    assert found.detail


async def probe_with(reply: httpx.Response | Exception) -> Probe:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    async with WebProbe(httpx.MockTransport(handle)) as web:
        return await web.probe("https://gw.up.railway.app/health", timeout=SOON)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectTimeout("x"), "no answer"),
        (httpx.ConnectError("x"), "cannot connect"),
        (httpx.RemoteProtocolError("x"), "connection broke"),
        (RuntimeError("x"), "cannot be looked at (RuntimeError)"),
    ],
)
async def test_each_trouble_has_its_words(error: Exception, words: str) -> None:
    found = await probe_with(error)
    assert found.status == 0
    assert words in found.detail


async def test_railways_edge_without_an_application() -> None:
    page = {"status": "error", "code": 404, "message": "Application not found"}
    found = await probe_with(httpx.Response(404, json=page))
    assert (found.status, found.detail) == (404, "HTTP 404")
