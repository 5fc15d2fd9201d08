"""Payloads of no shape that Slack sends: a bad request, and never a bug."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.shapes import fault, fault_of_body
from tests.unit.bot.payloads import CHALLENGE, KINDS, MALFORMED, SSL_CHECK
from tests.unit.bot.test_door import SECRET, door, ok, posting, signed, slack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Obliging(dict[str, Any]):
    """Slack's Web API, which takes whatever comes."""

    def __missing__(self, method: str) -> Any:
        return lambda _: ok({"view": {"id": "V1"}, "channel": {"id": "D0BEN", "is_member": True}})


HOME = Obliging(
    {
        "auth.test": lambda _: ok({"user": "luthien", "user_id": "U0BOT", "team_id": "T0OURS"}),
        "users.info": lambda _: ok({"user": {"profile": {"api_app_id": "A0OURS"}}}),
    }
)
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_slack_sends_has_the_shape(kind: str) -> None:
    assert fault(KINDS[kind]) == ""


def test_slacks_own_checks_have_it_too() -> None:
    assert fault(CHALLENGE) == ""
    assert fault(SSL_CHECK) == ""
    assert fault({"type": "interactive_message", "callback_id": "of another app"}) == ""


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_another_shape_is_told_by_its_first_fault(name: str) -> None:
    said = fault(MALFORMED[name])
    assert 5 < len(said) < 200
    assert "evil" not in said, "what it holds is nobody's business"


@pytest.mark.parametrize(
    "body", [b"payload=" + b"[" * 200_000, b'{"a":' * 100_000, b"payload=x", b"\xff", b""]
)
def test_a_body_that_cannot_be_read_is_malformed(body: bytes) -> None:
    assert fault_of_body(body, FORM)


@pytest.fixture
async def wire() -> AsyncIterator[httpx.AsyncClient]:
    async with slack(HOME) as url:
        there = door(url, app_token=None, signing_secret=SECRET)
        async with posting(there) as client:  # raises what nobody caught
            yield client
        await there.stop()


async def posted(wire: httpx.AsyncClient, payload: object) -> httpx.Response:
    known: Any = payload
    if isinstance(payload, dict) and payload.get("type") == "event_callback":
        body, content_type = json.dumps(payload), "application/json"
    elif isinstance(payload, dict) and "type" not in payload:
        body, content_type = urlencode(known), FORM
    else:
        body, content_type = urlencode({"payload": json.dumps(payload)}), FORM
    headers = signed(body) | {"content-type": content_type}
    return await wire.post("/slack/events", content=body, headers=headers)


async def test_malformed_bodies_are_bad_requests_and_logged_in_one_line(
    wire: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for name, payload in MALFORMED.items():
        caplog.clear()
        with caplog.at_level(logging.INFO):
            answer = await posted(wire, payload)
        assert answer.status_code == 400, name
        assert "no payload of Slack" in answer.text
        said = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert len(said) == 1, (name, said)
        assert "\n" not in said[0]
        assert "evil" not in said[0]


async def test_each_kind_is_acknowledged_and_a_check_of_slack_answered(
    wire: httpx.AsyncClient,
) -> None:
    for kind, payload in KINDS.items():
        assert (await posted(wire, payload)).status_code == 200, kind
    body = json.dumps(CHALLENGE)
    headers = signed(body) | {"content-type": "application/json"}
    answer = await wire.post("/slack/events", content=body, headers=headers)
    assert CHALLENGE["challenge"] in answer.text
    assert (await posted(wire, SSL_CHECK)).status_code == 200


async def test_what_names_no_workspace_is_acknowledged_and_does_nothing(
    wire: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    typed = {k: v for k, v in KINDS["command"].items() if k != "team_id"} | {"text": "lst"}
    answer = await posted(wire, typed)
    assert (answer.status_code, answer.text) == (200, "")
    assert "a payload of no workspace was ignored" in caplog.text
    assert "Did you mean" in (await posted(wire, KINDS["command"] | {"text": "lst"})).text
