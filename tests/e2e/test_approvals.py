"""`/luthien delete acme --force`: a second person agrees, says no, comes too late, or never."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import signal
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from tests.e2e.chat import Chat, Message, Person, assert_says
from tests.e2e.house import House, open_house, until
from tests.e2e.test_delete import made, project

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = """
production: ["prod-*"]
rules:
  - {commands: delete --force, approvals: 1}
  - {commands: delete, production: true, type_name: true, about: Not by a slip.}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A server with a policy of its own, and three people."""
    folder = tmp_path_factory.mktemp("court")
    (folder / "policy.yaml").write_text(POLICY)
    async with open_house(folder, LUTHIEN_POLICY=str(folder / "policy.yaml")) as house:
        await house.serve()
        yield house


@pytest.fixture(scope="module")
def chat(court: House) -> Chat:
    return Chat(court.http)


async def asked(person: Person, name: str) -> Message:
    """They want it gone at once; what everybody is then asked."""
    await person.types(f"/luthien delete {name} --force")
    shown = await person.gets(f"Delete {name} at once? This is what would be lost")
    await person.clicks(f"Delete {name} at once …", shown)
    return await waiting(person, name)


async def waiting(person: Person, name: str) -> Message:
    words = (f"Delete instance {name} at once", "asks for 1 approval", "It can be given until")
    seen = await person.sees(*words)
    assert seen.buttons == ["Approve", "Reject …"]
    return seen


async def says(person: Person, question: Message, *words: str) -> Message:
    """What the message says in place of its buttons."""

    async def found() -> Message | None:
        now = next(m for m in await person.messages() if m.ts == question.ts)
        return now if all(word in now for word in words) and not now.buttons else None

    seen = await until(found, within=10, what=f"the approval says {words}")
    assert isinstance(seen, Message)
    return seen


async def names(house: House) -> list[str]:
    return [p["name"] for p in await house.projects()]


async def test_a_second_person_agrees_and_it_is_gone(court: House, chat: Chat) -> None:
    await made(chat, "acme")
    question = await asked(chat.ben, "acme")
    assert "- project luthien-acme" in question
    assert "1. Delete the project luthien-acme with everything in it" in question
    assert "policy.yaml, line 4" in question

    await chat.ben.clicks("Approve", question)
    own = await chat.ben.gets("You asked for this, so somebody else has to approve it")
    assert "self_approve: never" in own
    await chat.ben.types("/luthien apikey create mine --role deployer --expires 30d")
    key = re.search(r"luthien_\w{8}_[\w-]+", (await chat.ben.gets("API key mine")).shown)
    assert key is not None
    async with court.api() as http:
        bens = {"Authorization": f"Bearer {key[0]}"}
        body = {"run": "acme"}
        answer = await http.post("/api/v1/commands/approve", json=body, headers=bens)
        assert answer.status_code == 403, "one's own key is no second person"
        assert "whoever made it does" in answer.json()["error"]
        said = (await http.post("/api/v1/commands/whoami", headers=bens)).text
        assert "who made this API key" in said
    await chat.cleo.clicks("Approve", question)
    viewer = await chat.cleo.gets("Approving this needs the role deployer; yours is viewer")
    assert "line 4" in viewer
    assert "luthien-acme" in await names(court)

    await chat.cleo.types("/luthien approvals")
    listed = await chat.cleo.gets("1 approval waiting", "Delete instance acme at once")
    assert not [label for label in listed.buttons if label.startswith("Approve")]
    await chat.ada.types("/luthien approvals")
    assert [b for b in (await chat.ada.gets("1 for you")).buttons if b.startswith("Approve r")]

    await chat.ada.clicks("Approve", question)
    await chat.ada.gets("You approved: Delete instance acme at once")
    await says(chat.cleo, question, "Approved by")
    await chat.cleo.sees("Delete instance acme at once", "done in", "is gone")
    assert "luthien-acme" not in await names(court)

    await chat.ada.types("/luthien approve acme")
    await chat.ada.gets("No approval of `acme`")


async def test_a_rejection_asks_for_a_reason_and_tells_it(court: House, chat: Chat) -> None:
    await made(chat, "kept")
    question = await asked(chat.ben, "kept")
    await chat.ada.clicks("Reject …", question)
    modal = await chat.ada.modal()
    labels = [b["label"]["text"] for b in modal["blocks"] if b["type"] == "input"]
    assert labels == ["Reason"]
    assert await chat.ada.submits(reason="Globex shows it on Monday") == {}
    await says(chat.cleo, question, "Rejected by", "Globex shows it on Monday")
    told = await chat.ben.sees("Delete instance kept at once", "Not begun", "Globex")
    assert "Ask again" in told.buttons
    assert "luthien-kept" in await names(court)

    run = question.shown.partition("run `")[2].partition("`")[0]
    await chat.ben.types(f"/luthien approve {run}")
    late = await chat.ben.gets("was rejected already by")
    assert "Globex shows it on Monday" in late
    await chat.ben.types(f"/luthien retry {run}")
    await chat.ben.gets("can never begin: it was not approved")


async def test_what_has_changed_since_is_not_done(court: House, chat: Chat) -> None:
    await made(chat, "moved")
    question = await asked(chat.ben, "moved")
    await chat.ben.types("/luthien delete moved")
    shown = await chat.ben.gets("Delete moved? This is what would be lost")
    await chat.ben.clicks("Delete moved", shown)
    await chat.ben.sees("Delete instance moved", "done in", "stays reachable until")

    await chat.ada.clicks("Approve", question)
    stale = await chat.ada.gets("would not do any more what was asked for")
    assert stale.private
    await says(chat.cleo, question, "Superseded")
    assert "luthien-moved" in await names(court)


async def test_the_name_of_a_production_instance_is_typed(court: House, chat: Chat) -> None:
    await made(chat, "prod-eu")
    await chat.ben.types("/luthien delete prod-eu --force")
    shown = await chat.ben.gets("Delete prod-eu at once? This is what would be lost")
    await chat.ben.clicks("Delete prod-eu at once …", shown)
    modal = await chat.ben.modal()
    assert "Not by a slip." in str(modal)
    labels = [b["label"]["text"] for b in modal["blocks"] if b["type"] == "input"]
    assert labels == ["Type name"]
    wrong = await chat.ben.submits(type_name="prod-us")
    assert wrong == {"type_name": "Should be prod-eu"}
    assert await chat.ben.submits(type_name="prod-eu") == {}
    question = await waiting(chat.ben, "prod-eu")
    await chat.ben.clicks("Withdraw")
    await says(chat.cleo, question, "Withdrawn by")

    refused = await court.luthien("delete", "prod-eu", "--yes", "--json")
    assert refused.code == 2
    assert refused.json["fields"] == {"type_name": "should be prod-eu"}
    assert refused.json["next_step"].endswith("--type-name prod-eu")
    done = await court.luthien("delete", "prod-eu", "--type-name", "prod-eu", "--yes", "--json")
    assert done.code == 0, done.err
    assert (await project(court, "prod-eu"))["description"].startswith("deletion-scheduled:")


async def test_it_waits_over_a_restart_and_the_command_line_says_so(
    court: House, chat: Chat
) -> None:
    await made(chat, "late")
    waits = await court.luthien("delete", "late", "--force", "--yes", "--json")
    assert waits.code == 3, waits.err
    run = waits.json["run"]
    question = await waiting(chat.cleo, "late")
    assert court.server.stop(signal.SIGKILL) != 0
    await court.serve()

    explained = await court.luthien("policy", "explain", "delete", "late", "--force", "--json")
    assert [r["about"] for r in explained.json["rulings"]] == ["role", "freeze", "approval"]
    again = await court.luthien("delete", "late", "--force", "--yes", "--json")
    assert again.code == 2
    assert again.json["code"] == "already_exists"
    without = await court.luthien("reject", run, "--json")
    assert without.json["fields"] == {"reason": "is needed"}
    await chat.ben.clicks("Approve", question)
    await chat.cleo.sees("Delete instance late at once", "done in", "is gone", within=20)
    await says(chat.cleo, question, "Approved by")
    assert "luthien-late" not in await names(court)


async def test_a_policy_that_breaks_is_told_and_changes_nothing(court: House, chat: Chat) -> None:
    path = court.folder / "policy.yaml"
    path.write_text(POLICY + "creations_per_day: lots\n")
    await chat.cleo.types("/luthien policy")
    shown = await chat.cleo.gets("The file was changed since and cannot be read")
    assert "line 6, column 1: `creations_per_day`" in shown
    await chat.cleo.sees("cannot be read, so what held before still does", "line 6, column 1")
    path.write_text(POLICY + "creations_per_day: 0\n")
    await chat.ben.types("/luthien create beta")
    refusal = await chat.ben.gets("ben created 0 instances today, of 0 allowed")
    assert_says(
        refusal,
        what="of 0 allowed",
        why="policy.yaml, line 6",
        who="whoever keeps the policy can allow more",
        then="/luthien policy explain create beta",
    )
    path.write_text(POLICY)
    await chat.ada.types("/luthien policy explain create beta")
    await chat.ada.gets("`create beta` is allowed to")


async def test_alone_is_told_and_nothing_waits_and_it_expires(tmp_path: Path) -> None:
    """Slack posts over HTTP here; nobody but ada could agree until ben is a deployer."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("approvals: {approvers: admin}\n")
    async with open_house(tmp_path, over_http=True, LUTHIEN_POLICY=str(policy)) as house:
        await house.serve()
        chat = Chat(house.http)
        await made(chat, "acme")
        await chat.ada.types("/luthien delete acme --force")
        alone = await chat.ada.gets("Nobody but you could approve")
        assert "`self_approve: never` holds" in alone
        assert "self_approve: when_alone" in alone
        assert "--confirm" not in alone

        policy.write_text(
            "approvals: {approvers: admin, self_approve: when_alone, expire: PT1S}\n"
        )
        await chat.ada.types("/luthien delete acme --force")
        shown = await chat.ada.gets("Delete acme at once?")
        await chat.ada.clicks("Delete acme at once …", shown)
        question = await chat.cleo.sees("Delete instance acme at once", "asks for 1 approval")
        await until(
            lambda: _clock_passed(question), within=5, what="the second in which it can be given"
        )
        run = question.shown.partition("run `")[2].partition("`")[0]
        await chat.ada.types(f"/luthien approve {run}")  # its buttons may be gone by the tick
        await chat.ada.gets("has expired")
        await says(chat.cleo, question, "Expired")

        policy.write_text("approvals: {approvers: admin, self_approve: when_alone}\n")
        again = await asked(chat.ada, "acme")
        await chat.ada.clicks("Approve", again)
        await chat.cleo.sees("Delete instance acme at once", "done in", "is gone")
        assert await house.projects() == []


async def test_of_many_clicks_over_http_one_wins(tmp_path: Path) -> None:
    """As Slack itself posts them: signed, each with a trigger of its own, all at once."""
    async with open_house(tmp_path, over_http=True) as house:
        await house.serve()
        chat = Chat(house.http)
        await made(chat, "acme")
        waits = await house.luthien("delete", "acme", "--force", "--yes", "--json")
        assert waits.code == 3
        question = await waiting(chat.cleo, "acme")
        people = [house.stand_in.admin, house.stand_in.deployer]
        clicks = [
            _click(house, question, f"approve {waits.json['run']}", people[n % 2], n)
            for n in range(40)
        ]
        assert {answer.status_code for answer in await asyncio.gather(*clicks)} == {200}
        await says(chat.cleo, question, "Approved by")
        await chat.cleo.sees("Delete instance acme at once", "done in", "is gone")
        audit = await house.luthien("audit", "--instance", "acme", "--limit", "100", "--json")
        given = [e for e in audit.json["entries"] if e["action"] == "approval.given"]
        assert len(given) == 1
        journal = await house.journal("railway")
        assert len([e for e in journal if e["operation"] == "projectDelete"]) == 1


async def _click(
    house: House, question: Message, line: str, user: str, number: int
) -> httpx.Response:
    """Source: Slack docs, block_actions payloads and request signing."""
    told = (await house.http.get("/control/slack/workspace")).json()
    action = {
        "type": "button",
        "action_id": "do:approve",
        "block_id": "b1",
        "value": line,
        "text": {"type": "plain_text", "text": "Approve"},
        "action_ts": f"{time.time():.6f}",
    }
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": user, "team_id": told["team"]["id"]},
        "api_app_id": told["bot"]["app_id"],
        "team": {"id": told["team"]["id"], "domain": "sandbox"},
        "container": {
            "type": "message",
            "message_ts": question.ts,
            "channel_id": house.stand_in.channel,
            "is_ephemeral": False,
        },
        "channel": {"id": house.stand_in.channel, "name": "ops"},
        "trigger_id": f"{number}.click",
        "actions": [action],
    }
    body = urlencode({"payload": json.dumps(payload)})
    now = str(int(time.time()))
    secret = house.settings["SLACK_SIGNING_SECRET"].encode()
    mac = hmac.new(secret, f"v0:{now}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": f"v0={mac}",
    }
    async with httpx.AsyncClient(trust_env=False, timeout=30) as slack:
        url = f"http://{house.settings['LUTHIEN_LISTEN']}/slack/events"
        return await slack.post(url, content=body, headers=headers)


async def _clock_passed(question: Message) -> bool:
    return time.time() > float(question.ts) + 1.5


async def test_a_broken_policy_starts_nothing(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - commands: delet\n")
    async with open_house(tmp_path, LUTHIEN_POLICY=str(policy)) as house:
        started = await house.luthien("serve")
        assert started.code == 2
        assert "cannot be used" in started.err
        assert "line 2, column 5: commands, entry 1 names delet" in started.err.replace("`", "")
        told = await house.luthien("doctor", "--json")
        found = {f["name"]: f for f in told.json["checks"]}
        assert found["Policy"]["ok"] is False
