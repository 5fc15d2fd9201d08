"""Rate limits in real time: tiers per method, posts per channel, and clients that wait."""

from __future__ import annotations

import time

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.contract.sandbox_slack.conftest import GENERAL, OPS, Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def strict(sandbox: Sandbox, **rates: float) -> None:
    await sandbox.settings(rates=rates)


async def test_a_tier_counts_calls_of_one_method(sandbox: Sandbox) -> None:
    await strict(sandbox, t2=3)
    client = sandbox.client
    for _ in range(3):
        await client.users_list()
    with pytest.raises(SlackApiError) as refused:
        await client.users_list()
    assert refused.value.response.status_code == 429
    assert refused.value.response["error"] == "ratelimited"
    assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 60
    await client.usergroups_list()  # of the same tier, with a count of its own


async def test_the_default_tiers_are_slacks(sandbox: Sandbox) -> None:
    await strict(sandbox)
    statuses = []
    for _ in range(21):
        answer = await sandbox.http.get(
            "/slack/api/users.list", headers={"Authorization": "Bearer xoxb-sandbox"}
        )
        statuses.append(answer.status_code)
    assert statuses == [200] * 20 + [429]


async def test_posts_are_limited_by_channel_with_bursts(sandbox: Sandbox) -> None:
    await strict(sandbox, special=0, posts_per_second=1, posts_burst=2)
    client = sandbox.client
    for _ in range(2):
        await client.chat_postMessage(channel=OPS, text="x")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=OPS, text="x")
    assert refused.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=GENERAL, text="x")
    assert len(await sandbox.messages()) == 2


async def test_the_sdk_waits_as_told(sandbox: Sandbox) -> None:
    await strict(sandbox, special=0, posts_per_second=1, posts_burst=1)
    client = AsyncWebClient(
        token="xoxb-sandbox",
        base_url=f"{sandbox.url}/slack/api/",
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
    )
    started = time.monotonic()
    for _ in range(2):
        await client.chat_postMessage(channel=OPS, text="x")
    assert 0.9 < time.monotonic() - started < 3
    assert len(await sandbox.messages()) == 2
    statuses = [entry["status"] for entry in await sandbox.journal("chat.postMessage")]
    assert statuses == [200, 429, 200]
