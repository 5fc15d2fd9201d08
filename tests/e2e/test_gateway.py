"""The gateway itself, as chat: its policy set without a deployment, its keys renewed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio

from tests.e2e.chat import Chat
from tests.e2e.test_config import filled_in, kept, variables

if TYPE_CHECKING:
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

JUDGE = "luthien_proxy.policies.tool_call_judge_policy:ToolCallJudgePolicy"
MESSAGE = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(town: House, people: Chat) -> None:
    await people.ben.types("/luthien create acme")
    await people.ben.sees("*Create instance acme*: done in", within=40)


async def deployments(house: House) -> int:
    return len((await house.http.get("/control/state")).json()["railway"]["deployments"])


async def answers(house: House, key: str) -> int:
    """What a client with this key gets."""
    listed = (await house.luthien("status", "acme", "--json")).json
    address = httpx.URL(listed["url"])
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.post(
            address.copy_with(host="127.0.0.1", path="/v1/messages"),
            headers={"Host": address.netloc.decode(), "x-api-key": key},
            json=MESSAGE,
        )
    return reply.status_code


async def test_a_policy_is_set_in_the_form_at_once_and_taken_back(
    acme: None, town: House, people: Chat
) -> None:
    before = await deployments(town)
    await people.cleo.types("/luthien policy-config acme")
    await people.cleo.gets("Policy of acme: NoOpPolicy", "It has no config.")
    await people.ben.types("/luthien policy-config acme set")
    await filled_in(people)
    wrong = await people.ben.submits(
        Policy="ToolCallJudgePolicy", Config="model: m1\n  threshold: [1"
    )
    assert wrong == {"config": "Line 2, column 12: mapping values are not allowed here"}
    await people.ben.submits(
        Policy="ToolCallJudgePolicy", Config="model: m1\nprobability_threshold: 0.7"
    )
    done = await people.cleo.sees("*Set the policy of acme*: done in", within=20)
    assert "~ policy: NoOpPolicy → ToolCallJudgePolicy; + model: m1" in done
    assert await deployments(town) == before
    await people.cleo.types("/luthien policy-config acme")
    shown = await people.cleo.gets("Policy of acme: ToolCallJudgePolicy")
    assert "probability_threshold: 0.7" in shown
    await people.ben.clicks("Undo", done)
    await people.cleo.sees(
        "*Set the policy of acme*: done in", "ToolCallJudgePolicy → NoOpPolicy", within=20
    )
    await people.ben.loses("Undo", done)
    await people.ben.types(done.lines["Undo"])
    await people.ben.gets("can no longer be undone")


async def test_what_the_gateway_refuses_is_told_where_it_stands(acme: None, town: House) -> None:
    file = town.folder / "judge.yaml"
    file.write_text(
        f'policy:\n  class: "{JUDGE}"\n  config:\n    model: m1\n    probability_threshold: 7\n'
    )
    refused = await town.luthien("policy-config", "acme", "set", f"@{file}", "--json")
    assert refused.code == 1
    assert "The gateway refuses the policy" in refused.json["error"]
    assert "line 5, column 5: probability_threshold has to be" in refused.json["why"]
    file.write_text("policy:\n  class: NoOpPolicy\n  confg: {}\n")
    broken = await town.luthien("policy-config", "acme", "set", f"@{file}", "--json")
    assert broken.code == 2
    assert "line 3, column 3: `confg` has no place here" in broken.json["error"]


async def test_a_rotated_key_is_delivered_and_the_old_one_dead(
    acme: None, town: House, people: Chat
) -> None:
    old = (await variables(town))["CLIENT_API_KEY"]
    assert await answers(town, old) == 200
    await people.ben.types("/luthien rotate acme proxy")
    done = await people.cleo.sees("*Rotate the proxy key of acme*: done in", within=40)
    assert "The new key is accepted, the old one refused." in done
    new = (await variables(town))["CLIENT_API_KEY"]
    secret = await people.ben.sees("Credentials of acme", new, private=True)
    assert "Admin API key" not in secret
    assert await answers(town, old) == 401
    assert await answers(town, new) == 200
    everything = await asyncio.to_thread(kept, town)
    assert old.encode() not in everything
    assert new.encode() not in everything
    assert new not in await people.cleo.transcript()
