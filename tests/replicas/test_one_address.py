"""Several replicas behind one HTTP address, each request to the next of them: whoever answers, it
is one bot. Slack posts there, too, and everything it says comes one to four times, each time to
another replica."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.house import until
from tests.replicas.fleet import open_fleet
from tests.replicas.test_replicas import MIDDLE, thorough

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.fleet import Fleet

HIDDEN = re.compile(r'<input type="hidden" name="(token|nonce)" value="([^"]+)">')
sizes = pytest.mark.parametrize("count", [2, pytest.param(4, marks=thorough)])


@sizes
async def test_what_slack_posts_happens_once(tmp_path: Path, pg: Postgres, count: int) -> None:
    async with open_fleet(tmp_path, pg, count, over_http=True) as fleet:
        ada = fleet.chat.ada
        for name in ("acme", "beta"):
            await ada.types(f"/luthien create {name}")
        runs = {name: await fleet.run_of(name) for name in ("acme", "beta")}
        await fleet.step_begun(runs["beta"], MIDDLE)
        root = await ada.sees("beta", "Cancel")
        await ada.clicks("Cancel", root)
        began = time.monotonic()
        assert await fleet.over(runs["beta"]) == "cancelled"
        assert await fleet.over(runs["acme"]) == "succeeded", fleet.logs()
        await ada.sees("acme", "done in", within=30)
        assert time.monotonic() - began < 60
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
        base_url=fleet.address, trust_env=False, follow_redirects=True, timeout=30
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
        async with browser(fleet) as http:
            asking = (
                http.post("/api/v1/commands/create", json={"instance": "acme"}, headers=headers)
                for _ in range(2 * count)
            )
            answers = await asyncio.gather(*asking)
            assert {answer.status_code for answer in answers} == {202}, answers[0].text
            [run_id] = {answer.json()["run"]["id"] for answer in answers}
            owner = await fleet.owner_of(run_id)
            await fleet.step_begun(run_id, MIDDLE)
            owner.process.send(signal.SIGKILL)
            events = [e async for e in followed(http, run_id, headers)]
            assert events[-1]["data"]["status"] == "succeeded"
            assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
            await until(owner.ready, within=60, what=fleet.logs)
            asking = (http.get("/api/v1/runs", headers=headers) for _ in range(150))
            codes = [answer.status_code for answer in await asyncio.gather(*asking)]
            assert 60 <= codes.count(200) < 150, "at most one replica's allowance for all"
            assert set(codes) == {200, 429}
        await fleet.nothing_doubled("acme")


async def followed(http: httpx.AsyncClient, run_id: str, headers: dict[str, str]) -> Any:
    """The run's events from the start; taken up again wherever a stream broke off."""
    seen = 0
    deadline = time.monotonic() + 90
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
