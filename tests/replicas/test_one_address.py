"""Several replicas behind one HTTP address, each request to the next of them: whoever answers, it
is one bot. Slack posts there, too, and everything it says comes one to four times, each time to
another replica."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.house import until
from tests.replicas.fleet import PATIENCE, open_fleet
from tests.replicas.test_replicas import ADDS, MIDDLE, thorough

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.fleet import Fleet

pytestmark = pytest.mark.timeout(400)

READS = "projectNames"
"""What planning a create asks of Railway."""
HIDDEN = re.compile(r'<input type="hidden" name="(token|nonce)" value="([^"]+)">')
sizes = pytest.mark.parametrize("count", [2, pytest.param(4, marks=thorough)])


@sizes
async def test_what_slack_posts_happens_once(tmp_path: Path, pg: Postgres, count: int) -> None:
    async with open_fleet(tmp_path, pg, count, over_http=True) as fleet:
        ada = fleet.chat.ada
        await ada.types("/luthien create acme")
        runs = {"acme": await fleet.run_of("acme")}
        assert await fleet.over(runs["acme"]) == "succeeded", fleet.logs()
        await fleet.slow_builds(1000)  # the other one is not over before it is cancelled
        await ada.types("/luthien create beta")
        runs["beta"] = await fleet.run_of("beta")
        await fleet.step_begun(runs["beta"], MIDDLE)
        root = await ada.sees("beta", "Cancel")
        await ada.clicks("Cancel", root)
        assert await fleet.over(runs["beta"]) == "cancelled"
        await ada.sees("acme", "done in", within=PATIENCE)
        await fleet.nothing_doubled("acme", "beta")  # what a cancelled one made stays to be seen
        assert fleet.balancer is not None
        assert fleet.balancer.arrived > fleet.balancer.sent, "some of it came several times"
        [[asked]] = fleet.pg.run("SELECT count(*) FROM runs", fleet.database)
        assert asked == 2, "two creations"


@sizes
async def test_a_browser_is_known_to_all(tmp_path: Path, pg: Postgres, count: int) -> None:
    async with open_fleet(tmp_path, pg, count, over_http=True) as fleet:
        await fleet.chat.ada.types("/luthien web")
        link = (await fleet.chat.ada.gets("Your way into the web page")).links["Open the web page"]
        assert link.startswith(fleet.address)
        async with browser(fleet) as page:
            asked = await page.get(link)
            entered = await page.post(link, data=hidden(asked))
            assert entered.status_code == 200, entered.text
            for _ in range(2 * count):
                assert "Instances" in (await page.get("/")).text
            form = hidden(await page.get("/c/create"))
            began = await page.post("/c/create", data=form | {"instance": "acme"})
            assert "/runs/" in str(began.url), began.text
            run_id = str(began.url).rpartition("/")[2]
            await watched(page, fleet, f"/runs/{run_id}/live")
            async with browser(fleet) as thief:
                again = await thief.get(link)
                assert again.status_code == 409, "a link lets in once"
            forged = form | {"instance": "beta", "token": "x"}
            assert (await page.post("/c/create", data=forged)).status_code == 403
        assert fleet.balancer is not None
        assert len({replica for _, replica in fleet.balancer.answered}) == count
        await fleet.nothing_doubled("acme")


def browser(fleet: Fleet) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=fleet.address, trust_env=False, follow_redirects=True, timeout=PATIENCE
    )


def hidden(page: httpx.Response) -> dict[str, str]:
    """What stands in its first form for us alone."""
    found: dict[str, str] = dict(reversed(HIDDEN.findall(page.text)))
    assert found, page.text
    return found


async def watched(page: httpx.AsyncClient, fleet: Fleet, path: str) -> None:
    """Live pages of every replica, to the run's end."""

    async def one() -> str:
        seen = ""
        async with page.stream("GET", path) as stream:
            async for text in stream.aiter_text():
                seen += text
        return seen

    for seen in await asyncio.gather(*(one() for _ in fleet.replicas)):
        assert "event: over" in seen
        assert "succeeded" in seen


@sizes
async def test_a_program_is_answered_by_all_as_by_one(
    tmp_path: Path, pg: Postgres, count: int
) -> None:
    async with open_fleet(tmp_path, pg, count, over_http=True) as fleet:
        made = await fleet.house.luthien("apikey", "create", "ci", "--role", "deployer", "--json")
        assert made.code == 0, made.err
        headers = {"Authorization": f"Bearer {made.json['key']}", "Idempotency-Key": "nightly"}
        await fleet.hold(ADDS)
        async with browser(fleet) as http:
            asking = (
                http.post("/api/v1/commands/create", json={"instance": "acme"}, headers=headers)
                for _ in range(2 * count)
            )
            answers = await asyncio.gather(*asking)
            assert {answer.status_code for answer in answers} == {202}, answers[0].text
            [run_id] = {answer.json()["run"]["id"] for answer in answers}
            await fleet.asked(ADDS)
            owner = await fleet.owner_of(run_id)
            await fleet.fall(owner)
            events = [e async for e in followed(http, run_id, headers)]
            assert events[-1]["data"]["status"] == "succeeded"
            assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
            await until(owner.ready, within=PATIENCE, what=fleet.logs)
            began = time.monotonic()
            asking = (http.get("/api/v1/runs", headers=headers) for _ in range(150))
            codes = [answer.status_code for answer in await asyncio.gather(*asking)]
            allowed = 60 + 10 * (time.monotonic() - began)
            assert 60 <= codes.count(200) <= allowed + 1, "one replica's allowance for all"
            await use_up(fleet)
            asking = (http.get("/api/v1/runs", headers=headers) for _ in range(2 * count))
            refused = await asyncio.gather(*asking)
            assert {answer.status_code for answer in refused} == {429}, "all know of it"
        await fleet.nothing_doubled("acme")


async def use_up(fleet: Fleet) -> None:
    """What every API key may ask for within the next hour."""
    fleet.rows(
        "UPDATE allowances SET spent_until = clock_timestamp() + interval '1 hour'"
        " WHERE name LIKE 'api:%' RETURNING name"
    )


@sizes
async def test_a_request_whose_replica_dies_over_it_is_asked_again(
    tmp_path: Path, pg: Postgres, count: int
) -> None:
    """By the client, under the same Idempotency-Key, and of another replica: it is one request."""
    async with open_fleet(tmp_path, pg, count, over_http=True) as fleet:
        made = await fleet.house.luthien("apikey", "create", "ci", "--role", "deployer", "--json")
        assert made.code == 0, made.err
        headers = {"Authorization": f"Bearer {made.json['key']}", "Idempotency-Key": "nightly"}

        async def ask(http: httpx.AsyncClient) -> httpx.Response:
            fields = {"instance": "acme"}
            return await http.post("/api/v1/commands/create", json=fields, headers=headers)

        async with browser(fleet) as http:
            await fleet.hold(READS)
            first = asyncio.create_task(ask(http))
            owner = await fleet.handling("api:%:nightly")
            await fleet.asked(READS)
            await fleet.fall(owner)
            assert (await first).status_code == 502
            again = await asyncio.gather(*(ask(http) for _ in range(2 * count)))
            assert {answer.status_code for answer in again} == {202}, again[0].text
            [run_id] = {answer.json()["run"]["id"] for answer in again}
            assert await fleet.over(run_id) == "succeeded", fleet.logs()
            assert (await ask(http)).json()["run"]["id"] == run_id
        await fleet.nothing_doubled("acme")
        [[asked]] = fleet.rows("SELECT count(*) FROM runs")
        assert asked == 1


async def followed(http: httpx.AsyncClient, run_id: str, headers: dict[str, str]) -> Any:
    """The run's events from the start; taken up again wherever a stream broke off."""
    seen = 0
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        try:
            path = f"/api/v1/runs/{run_id}/events"
            more = headers | {"Last-Event-ID": str(seen)}
            async with http.stream("GET", path, headers=more) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data:"):
                        event = json.loads(line[5:])
                        seen = event["seq"]
                        yield event
                        if event["kind"] == "ended":
                            return
        except httpx.TransportError:
            await asyncio.sleep(0.2)
    raise AssertionError("its end was not told")
