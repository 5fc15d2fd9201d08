"""How reads and writes behave when Railway, its edge or the network misbehave."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from engine.errors import (
    NotConfigured,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
)
from providers.railway.client import SETTLES_WITHIN, RailwayClient
from providers.railway.models import Workflow
from tests.unit.providers.conftest import TOKEN, URL
from tests.unit.providers.fakes import FakeClock, FakeRailway, a_project, error

BLOCKED = httpx.Response(
    403, html="<!DOCTYPE html><title>Access denied | used Cloudflare to restrict access</title>"
)
TIMEOUT_PAGE = httpx.Response(504, html="<html><h1>504 Gateway Time-out</h1></html>")
HALF = httpx.Response(200, content=b'{"data": {"workflowSta')
TOO_MANY = httpx.Response(429, headers={"Retry-After": "7"}, json={"errors": []})
DONE = {"status": "Complete"}
EDGE_PAGES = [
    httpx.Response(429, text="error code: 1015", headers={"Retry-After": "30"}),
    httpx.Response(403, text="error code: 1015", headers={"Retry-After": "30"}),
    httpx.Response(
        403,
        html="<!DOCTYPE html><title>Access denied | railway.test used Cloudflare</title>"
        '<h1 class="inline-block">\n <span data-translate="error">Error</span>\n'
        " <span>1015</span></h1><h2>You are being rate limited</h2>",
        headers={"Retry-After": "30"},
    ),
    httpx.Response(429, html="<title>Error 1015</title>", headers={"Retry-After": "30"}),
    httpx.Response(
        429,
        json={"title": "Error 1015: You are being rate limited", "error_code": 1015},
        headers={"Retry-After": "30"},
    ),
]
"""Cloudflare's error 1015 in its forms. Source: Cloudflare docs, error 1015."""


async def read(client: RailwayClient) -> Workflow:
    return await client.read("workflowStatus", Workflow, workflowId="w")


async def write(client: RailwayClient, **more: Any) -> bool:
    return await client.write("projectDelete", bool, id="p-1", **more)


# -- reads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("silence"),
        httpx.RemoteProtocolError("cut"),
        BLOCKED,
        TIMEOUT_PAGE,
        HALF,
        httpx.Response(200, content=b""),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": None}),
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(503, json={"message": "down"}),
        error("Problem processing request"),
        TOO_MANY,
        error("ServiceInstance not found"),
        error("Service was too recently updated"),
    ],
    ids=lambda t: repr(t)[:40],
)
async def test_a_read_is_repeated_until_it_is_answered(
    client: RailwayClient, railway: FakeRailway, trouble: object
) -> None:
    railway.on("workflowStatus", trouble, trouble, DONE)
    assert (await read(client)).status == "Complete"
    assert railway.counts["workflowStatus"] == 3


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("no route"), TIMEOUT_PAGE, HALF, BLOCKED], ids=repr
)
async def test_a_read_gives_up_after_a_few_seconds(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock, trouble: object
) -> None:
    railway.on("workflowStatus", trouble)
    with pytest.raises(Unreachable, match="does not answer") as caught:
        await read(client)
    assert caught.value.vendor == "railway"
    assert caught.value.call == "workflowStatus"
    assert caught.value.who
    assert railway.counts["workflowStatus"] == 4
    assert clock.elapsed < 15


class _Silence(httpx.AsyncBaseTransport):
    """Takes every request and never answers, as long as the client waits."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.elapsed += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("", request=request)


async def test_nobody_waits_much_longer_than_half_a_minute_for_a_silent_railway(
    clock: FakeClock,
) -> None:
    client = RailwayClient(URL, TOKEN, clock=clock, transport=_Silence(clock))
    with pytest.raises(Unreachable, match="does not answer"):
        await read(client)
    assert 20 <= clock.elapsed <= 40
    await client.aclose()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Not Authorized", ""),
        ("Project not found", ""),
        ('Cannot query field "x" on type "Query".', "GRAPHQL_VALIDATION_FAILED"),
        ('Variable "$id" got invalid value', "BAD_USER_INPUT"),
        ("Something nobody has seen before", ""),
    ],
)
async def test_a_read_that_is_refused_is_not_repeated(
    client: RailwayClient, railway: FakeRailway, message: str, code: str
) -> None:
    railway.on("workflowStatus", error(message, code=code))
    with pytest.raises(Rejected) as caught:
        await read(client)
    assert message in caught.value.summary
    assert caught.value.request_id == "7205759403792793601"
    assert railway.counts["workflowStatus"] == 1


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ({"traceId": "77"}, "77"),
        ({"extensions": {"code": "INTERNAL_SERVER_ERROR", "traceId": "77"}}, "77"),
        ({"traceId": "77", "extensions": {"traceId": "78"}}, "77"),
        ({"traceId": None, "extensions": {"traceId": 77}}, "77"),
        ({"extensions": {}}, "a ray"),
        ({"extensions": [{"traceId": "77"}]}, "a ray"),
    ],
)
async def test_a_trace_is_found_beside_and_inside_the_extensions(
    client: RailwayClient, railway: FakeRailway, places: dict[str, Any], found: str
) -> None:
    body = {"errors": [{"message": "Project not found", **places}], "data": None}
    ray = {"cf-ray": "a ray"}
    railway.on("workflowStatus", httpx.Response(200, json=body, headers=ray))
    with pytest.raises(Rejected) as caught:
        await read(client)
    assert caught.value.request_id == found


async def test_an_answer_of_unknown_shape_is_no_answer(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", {"status": "Confused"})
    with pytest.raises(Unreachable) as caught:
        await read(client)
    assert "status" in caught.value.why


async def test_fields_that_railway_adds_are_ignored(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", {**DONE, "new": [1, 2]})
    assert (await read(client)).error is None


# -- writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("silence"),
        httpx.WriteError("cut"),
        httpx.RemoteProtocolError("cut"),
        TIMEOUT_PAGE,
        HALF,
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(502, json={"message": "bad gateway"}),
        httpx.Response(200, html="<html>Welcome</html>"),
        httpx.Response(200, json={"data": None}),
        httpx.Response(200, json={"data": {"projectDelete": {"surprising": 1}}}),
        error("Problem processing request"),
        error("Not Authorized", path=["projectCreate", "workspace"]),
    ],
    ids=lambda t: repr(t)[:40],
)
async def test_a_write_without_an_answer_is_never_repeated(
    client: RailwayClient, railway: FakeRailway, trouble: object
) -> None:
    railway.on("projectDelete", trouble)
    with pytest.raises(OutcomeUnknown) as caught:
        await write(client)
    assert caught.value.call == "projectDelete"
    assert railway.counts["projectDelete"] == 1


@pytest.mark.parametrize(
    "trouble", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), BLOCKED], ids=repr
)
async def test_a_write_that_never_reached_railway_says_so(
    client: RailwayClient, railway: FakeRailway, trouble: object
) -> None:
    railway.on("projectDelete", trouble)
    with pytest.raises(Unreachable):
        await write(client)
    assert railway.counts["projectDelete"] == 1


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("Not Authorized", "luthien doctor"),
        ('A service named "gateway" already exists in this project', ""),
        ("Free plan resource provision limit exceeded. Please upgrade!", "plan"),
        ("Your workspace has been restricted. Please attach a payment method", "payment"),
        ("Project names must be between 1 and 32 characters", ""),
        ("Two Factor Authentication Required", "account/security"),
    ],
)
async def test_a_refused_write_says_why_and_what_next(
    client: RailwayClient, railway: FakeRailway, message: str, words: str
) -> None:
    railway.on("projectDelete", error(message))
    with pytest.raises(Rejected) as caught:
        await write(client)
    assert message in caught.value.summary
    assert words in caught.value.next_step


async def test_what_railway_says_it_did_not_do_yet_is_tried_again(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    soon = error("Service gateway was too recently updated, try again in a moment")
    railway.on("projectDelete", soon, soon, soon, True)
    assert await write(client) is True
    assert clock.slept == [1, 3, 5]


async def test_what_never_settles_is_refused_within_minutes(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectDelete", error("Failed to create service domain, please try again"))
    with pytest.raises(Rejected, match="Failed to create service domain"):
        await write(client)
    assert railway.counts["projectDelete"] == 12
    assert clock.elapsed < 180


async def test_a_rate_limited_write_waits_as_long_as_railway_asks(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectDelete", TOO_MANY, True)
    assert await write(client) is True
    assert clock.elapsed == pytest.approx(7, abs=0.1)


async def test_a_rate_limit_holds_everybody_back(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("projectDelete", TOO_MANY, True).on("workflowStatus", DONE)
    first = asyncio.create_task(write(client))
    await railway.heard("projectDelete")
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.gather(first, read(client))
    assert next(a.at for a in railway.asked if a.operation == "workflowStatus") >= 7


async def test_an_hour_of_waiting_is_the_callers_decision(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectDelete", httpx.Response(429, headers={"Retry-After": "3000"}))
    with pytest.raises(RateLimited) as caught:
        await write(client)
    assert caught.value.retry_after == timedelta(seconds=3000)
    assert caught.value.spent
    assert clock.elapsed == 0


# -- the edge in front of Railway -----------------------------------------------------------------


async def test_every_request_names_its_operation_in_the_address(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", DONE).on("projectDelete", True)
    await read(client)
    await write(client)
    assert [str(a.url) for a in railway.asked] == [
        f"{URL}?query={name}" for name in ("me", "workflowStatus", "projectDelete")
    ]


async def test_what_the_address_asks_already_is_kept(
    clock: FakeClock, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", DONE)
    url = f"{URL}?via=proxy"
    client = RailwayClient(url, TOKEN, clock=clock, transport=railway.transport())
    await read(client)
    await client.aclose()
    assert str(railway.asked[-1].url) == f"{URL}?via=proxy&query=workflowStatus"


@pytest.mark.parametrize("page", EDGE_PAGES, ids=lambda r: f"{r.status_code} {r.text[:30]}")
async def test_when_the_edge_asks_to_slow_down_everybody_waits(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock, page: httpx.Response
) -> None:
    railway.on("projectDelete", page, True).on("workflowStatus", page, DONE)
    assert await write(client) is True
    assert clock.elapsed == pytest.approx(30, abs=0.1)
    assert railway.counts["projectDelete"] == 2
    assert (await read(client)).status == "Complete"
    assert clock.elapsed == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize("call", [read, write])
async def test_the_error_says_that_the_edge_asks_to_slow_down(
    client: RailwayClient, railway: FakeRailway, call: Any
) -> None:
    day = {"Retry-After": "86400"}
    page = httpx.Response(403, text="error code: 1015", headers=day)
    railway.on("projectDelete", page).on("workflowStatus", page)
    for _ in range(2):  # the second one need not ask for it
        with pytest.raises(RateLimited, match=r"edge in front of Railway.*1015") as caught:
            await call(client)
        assert caught.value.retry_after == timedelta(days=1)
    assert len(railway.asked) == 2


async def test_the_latest_reason_to_wait_is_told(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on(
        "projectDelete", EDGE_PAGES[0], httpx.Response(429, headers={"Retry-After": "3000"})
    )
    with pytest.raises(RateLimited, match="Railway's rate limit is reached"):
        await write(client)


async def test_a_block_page_that_only_mentions_the_number_is_a_block(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("projectDelete", httpx.Response(403, html="<h1>Error 1020</h1> Ray ID: 1015"))
    with pytest.raises(Unreachable) as caught:
        await write(client)
    assert "refused the request before Railway saw it" in caught.value.why


async def test_an_answer_of_railways_own_that_mentions_1015_is_no_page_of_the_edge(
    client: RailwayClient, railway: FakeRailway
) -> None:
    body = {"errors": [{"message": "Not Authorized: Error 1015"}], "data": None}
    railway.on("projectDelete", httpx.Response(403, json=body))
    with pytest.raises(Rejected, match="Error 1015"):
        await write(client)


# -- writes to one environment --------------------------------------------------------------------


async def test_writes_to_one_environment_go_one_at_a_time(
    client: RailwayClient, railway: FakeRailway
) -> None:
    running: dict[str, int] = {"e-1": 0, "e-2": 0}
    most = {"e-1": 0, "e-2": 0, "all": 0}

    async def handle(request: httpx.Request) -> httpx.Response:
        where = json.loads(request.content)["variables"]["id"]
        running[where] += 1
        most[where] = max(most[where], running[where])
        most["all"] = max(most["all"], sum(running.values()))
        for _ in range(10):
            await asyncio.sleep(0)
        running[where] -= 1
        return httpx.Response(200, json={"data": {"projectDelete": True}})

    await client.token()
    other = RailwayClient(URL, TOKEN, clock=FakeClock(), transport=httpx.MockTransport(handle))
    other._token = await client.token()
    await asyncio.gather(
        *(
            other.write("projectDelete", bool, environment=environment, id=environment)
            for environment in ("e-1", "e-1", "e-1", "e-2", "e-2")
        )
    )
    await other.aclose()
    assert most == {"e-1": 1, "e-2": 1, "all": 2}


async def test_waiting_for_one_write_does_not_hold_back_the_next(
    client: RailwayClient, railway: FakeRailway
) -> None:
    def answer(asked: Any) -> object:
        if asked.variables["id"] == "slow" and railway.counts["projectDelete"] < 4:
            return error("too recently updated")
        return True

    railway.on("projectDelete", answer)
    slow = client.write("projectDelete", bool, environment="e-1", id="slow")
    fast = client.write("projectDelete", bool, environment="e-1", id="fast")
    await asyncio.gather(slow, fast)
    order = [a.variables["id"] for a in railway.asked if a.operation == "projectDelete"]
    assert order.index("fast") == 1


# -- tokens and secrets ---------------------------------------------------------------------------


async def test_without_a_token_nothing_is_asked(clock: FakeClock, railway: FakeRailway) -> None:
    client = RailwayClient(URL, "", clock=clock, transport=railway.transport())
    with pytest.raises(NotConfigured, match="no Railway token"):
        await read(client)
    assert railway.asked == []
    await client.aclose()


async def test_the_token_goes_only_into_its_header(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", DONE)
    await read(client)
    assert {a.headers["authorization"] for a in railway.asked} == {f"Bearer {TOKEN}"}
    assert all(TOKEN not in str(a.variables) for a in railway.asked)


@pytest.mark.parametrize(
    "message",
    [
        f"Token {TOKEN} is not known",
        "cannot use postgresql://postgres:hunter22canary-4f7d2k9m@db.internal:5432/railway",
        'Variable "$input" got invalid value { ADMIN_API_KEY: "hunter22canary-4f7d2k9m" }',
    ],
)
async def test_errors_hold_no_secret(
    client: RailwayClient, railway: FakeRailway, message: str
) -> None:
    railway.on("projectDelete", error(message))
    with pytest.raises(ProviderError) as caught:
        await write(client)
    shown = repr(caught.value.as_json()) + str(caught.value) + repr(caught.value.__cause__)
    assert TOKEN not in shown
    assert "hunter22canary-4f7d2k9m" not in shown


async def test_an_error_that_repeats_what_was_sent_is_masked(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("variableCollectionUpsert", error("bad value correct-horse-battery for COLOUR"))
    with pytest.raises(Rejected) as caught:
        await client.write(
            "variableCollectionUpsert",
            bool,
            input={"variables": {"COLOUR": "correct-horse-battery"}},
        )
    assert "correct-horse" not in str(caught.value)
    assert "COLOUR" in str(caught.value)


# -- the creation line ----------------------------------------------------------------------------

THROTTLE = (
    "You are creating projects too quickly. This workspace allows 1 project per 30 seconds. "
    "Try again shortly."
)


class Throttled:
    """One project per 30 seconds, as Railway does it."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.last: float | None = None
        self.made: list[tuple[str, float]] = []

    def __call__(self, asked: Any) -> object:
        now = self.clock.monotonic()
        if self.last is not None and now - self.last < 30:
            return error(THROTTLE)
        self.last = now
        name = asked.variables["input"]["name"]
        self.made.append((name, now))
        return a_project(name, f"id-{name}")


async def create(client: RailwayClient, name: str) -> None:
    await client.write("projectCreate", dict[str, Any], in_line=True, input={"name": name})


async def test_creations_wait_in_line_and_in_order(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    throttle = Throttled(clock)
    railway.on("projectCreate", throttle)
    names = [f"n{i}" for i in range(5)]
    await asyncio.gather(*(create(client, name) for name in names))
    assert [name for name, _ in throttle.made] == names
    assert clock.elapsed == pytest.approx(120, abs=1)
    assert railway.counts["projectCreate"] == len(names) + 1, "no hammering"


async def test_whoever_stands_in_line_hears_for_how_long(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectCreate", Throttled(clock))
    heard: dict[str, list[int]] = {"a": [], "b": [], "c": []}

    async def one(name: str) -> None:
        async def waiting(left: timedelta) -> None:
            heard[name].append(round(left.total_seconds()))

        await client.write(
            "projectCreate", dict[str, Any], in_line=True, waiting=waiting, input={"name": name}
        )

    await one("a")
    await one("b")
    await asyncio.gather(one("c"), create(client, "x"))
    assert heard == {"a": [], "b": [30], "c": [30]}


async def test_without_a_throttle_nobody_waits(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectCreate", a_project())
    await asyncio.gather(*(create(client, f"n{i}") for i in range(5)))
    assert clock.elapsed == 0


async def test_a_creation_whose_answer_was_lost_takes_its_turn_all_the_same(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    throttle = Throttled(clock)
    railway.on("projectCreate", throttle, throttle, throttle, HALF, throttle)
    await create(client, "a")
    await clock.sleep(timedelta(seconds=29))
    await create(client, "b")  # turned away once: the interval is learned
    throttle.last = clock.monotonic()
    with pytest.raises(OutcomeUnknown):
        await create(client, "c")
    asked = railway.counts["projectCreate"]
    throttle.last = clock.monotonic()
    await create(client, "d")
    assert railway.counts["projectCreate"] == asked + 1


async def test_what_has_to_settle_does_not_hold_up_the_line(
    client: RailwayClient, railway: FakeRailway
) -> None:
    def answer(asked: Any) -> object:
        name = asked.variables["input"]["name"]
        if name == "slow" and railway.counts["projectCreate"] < 5:
            return error("Endpoint too recently updated")
        return a_project(name)

    railway.on("projectCreate", answer)
    await asyncio.gather(*(create(client, name) for name in ("slow", "b", "c")))
    order = [a.variables["input"]["name"] for a in railway.asked[1:]]
    assert order[:3] == ["slow", "b", "c"]


async def test_a_throttle_without_end_is_reported(
    client: RailwayClient, railway: FakeRailway, clock: FakeClock
) -> None:
    railway.on("projectCreate", error(THROTTLE))
    with pytest.raises(RateLimited):
        await create(client, "a")
    assert 60 < clock.elapsed < 180


@pytest.mark.parametrize(
    "message",
    [
        "Whoa there pal! Only one environment can be created per user every 30s. Try again",
        "Whoa there pal! You are creating volumes too quickly. Try again in a sec",
    ],
)
async def test_other_throttles_wait_as_well(
    client: RailwayClient, railway: FakeRailway, message: str
) -> None:
    railway.on("projectDelete", error(message), True)
    assert await write(client) is True


async def test_what_cannot_be_read_for_long_yet_is_no_refusal(
    client: RailwayClient, railway: FakeRailway
) -> None:
    railway.on("workflowStatus", *[error("ServiceInstance not found")] * 20)
    with pytest.raises(RateLimited) as waits:
        await read(client)
    assert waits.value.retry_after == SETTLES_WITHIN
    assert not waits.value.spent
