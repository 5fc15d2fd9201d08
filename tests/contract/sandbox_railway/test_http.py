"""The envelope: statuses, error codes, headers and limits of the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.server import Settings
from tests.contract.sandbox_railway.client import GRAPHQL, Railway

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager


async def test_an_error_is_an_http_200_with_a_trace_beside_and_inside_the_extensions(
    railway: Railway,
) -> None:
    response = await railway.post("query ($id: String!) { project(id: $id) { id } }", id="nothing")
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert error["traceId"].isdigit()
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "traceId": error["traceId"]}
    assert error["path"] == ["project"]
    assert response.json()["data"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ me { id", "GRAPHQL_PARSE_FAILED"),
        ("{ me }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ project { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_document_that_does_not_fit_is_a_400(
    railway: Railway, query: str, code: str
) -> None:
    response = await railway.post(query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize("given", [{}, {"id": 7}, {"id": None}])
async def test_variables_that_do_not_fit_are_bad_input(
    railway: Railway, given: dict[str, Any]
) -> None:
    response = await railway.post("query ($id: String!) { project(id: $id) { id } }", **given)
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"variables": {}}', b"not json"])
async def test_a_body_without_a_query_is_refused(railway: Railway, body: bytes) -> None:
    response = await railway.http.post(GRAPHQL, content=body)
    assert response.status_code == 400
    assert response.json()["errors"]


async def test_introspection_is_answered_without_a_token(railway: Railway) -> None:
    shown = await railway.with_headers({}).ask("{ __schema { queryType { name } } }")
    assert shown == {"queryType": {"name": "Query"}}


async def test_the_operation_is_chosen_by_name(railway: Railway) -> None:
    both = "query A { me { id } } query B { me { email } }"
    response = await railway.http.post(GRAPHQL, json={"query": both, "operationName": "B"})
    assert list(response.json()["data"]["me"]) == ["email"]
    response = await railway.http.post(GRAPHQL, json={"query": both, "operationName": "C"})
    assert response.status_code == 400


async def test_every_reply_tells_the_limits(railway: Railway) -> None:
    before = await railway.post("{ me { id } }")
    after = await railway.post("{ nonsense }")
    assert before.headers["X-RateLimit-Limit"] == "10000"
    empty = await railway.http.post(GRAPHQL)
    for reply in (before, after, empty):
        assert reply.headers["RateLimit-Policy"] == '"default";q=10000;w=3600'
    assert int(before.headers["X-RateLimit-Reset"]) > 0
    assert "Retry-After" not in before.headers
    left = [int(reply.headers["X-RateLimit-Remaining"]) for reply in (before, after)]
    assert left[0] - left[1] == 1


async def test_the_hourly_limit_is_the_plans_and_ends_in_a_429(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=60)) as railway:  # Railway's hour is a minute
        await railway.configure(plan="hobby", requests_per_second=10_000)
        first = await railway.post("{ me { id } }")
        assert first.headers["X-RateLimit-Limit"] == "1000"
        await railway.configure(plan="hobby", requests_per_hour=3)
        shown = await railway.ask("{ me { apiTokenRateLimit { remainingPoints resetsAt } } }")
        assert shown["apiTokenRateLimit"]["remainingPoints"] == 1
        assert (await railway.post("{ me { id } }")).status_code == 200
        refused = await railway.post("{ me { id } }")
        assert refused.status_code == 429
        assert refused.headers["RateLimit-Policy"] == '"default";q=3;w=3600'
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        other = railway.with_headers({"Authorization": "Bearer sandbox-workspace"})
        assert (await other.post("{ apiToken { workspaces { id } } }")).status_code == 200


async def test_too_many_requests_in_one_second_are_a_429(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=0.1)) as railway:  # Railway's second is ten here
        statuses = [(await railway.post("{ me { id } }")).status_code for _ in range(51)]
        assert statuses == [200] * 50 + [429]


async def test_with_the_window_the_limit_comes_back(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=10_000)) as railway:  # Railway's hour is a third of a second
        await railway.configure(requests_per_hour=2)

        async def limited() -> bool:
            return (await railway.post("{ me { id } }")).status_code == 429

        await railway.until(limited)

        async def free() -> bool:
            return not await limited()

        await railway.until(free)


# -- the edge in front ----------------------------------------------------------------------------


async def test_the_edge_limits_requests_without_a_query_string(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=0.1)) as railway:  # ten seconds of Railway's are a hundred
        await railway.configure(edge_requests_per_10s=3)
        plain = [(await railway.post("{ me { id } }")).status_code for _ in range(5)]
        assert plain == [200] * 3 + [429] * 2
        refused = await railway.post("{ me { id } }")
        assert "You are being rate limited" in refused.text
        assert refused.headers["content-type"].startswith("text/html")
        assert 90 <= int(refused.headers["Retry-After"]) <= 100
        assert not [name for name in refused.headers if "ratelimit" in name]
        query = {"query": "{ me { id } }"}
        for address in (f"{GRAPHQL}?query=", f"{GRAPHQL}?other=me"):
            assert (await railway.http.post(address, json=query)).status_code == 429
        for _ in range(10):
            named = await railway.http.post(f"{GRAPHQL}?query=me", json=query)
            assert named.status_code == 200


async def test_the_edges_limit_ends_with_its_window(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=20)) as railway:  # Railway's ten seconds are half a second
        await railway.configure(edge_requests_per_10s=1)

        async def refused() -> bool:
            return (await railway.post("{ me { id } }")).status_code == 429

        await railway.until(refused)

        async def free() -> bool:
            return not await refused()

        await railway.until(free)


async def test_by_default_the_edge_has_no_limit(
    run: Callable[[Settings], AbstractAsyncContextManager[Railway]],
) -> None:
    async with run(Settings(speed=1)) as railway:
        await railway.configure(requests_per_second=1000)
        assert {(await railway.post("{ me { id } }")).status_code for _ in range(100)} == {200}


async def test_the_journal_holds_what_the_address_asked_for(railway: Railway) -> None:
    query = {"query": "{ me { id } }"}
    await railway.http.post(f"{GRAPHQL}?query=whoAmI", json=query)
    await railway.http.post(GRAPHQL, json=query)
    entries = (await railway.http.get("/control/journal")).json()["entries"]
    assert [entry["url_query"] for entry in entries] == ["whoAmI", None]
