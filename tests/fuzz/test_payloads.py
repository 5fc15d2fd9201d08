"""What comes by Slack and by HTTP: crafted values, forms and bodies are refused or understood, and
are never a bug."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st

from api.webhook import webhook
from bot import dialogs, forms
from bot.forms import Form
from bot.grammar import Wish
from engine.errors import OpsError
from tests.fuzz.making import JSON, WORDS, broken_text, damaged
from tests.fuzz.test_words import LINES
from tests.fuzz.test_words import registry as whole_registry
from tests.unit.bot.test_conversations import Workspace
from tests.unit.providers.fakes import FakeClock

_KEPT = {"command": "create", "channel": "C0OPS", "t": "abc", "asks": ["instance"], "given": {}}
METADATA = st.one_of(
    damaged(_KEPT | {"line": "create acme", "always": ["instance"]}).map(json.dumps),
    broken_text(json.dumps(_KEPT)),
    JSON.map(json.dumps),
    WORDS,
)
STATE = st.dictionaries(
    st.one_of(st.sampled_from(["instance", "repo", "keep", "plan"]), WORDS),
    st.dictionaries(WORDS, st.fixed_dictionaries({"value": st.none() | WORDS}), max_size=1),
    max_size=3,
)
ACTIONS = st.sampled_from(["do:0", "once:0", "form", "share", "stop"])
_BUG = "Something went wrong on our side"


@given(ACTIONS, LINES)
@example("do:0", "\0")
@example("form", "create acme --repo")
def test_the_value_of_a_button_is_a_line_that_is_typed(action: str, value: str) -> None:
    slack = asyncio.run(_clicked(action, value))
    assert _BUG not in " ".join(slack.heard)
    assert not slack.control.views, "cleo may look, and change nothing"


async def _clicked(action: str, value: str) -> Workspace:
    slack = Workspace()
    await slack.click(action, value, user="U0CLEO", private=True)
    return slack


@given(METADATA, STATE)
@example('{"command": "create", "channel": 7}', {})
@example('{"command": "create", "channel": "C1", "given": {"instance": ["x"]}}', {})
def test_what_a_form_remembers_is_ours_or_refused(metadata: str, state: dict[str, Any]) -> None:
    slack = asyncio.run(_submitted(metadata, state))
    assert _BUG not in " ".join(slack.heard)
    assert not slack.control.views


async def _submitted(metadata: str, state: dict[str, Any]) -> Workspace:
    slack = Workspace()
    view = {"type": "modal", "callback_id": forms.CALLBACK, "private_metadata": metadata}
    await slack.send(
        {
            "type": "view_submission",
            "user": {"id": "U0CLEO", "username": "cleo"},
            "team": {"id": "T1"},
            "trigger_id": "t1",
            "view": view | {"id": "V1", "blocks": [], "state": {"values": state}},
        }
    )
    return slack


@given(METADATA, STATE)
@example('{"command": "config", "line": "config acme", "always": 7}', {})
def test_what_a_drawn_form_remembers_is_ours_or_refused(
    metadata: str, state: dict[str, Any]
) -> None:
    view = {"private_metadata": metadata, "blocks": [], "state": {"values": state}}
    try:
        form = Form.of_metadata(metadata)
        assert form.channel is None or isinstance(form.channel, str)
        wish, _ = dialogs.submitted(whole_registry(), form, view)
        wish.parse()
    except OpsError as refused:
        assert refused.summary


@given(st.dictionaries(WORDS, st.one_of(WORDS, st.booleans(), st.lists(WORDS)), max_size=4))
def test_any_fields_are_a_command_or_a_refusal(raw: dict[str, Any]) -> None:
    for command in whole_registry().commands:
        try:
            Wish(command, raw).parse()
        except OpsError as refused:
            assert refused.summary


BODIES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda value: json.dumps(value).encode()),
    damaged({"resource": {"project": {"id": "p-1"}}, "type": "Deployment.failed"}).map(
        lambda value: json.dumps(value).encode()
    ),
)


@given(BODIES)
@example(b"[" * 60_000)
def test_a_webhooks_body_wakes_somebody_or_nobody(body: bytes) -> None:
    status, woken = asyncio.run(_hooked(body))
    assert status == 202
    assert all(0 < len(project) <= 64 for project in woken)


async def _hooked(body: bytes) -> tuple[int, list[str]]:
    woken: list[str] = []

    async def wake(project: str) -> None:
        woken.append(project)

    app = FastAPI()
    app.include_router(webhook("the-secret", wake, FakeClock()))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        answer = await http.post("/hooks/railway/the-secret", content=body)
    return answer.status_code, woken
