"""What httpx's errors tell us about a request."""

from __future__ import annotations

import asyncio
import gzip
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from engine.errors import OutcomeUnknown, Unreachable
from providers.http import (
    DELIVERY,
    USER_AGENT,
    Delivery,
    TooLarge,
    ask,
    delivery,
    no_answer,
    open_client,
    patience,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def concrete(error: type[httpx.RequestError]) -> set[type[httpx.RequestError]]:
    below = [e for e in error.__subclasses__() if e.__module__.startswith("httpx")]
    return set().union(*(concrete(e) for e in below)) if below else {error}


def test_the_table_knows_every_request_error_of_httpx() -> None:
    assert set(DELIVERY) == concrete(httpx.RequestError)


@pytest.mark.parametrize("error", DELIVERY)
def test_each_kind_of_delivery_has_its_error(error: type[httpx.RequestError]) -> None:
    known = delivery(error("boom"))
    expected = Unreachable if known is Delivery.NEVER_SENT else OutcomeUnknown
    assert type(no_answer("railway", "projectCreate", known)) is expected


def test_only_errors_before_the_first_byte_count_as_never_sent() -> None:
    never = {error.__name__ for error, known in DELIVERY.items() if known is Delivery.NEVER_SENT}
    assert never == {
        "ConnectError",
        "ConnectTimeout",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
        "LocalProtocolError",
    }


def test_an_error_that_is_not_in_the_table_may_have_been_sent() -> None:
    class NewError(httpx.RequestError):
        pass

    assert delivery(NewError("?")) is Delivery.UNKNOWN


async def test_requests_say_who_asks() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["user-agent"])
        return httpx.Response(200)

    client = open_client(
        "https://railway.test",
        timeout=patience(timedelta(seconds=1)),
        transport=httpx.MockTransport(answer),
    )
    async with client:
        await client.get("/")
    assert seen == [USER_AGENT]
    assert USER_AGENT.startswith("luthien-ops")


async def asked(answer: httpx.Response, *, largest: int = 1000) -> httpx.Response:
    client = open_client(
        "https://railway.test",
        timeout=patience(timedelta(seconds=30)),
        transport=httpx.MockTransport(lambda _: answer),
    )
    async with client:
        return await ask(
            client, "GET", "/", whole_within=timedelta(milliseconds=50), largest=largest
        )


async def test_a_whole_answer_is_read_and_unpacked() -> None:
    packed = httpx.Response(
        201,
        headers={"content-encoding": "gzip", "date": "today"},
        content=gzip.compress(b'{"data": {}}'),
    )
    answer = await asked(packed)
    assert (answer.status_code, answer.json(), answer.headers["date"]) == (
        201,
        {"data": {}},
        "today",
    )


async def test_an_answer_without_end_is_cut_off() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 100
            yield b"x" * 100

    with pytest.raises(TooLarge, match="more than 1,000 bytes"):
        await asked(httpx.Response(200, content=endless()))
    assert read <= 1100


async def test_an_answer_that_unpacks_to_too_much_is_cut_off() -> None:
    bomb = httpx.Response(
        200, headers={"content-encoding": "gzip"}, content=gzip.compress(bytes(100_000))
    )
    with pytest.raises(TooLarge):
        await asked(bomb)


async def test_an_answer_that_drips_is_given_up() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    with pytest.raises(httpx.ReadTimeout, match=r"not whole after 0\.05 s"):
        await asked(httpx.Response(200, content=drip()))
    assert delivery(TooLarge("?")) is Delivery.UNKNOWN
