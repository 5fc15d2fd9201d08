"""Requests that mean harm, against a real server over HTTP: refused, and nothing happens."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.e2e.chat import Chat
from tests.e2e.house import House, open_house, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVENTS = "/slack/events"
SIGNING_SECRET = "sandbox-signing-secret"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("target"), over_http=True) as house:
        await house.serve()
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def wire(target: House) -> AsyncIterator[httpx.AsyncClient]:
    told = json.loads((target.folder / "luthien" / "serve.json").read_text())
    async with httpx.AsyncClient(base_url=told["address"], trust_env=False) as client:
        yield client


def signed(body: str, *, secret: str = SIGNING_SECRET, age: float = 0) -> dict[str, str]:
    at = str(int(time.time() - age))
    digest = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def slash(text: str, **changed: str) -> str:
    """Ada types `/luthien <text>`."""
    slash.count += 1  # type: ignore[attr-defined] # each delivery has its own id
    known = {
        "team_id": "T0SANDBOX1",
        "api_app_id": "A0SANDBOX1",
        "user_id": "U0ADA00001",
        "user_name": "ada",
        "channel_id": "C0OPS00001",
        "command": "/luthien",
        "trigger_id": f"hostile.{slash.count}",  # type: ignore[attr-defined]
    }
    return urlencode(known | {"text": text} | changed)


slash.count = 0  # type: ignore[attr-defined]


async def runs(house: House) -> list[dict[str, Any]]:
    return list((await house.luthien("runs", "--json")).json["runs"])


@pytest.mark.parametrize(
    "headers",
    [
        lambda body: signed(body, secret="guessed"),
        lambda body: signed(body, age=600),
        lambda body: signed(body + "&more=1"),
        lambda body: signed(body) | {"X-Slack-Request-Timestamp": "yesterday"},
        lambda _: {},
    ],
    ids=["forged", "replayed", "of another body", "no time", "unsigned"],
)
async def test_what_slack_has_not_signed_is_refused(
    target: House, wire: httpx.AsyncClient, headers: Callable[[str], dict[str, str]]
) -> None:
    body = slash("create evil")
    answer = await wire.post(EVENTS, content=body, headers=headers(body))
    assert answer.status_code == 401
    assert not await runs(target)


async def test_it_is_refused_before_its_body_is_understood(wire: httpx.AsyncClient) -> None:
    nested = urlencode({"payload": "[" * 200_000})
    answer = await wire.post(EVENTS, content=nested, headers=signed(nested, secret="guessed"))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "changed", [{"team_id": "T0OTHER"}, {"api_app_id": "A0OTHER"}], ids=["workspace", "app"]
)
async def test_payloads_of_another_workspace_or_app_do_nothing(
    target: House, wire: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    body = slash("create evil", **changed)
    answer = await wire.post(EVENTS, content=body, headers=signed(body))
    assert (answer.status_code, answer.text) == (200, "")
    assert not await runs(target)


async def test_a_stranger_in_a_shared_channel_cannot_press_our_buttons(
    target: House, wire: httpx.AsyncClient
) -> None:
    payload = {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX1"},
        "user": {"id": "U0ADA00001", "team_id": "T0OTHER"},
        "api_app_id": "A0SANDBOX1",
        "trigger_id": "hostile.click",
        "container": {"type": "message", "channel_id": "C0OPS00001"},
        "actions": [{"type": "button", "action_id": "do:0", "value": "create evil"}],
    }
    body = urlencode({"payload": json.dumps(payload)})
    answer = await wire.post(EVENTS, content=body, headers=signed(body))
    assert answer.status_code == 200
    assert not await runs(target)


async def sent(wire: httpx.AsyncClient, path: str, content: Any) -> int:
    """The status; 413 also where the connection was cut before it could be read."""
    try:
        return (await wire.post(path, content=content)).status_code
    except (httpx.ReadError, httpx.WriteError):
        return 413


async def test_endless_and_slow_bodies_are_cut_off(wire: httpx.AsyncClient) -> None:
    async def dribble() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 400_000

    for path in (EVENTS, "/api/v1/commands/list"):
        assert await sent(wire, path, b"x" * 1_100_000) == 413
        assert await sent(wire, path, dribble()) == 413
    where = urlsplit(str(wire.base_url))
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow")
    began = time.monotonic()
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 30)
    assert time.monotonic() - began >= 5
    writer.close()


async def test_nesting_is_refused_in_our_words(target: House) -> None:
    async with target.api() as api:
        answer = await api.post("/api/v1/commands/list", content="[" * 200_000)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_input"


async def test_a_second_delivery_starts_nothing(target: House, wire: httpx.AsyncClient) -> None:
    body = slash("create once")
    for _ in range(3):
        assert (await wire.post(EVENTS, content=body, headers=signed(body))).status_code == 200

    async def started() -> bool:
        return bool(await runs(target))

    await until(started, within=20, what="the run")
    assert [run["line"] for run in await runs(target)] == ["create once"]


@pytest.mark.parametrize(
    "value",
    ["", "create evil --from nowhere", "--", "\x00", "help " + "x" * 1_900, '"', "delete luthien"],
)
async def test_crafted_values_of_buttons_are_only_command_lines(
    target: House, wire: httpx.AsyncClient, value: str
) -> None:
    """A click is checked like a typed line: role, arguments, freshness."""
    before = await runs(target)
    payload = {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX1"},
        "user": {"id": "U0CLEO0001", "team_id": "T0SANDBOX1"},
        "api_app_id": "A0SANDBOX1",
        "trigger_id": f"hostile.{hash(value)}",
        "container": {"type": "message", "channel_id": "C0OPS00001", "is_ephemeral": True},
        "channel": {"id": "C0OPS00001"},
        "actions": [{"type": "button", "action_id": "do:0", "value": value}],
    }
    body = urlencode({"payload": json.dumps(payload)})
    assert (await wire.post(EVENTS, content=body, headers=signed(body))).status_code == 200
    assert len(await runs(target)) == len(before)


async def test_crafted_forms_are_checked_like_typed_lines(
    target: House, wire: httpx.AsyncClient
) -> None:
    before = await runs(target)
    for metadata in ("", "{", "[]", '{"command": "delete"}', "null", '{"command": 7}'):
        payload = {
            "type": "view_submission",
            "team": {"id": "T0SANDBOX1"},
            "user": {"id": "U0ADA00001", "team_id": "T0SANDBOX1"},
            "api_app_id": "A0SANDBOX1",
            "trigger_id": f"hostile.{hash(metadata)}",
            "view": {
                "id": "V1",
                "type": "modal",
                "callback_id": "command",
                "private_metadata": metadata,
                "state": {"values": {}},
                "blocks": [],
            },
        }
        body = urlencode({"payload": json.dumps(payload)})
        answer = await wire.post(EVENTS, content=body, headers=signed(body))
        assert answer.status_code == 200, metadata
    assert len(await runs(target)) == len(before)


def markup(part: Any) -> Iterator[str]:
    """What Slack reads as markup: texts of messages, and blocks of mrkdwn; no button's value."""
    if isinstance(part, dict):
        if isinstance(part.get("text"), str) and part.get("type") in ("mrkdwn", "message", None):
            yield part["text"]
        for one in part.values():
            yield from markup(one)
    elif isinstance(part, list):
        for one in part:
            yield from markup(one)


async def test_what_is_typed_pings_nobody_and_links_nowhere(target: House) -> None:
    """In what only the asker sees, and in what everybody does: reasons stand in both."""
    chat = Chat(target.http)
    await chat.ada.types("/luthien create pinged")
    await chat.ada.sees("pinged", "done in", within=60)
    hostile = "look <@S0ONCALL01> <@slack:U0CLEO0001> <!subteam^S0ONCALL01> <!everyone>"
    await chat.ben.types(f'/luthien lock pinged "{hostile}"')
    await chat.ben.gets("pinged")
    await chat.ada.types("/luthien restart pinged gateway")
    await chat.ada.sees("look", "S0ONCALL01", private=False)
    await chat.ada.types(f'/luthien unlock pinged --steal "{hostile}"')
    for person in (chat.ada, chat.ben):
        for message in await person.everything():
            read = "\n".join(markup(message.raw))
            for ping in ("<!subteam", "<!everyone", "<@S0", "<@U0CLEO", "<@slack"):
                assert ping not in read, message.shown
    await chat.ada.types("/luthien create <!channel>")
    await chat.ada.types("/luthien status <https://evil.example|acme>")
    await chat.ada.types("/luthien <!here> *bold* <@U0BEN>")
    for message in await chat.ada.messages():
        raw = json.dumps(message.raw)
        assert "<!channel" not in raw
        assert "<!here" not in raw
        assert "<https://evil" not in raw
