"""Who may speak to us as Slack: what is not signed for us is not even understood, and people of
other workspaces and apps are ignored."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt.response import BoltResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from bot.guard import Workspace, signed
from bot.shapes import fault
from tests.unit.bot.payloads import KINDS, elsewhere, nowhere

if TYPE_CHECKING:
    from starlette.responses import Response

SECRET = "of-this-test"
BODY = b"command=%2Fluthien&text=list"


def posted(*, at: float, secret: str = SECRET, body: bytes = BODY, **headers: str) -> Request:
    stamp = f"{at:.0f}"
    mac = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    given = {
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={mac.hexdigest()}",
    } | {name.replace("_", "-"): value for name, value in headers.items()}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    raw = [(k.encode(), v.encode("latin-1")) for k, v in given.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""}
    return Request(scope, receive)


async def answered(request: Request) -> tuple[int, int]:
    """The status, and how often it was handed on."""
    handed = 0

    async def handle(_: Request) -> Response:
        nonlocal handed
        handed += 1
        return PlainTextResponse("done")

    response = await signed(SECRET, handle)(request)
    return response.status_code, handed


async def test_what_slack_signed_is_handed_on() -> None:
    assert await answered(posted(at=time.time())) == (200, 1)


@pytest.mark.parametrize(
    "request_",
    [
        posted(at=time.time(), secret="of-somebody-else"),
        posted(at=time.time(), body=b"command=%2Fluthien&text=delete"),
        posted(at=time.time() - 3_600),
        posted(at=time.time(), x_slack_signature=""),
        posted(at=time.time(), x_slack_request_timestamp="soon"),
        posted(at=time.time(), x_slack_request_timestamp=""),
        posted(at=time.time(), x_slack_signature="v0=\xe9"),
        posted(at=time.time(), x_slack_request_timestamp="\xb2"),
        posted(at=time.time(), x_slack_request_timestamp="9" * 5_000),
    ],
    ids=["secret", "body", "old", "unsigned", "no-time", "no-stamp", "é", "²", "digits"],
)
async def test_what_does_not_fit_is_refused_before_it_is_read(request_: Request) -> None:
    assert await answered(request_) == (401, 0)


async def admitted(
    body: dict[str, Any],
    *,
    app: str = "A0OURS",
    team: str = "T0OURS",
    organisation: str = "",
    everywhere: bool = False,
) -> bool:
    workspace = Workspace(logging.getLogger("tests.bot.guard"))
    workspace.app, workspace.team = app, team
    workspace.organisation, workspace.everywhere = organisation, everywhere
    passed = False

    async def next_() -> BoltResponse:
        nonlocal passed
        passed = True
        return BoltResponse(status=200, body="done")

    response = await workspace.admit(body, next_)
    assert response.status == 200, "strangers are acknowledged, so that Slack does not repeat it"
    return passed


OURS = {
    "api_app_id": "A0OURS",
    "team_id": "T0OURS",
    "team": {"id": "T0OURS"},
    "user": {"id": "U0BEN", "team_id": "T0OURS"},
    "event": {"user_team": "T0OURS", "source_team": "T0OURS"},
}


async def test_a_body_of_strangers_need_not_be_text() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"\xff\xfe", "more_body": False}

    stamp = str(int(time.time())).encode()
    headers = [(b"x-slack-request-timestamp", stamp), (b"x-slack-signature", b"v0=guessed")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": headers,
        "query_string": b"",
    }
    assert await answered(Request(scope, receive)) == (401, 0)


async def test_who_is_at_home_is_admitted() -> None:
    assert await admitted(OURS)


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_each_kind_of_payload_is_admitted_by_what_it_names(kind: str) -> None:
    """As Slack sends them; the same without a workspace is nobody's, and another's is theirs."""
    payload = KINDS[kind]
    assert fault(payload) == ""
    assert await admitted(payload)
    assert not await admitted(elsewhere(payload)), "of another workspace"
    assert not await admitted(nowhere(payload)), "of no workspace"


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_a_team_may_not_be_hidden_in_another_shape(kind: str) -> None:
    assert not await admitted(nowhere(KINDS[kind]) | {"team": "T0OTHER"})
    assert not await admitted(KINDS[kind] | {"team": "T0OTHER"})
    assert not await admitted(nowhere(KINDS[kind]) | {"team_id": ["T0OURS"]})


GRID = {"enterprise": {"id": "E0OURS", "name": "Acme"}, "is_enterprise_install": True}


async def test_an_app_of_a_whole_organisation_is_told_of_things_without_a_workspace() -> None:
    click = nowhere(KINDS["block_actions"]) | GRID
    assert await admitted(click, organisation="E0OURS", everywhere=True)
    assert not await admitted(click, organisation="E0OURS"), "installed in one workspace only"
    assert not await admitted(click, organisation="E0OTHER", everywhere=True)
    assert not await admitted(click, everywhere=True)
    typed = nowhere(KINDS["command"]) | {"enterprise_id": "E0OURS"}
    assert await admitted(typed, organisation="E0OURS", everywhere=True)


async def test_people_of_a_grid_may_be_named_by_their_organisation() -> None:
    click = KINDS["block_actions"] | {"user": {"id": "W1", "team_id": "E0OURS"}} | GRID
    assert await admitted(click, organisation="E0OURS")
    assert not await admitted(click)
    only = nowhere(click) | {"user": {"id": "W1", "team_id": "E0OURS"}}
    assert not await admitted(only, organisation="E0OURS"), "which workspace it is stays open"


@pytest.mark.parametrize(
    "stranger",
    [
        {"api_app_id": "A0OTHER"},
        {"team_id": "T0OTHER"},
        {"team": {"id": "T0OTHER"}},
        {"user": {"id": "U0EVE", "team_id": "T0OTHER"}},
        {"event": {"user_team": "T0OTHER"}},
        {"event": {"source_team": "T0OTHER"}},
    ],
    ids=["app", "team_id", "team", "user", "user_team", "source_team"],
)
async def test_strangers_are_ignored_wherever_it_shows(stranger: dict[str, Any]) -> None:
    assert not await admitted(OURS | stranger)


async def test_until_slack_has_said_who_we_are_nobody_is_a_stranger() -> None:
    assert await admitted({"team_id": "T0OTHER", "api_app_id": "A0OTHER"}, app="", team="")
