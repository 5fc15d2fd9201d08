"""What httpx's errors tell us about a request."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from engine.errors import OutcomeUnknown, Unreachable
from providers.http import (
    DELIVERY,
    USER_AGENT,
    Delivery,
    delivery,
    no_answer,
    open_client,
    patience,
)


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
