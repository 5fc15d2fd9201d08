"""What every vendor's client shares: one way to open an HTTP client, one reading of its errors."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from engine.errors import OutcomeUnknown, ProviderError, Unreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


_THIS_MACHINE = "127.0.0.1"
CONNECT_TIMEOUT = timedelta(seconds=10)
CONNECTIONS = 10
"""To one vendor at once; further requests wait for one. httpcore looks at each connection before
and after each request, which took a tenth of a second at a time with twenty creations under way;
and no vendor lets us ask more than a few times a second for long."""
LARGEST = 16 * 1024 * 1024
"""Bytes of one answer, unpacked: five thousand log lines or thousands of instances are a few MiB;
more is a mistake or an attack, and would take this process's memory."""


class Delivery(Enum):
    """What is known about a request that got no usable answer."""

    NEVER_SENT = "never sent"
    UNKNOWN = "sent, perhaps carried out"


DELIVERY: Mapping[type[httpx.RequestError], Delivery] = {
    # No connection stood, or the request could not even be written down.
    httpx.ConnectError: Delivery.NEVER_SENT,
    httpx.ConnectTimeout: Delivery.NEVER_SENT,
    httpx.PoolTimeout: Delivery.NEVER_SENT,
    httpx.ProxyError: Delivery.NEVER_SENT,
    httpx.UnsupportedProtocol: Delivery.NEVER_SENT,
    httpx.LocalProtocolError: Delivery.NEVER_SENT,
    # Bytes were on their way: the vendor may have read all of them.
    httpx.ReadTimeout: Delivery.UNKNOWN,
    httpx.ReadError: Delivery.UNKNOWN,
    httpx.WriteTimeout: Delivery.UNKNOWN,
    httpx.WriteError: Delivery.UNKNOWN,
    httpx.CloseError: Delivery.UNKNOWN,
    httpx.RemoteProtocolError: Delivery.UNKNOWN,
    httpx.DecodingError: Delivery.UNKNOWN,
    httpx.TooManyRedirects: Delivery.UNKNOWN,
}
"""Every concrete request error of httpx; a test proves that none is missing."""


def delivery(error: httpx.RequestError) -> Delivery:
    """What is known; an error that the table does not know may have been sent."""
    return DELIVERY.get(type(error), Delivery.UNKNOWN)


def no_answer(
    vendor: str, call: str, known: Delivery, *, why: str = "", request_id: str = ""
) -> ProviderError:
    """The error of a write that got no usable answer."""
    match known:
        case Delivery.NEVER_SENT:
            return Unreachable(
                f"{vendor.capitalize()} cannot be reached.",
                vendor=vendor,
                call=call,
                request_id=request_id,
                why=why,
            )
        case Delivery.UNKNOWN:
            return OutcomeUnknown(
                f"{vendor.capitalize()} gave no answer to {call}; it may have been carried out.",
                vendor=vendor,
                call=call,
                request_id=request_id,
                why=why,
            )


def open_client(
    url: str,
    *,
    timeout: httpx.Timeout,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """A client for one vendor. A loopback `url` ignores proxy settings of the environment."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"User-Agent": USER_AGENT},
        timeout=timeout,
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        trust_env=not is_loopback(urlsplit(url).hostname or ""),
        transport=transport,
        verify=certificates(),
    )


@functools.cache
def certificates() -> ssl.SSLContext:
    """Whom we believe about who they are, for all clients: reading them takes 20 ms."""
    return httpx.create_ssl_context()


class TooLarge(httpx.DecodingError):
    """The answer was cut off at `LARGEST` bytes."""


async def ask(
    client: httpx.AsyncClient,
    method: str,
    url: httpx.URL | str,
    *,
    whole_within: timedelta,
    largest: int = LARGEST,
    **request: Any,
) -> httpx.Response:
    """One request and its whole answer.

    Raises httpx.RequestError: ReadTimeout also for a body that drips for longer than
    `whole_within` (httpx's own timeout starts anew with each byte), and TooLarge.
    """
    async with client.stream(method, url, **request) as answer:
        body = bytearray()
        try:
            async with asyncio.timeout(whole_within.total_seconds()):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > largest:
                        raise TooLarge(f"The answer has more than {largest:,} bytes.")
        except TimeoutError as error:
            words = f"The answer was not whole after {whole_within.total_seconds():g} s."
            raise httpx.ReadTimeout(words, request=answer.request) from error
    headers = [(k, v) for k, v in answer.headers.multi_items() if k != "content-encoding"]
    return httpx.Response(
        answer.status_code, headers=headers, content=bytes(body), request=answer.request
    )


@dataclass(frozen=True)
class Addressed:
    """How a public URL is really asked."""

    url: httpx.URL
    local: bool
    """It leads to this machine: proxies of the environment do not count."""
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


def addressed(url: str) -> Addressed:
    """`*.localhost` leads to 127.0.0.1 under its own Host header: not every resolver knows those
    names. Source: RFC 6761, section 6.3."""
    target = httpx.URL(url)
    if not is_loopback(target.host):
        return Addressed(target, local=False)
    headers = {"Host": target.netloc.decode("ascii")}
    extensions = {"sni_hostname": target.host}
    if target.host.endswith("localhost"):
        target = target.copy_with(host=_THIS_MACHINE)
    return Addressed(target, True, headers, extensions)


def patience(answer: timedelta, *, connect: timedelta = CONNECT_TIMEOUT) -> httpx.Timeout:
    """How long to wait for a connection and for each part of an answer; for a free connection of
    our own pool as long as it takes."""
    return httpx.Timeout(answer.total_seconds(), connect=connect.total_seconds(), pool=None)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _user_agent() -> str:
    try:
        return f"luthien-ops/{version('luthien-ops')}"
    except PackageNotFoundError:
        return "luthien-ops"


USER_AGENT = _user_agent()
"""Explicit, because edges in front of APIs block the defaults of HTTP libraries."""
