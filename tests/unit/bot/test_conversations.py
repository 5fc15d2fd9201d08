"""What people type, click and fill in, and what they are answered: through real slack-bolt."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot import forms
from bot.answering import AGAIN, Answering
from bot.completion import Completion
from bot.desk import Desk
from bot.explaining import Explaining
from bot.grammar import Wish
from bot.hearing import Hearing
from bot.home import Home
from bot.identity import Identity, SlackDirectory
from bot.listeners import listen
from bot.live import Live
from bot.narrator import Narrator
from bot.rooms import Rooms
from bot.rush import Rush
from bot.scrub import Scrubber
from bot.telling import Stage
from bot.topics import Topics
from bot.voice import Voice
from engine.actor import Door, Origin
from engine.control_plane import Request
from engine.errors import AlreadyExists, NotFound, Rejected, Unreachable
from engine.peers import NoPeers
from engine.roles import Somebody
from engine.run import RunStatus, StepStatus
from engine.secrets import SealKeys, generate_key, parse_keys
from engine.throttle import Throttle
from tests.canaries import MARK
from tests.unit.bot.fake_slack import FakeSlack
from tests.unit.bot.fakes import (
    ADA,
    REGISTRY,
    Create,
    FakeClock,
    FakeControl,
    MemoryNotices,
    MemoryTold,
    settle,
)
from tests.unit.people import MemoryDirectory, some_people

URL = "https://hooks.slack.example/commands/T1/1/secret"
LOG = logging.getLogger("tests.bot.conversations")


async def everybody(**_: Any) -> AuthorizeResult:
    return AuthorizeResult(
        enterprise_id=None, team_id="T1", bot_user_id="U0BOT", bot_id="B1", bot_token="xoxb-x"
    )


@dataclass
class Said:
    """How one delivery was acknowledged."""

    status: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        return str(self.body.get("text", ""))


@dataclass
class Workspace:
    """A workspace with one bot in it. ada is admin, ben deployer, everybody else viewer."""

    admins: frozenset[str] = frozenset({"U0ADA"})
    channel: str | None = "C0OPS"
    views: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    homes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    files: list[tuple[str, str, str]] = field(default_factory=list)
    files_refused: str = ""
    throttle: Throttle | None = None
    keys: SealKeys = field(default_factory=lambda: parse_keys(generate_key()))

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.slack = FakeSlack(self.clock)
        admins = {f"slack:{user}" for user in self.admins}
        self.control = FakeControl(self.clock, some_people(admins=admins))
        self._numbers = itertools.count(1)
        self.open()

    def open(self) -> None:
        voice = Voice(self.slack, self.clock, LOG, self.slack.hook)
        identity = Identity(self.control.people)
        told = MemoryTold(self.control)
        scrubber = Scrubber()
        stage = Stage(
            self.control, told, voice, self.clock, LOG, self.channel, MemoryNotices(self.clock)
        )
        self.narrator = Narrator(stage, scrubber)
        live = Live(self.control, voice, self.clock, LOG, NoPeers())
        answering = Answering(
            self.control,
            voice,
            self.narrator,
            live=live,
            send_file=self._send_file,
            clock=self.clock,
            log=LOG,
            scrubber=scrubber,
            bot_name=lambda: "luthien",
        )
        self.desk = Desk(
            self.control,
            identity,
            Rooms(voice, self.clock, lambda: "luthien"),
            answering,
            open_form=self._open_form,
            update_form=self._update_form,
            log=LOG,
            default_channel=self.channel,
            bot_name=lambda: "luthien",
            keys=self.keys,
        )
        self.app = AsyncApp(
            client=AsyncWebClient(token="xoxb-x"),
            authorize=everybody,
            process_before_response=True,
            logger=LOG,
        )
        completion = Completion(self.control, identity, self.clock, LOG)
        home = self.home = Home(self.control, identity, self._publish, self.clock, LOG)
        topics = Topics(self.control, told, voice)
        hearing = Hearing(self.desk, REGISTRY, topics, me=lambda: "U0BOT")
        self.directory = SlackDirectory(voice, self.clock, LOG)
        explaining = Explaining(self.desk, topics)
        listen(
            self.app,
            self.desk,
            hearing,
            explaining,
            live,
            REGISTRY,
            completion,
            home,
            self.directory,
            Rush(REGISTRY, self.throttle),
        )

    async def _open_form(self, trigger: str, view: dict[str, Any]) -> str:
        if trigger == "expired":
            raise Unreachable("expired", vendor="slack", call="views.open")
        self.views.append((trigger, view))
        return f"V{len(self.views)}"

    async def _update_form(self, view_id: str, view: dict[str, Any]) -> None:
        self.views.append((view_id, view))

    async def _send_file(self, user: str, name: str, text: str) -> None:
        if self.files_refused:
            raise Rejected("no", vendor="slack", call="files", why=self.files_refused)
        self.files.append((user, name, text))

    async def _publish(self, user: str, view: dict[str, Any]) -> None:
        self.homes.append((user, view))

    async def send(self, body: dict[str, Any]) -> Said:
        response = await self.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        await self.clock.advance(0.01)  # the work comes after the acknowledgement
        is_json = response.body.startswith("{")
        body = json.loads(response.body) if is_json else {"text": response.body}
        return Said(response.status, body)

    async def type(
        self,
        text: str,
        user: str = "U0ADA",
        channel: str = "C0OPS",
        trigger: str = "",
        reply: str = URL,
    ) -> Said:
        return await self.send(
            {
                "command": "/luthien",
                "text": text,
                "user_id": user,
                "user_name": user.removeprefix("U0").lower(),
                "channel_id": channel,
                "team_id": "T1",
                "response_url": reply,
                "trigger_id": trigger or f"t{next(self._numbers)}",
            }
        )

    async def click(
        self, action: str, value: str = "", user: str = "U0ADA", *, private: bool = False
    ) -> Said:
        return await self.send(
            {
                "type": "block_actions",
                "user": {"id": user, "username": "somebody"},
                "team": {"id": "T1"},
                "container": {"type": "message", "channel_id": "C0OPS", "is_ephemeral": private},
                "channel": {"id": "C0OPS"},
                "response_url": URL,
                "trigger_id": f"t{next(self._numbers)}",
                "actions": [{"type": "button", "action_id": action, "value": value}],
            }
        )

    async def submit(self, view: dict[str, Any], **values: dict[str, Any]) -> Said:
        state = {block: {"value": value} for block, value in values.items()}
        return await self.send(
            {
                "type": "view_submission",
                "user": {"id": "U0ADA", "username": "ada"},
                "team": {"id": "T1"},
                "trigger_id": f"t{next(self._numbers)}",
                "view": {**view, "id": "V1", "state": {"values": state}},
            }
        )

    async def event(self, event_id: str = "Ev1", **event: Any) -> Said:
        return await self.send(
            {"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}
        )

    @property
    def heard(self) -> list[str]:
        """What came by response_url."""
        return [str(hook.get("text", "(withdrawn)")) for hook in self.slack.hooks]

    @property
    def last(self) -> dict[str, Any]:
        return self.slack.hooks[-1]

    def labels(self, message: dict[str, Any]) -> dict[str, str]:
        """Button label → what it does."""
        return {
            e["text"]["text"]: e.get("value") or e.get("url", "")
            for b in message.get("blocks", [])
            if b["type"] == "actions"
            for e in b["elements"]
        }


async def test_a_question_is_acknowledged_and_answered_privately() -> None:
    slack = Workspace()
    said = await slack.type("list")
    assert (said.status, said.text) == (200, "")
    assert slack.last["response_type"] == "ephemeral"
    assert slack.last["text"].startswith("2 instances")
    assert slack.labels(slack.last) == {"Status of acme": "status acme", "Share here": "list"}
    assert not slack.slack.messages


async def test_who_asks_too_often_is_told_when_to_ask_again_and_nobody_else_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Typed, clicked, submitted and spoken count together; nothing of it is kept, and each is
    in the log."""
    caplog.set_level(logging.INFO, "luthien")
    now = [0.0]
    mine = Throttle(per_second=2, burst=3, monotonic=lambda: now[0], mend="You can wait.")
    slack = Workspace(throttle=mine)
    for _ in range(3):
        assert "too often" not in (await slack.type("look")).text
    asked = len(slack.control.accepted)
    caplog.clear()
    said = await slack.type("create acme")
    assert "You ask too often" in said.text
    assert "Next: Ask again in 0.5 s" in said.text
    assert "You can wait." in said.text
    assert said.body["response_type"] == "ephemeral"
    await slack.click("do:0", "create acme")
    assert "You ask too often" in slack.heard[-1]
    await slack.event(type="app_mention", user="U0ADA", channel="C0OPS", text="<@U0BOT> create")
    assert any("too often" in str(call) for call in slack.slack.calls)
    form = {"callback_id": "command", "private_metadata": '{"command": "create"}'}
    fields = [{"type": "input", "block_id": "instance"}]
    kept = await slack.submit({**form, "type": "modal", "blocks": fields})
    assert kept.body["response_action"] == "errors"
    assert "0.5 s" in kept.body["errors"]["instance"]
    assert len(slack.control.accepted) == asked
    refused = [line.fields for line in caplog.records if line.msg == "command refused"]  # type: ignore[attr-defined]
    assert [line["code"] for line in refused] == ["too_many_requests"] * 4
    assert {line["actor"] for line in refused} == {"slack:U0ADA"}
    assert "too often" not in (await slack.type("look", user="U0BEN")).text
    now[0] += 0.5
    assert "too often" not in (await slack.type("look")).text


async def test_it_is_durable_before_it_is_acknowledged_and_done_after() -> None:
    slack = Workspace()
    slack.control.slow.clear()
    said = await slack.type("create acme", trigger="t-77")
    assert said.status == 200
    request = slack.control.accepted["t-77"]
    assert request.command == Create(instance="acme")
    assert request.origin == Origin(door=Door.SLACK, channel="C0OPS")
    assert request.reply == URL
    assert URL not in request.prompt
    assert not slack.control.views


async def test_a_wish_that_our_database_broke_off_is_looked_at_again() -> None:
    slack = Workspace()
    slack.control.broken = [OSError("disk full"), OSError("still full")]
    await slack.type("list")
    assert not slack.control.handled
    await slack.clock.advance(AGAIN.total_seconds())
    await slack.clock.advance(AGAIN.total_seconds())
    assert [text.split(":")[0] for text in slack.heard].count(slack.heard[0].split(":")[0]) == 1
    assert slack.last["text"].startswith("2 instances")
    await slack.clock.advance(AGAIN.total_seconds())
    assert len(slack.control.questions) == 1


async def test_a_second_delivery_starts_nothing() -> None:
    slack = Workspace()
    for _ in range(3):
        assert (await slack.type("create acme", trigger="same")).status == 200
    assert len(slack.control.views) == 1
    assert len([m for m in slack.slack.messages if "thread_ts" not in m]) == 1


async def test_whoever_waits_longer_than_a_moment_gets_a_sign() -> None:
    slack = Workspace()
    slack.control.slow.clear()
    await slack.type("list")
    await slack.clock.advance(0.6)
    assert slack.heard == []
    await slack.clock.advance(0.3)
    assert slack.heard == ["⏳ `/luthien list` takes a moment; the answer comes by itself."]
    await slack.clock.advance(60)
    assert len(slack.heard) == 2, "the answer needs the address too, and they stay"
    assert "takes longer than usual (15 s so far)" in slack.heard[1]
    slack.control.slow.set()
    await settle()
    assert slack.heard[2].startswith("2 instances")


async def test_after_a_click_neither_the_sign_nor_what_was_clicked_stays() -> None:
    slack = Workspace()
    slack.control.slow.clear()
    await slack.click("do:list", "list", private=True)
    await slack.clock.advance(1)
    assert slack.last["replace_original"]
    slack.control.fail_with = NotFound("It is gone.")
    slack.control.slow.set()
    await settle()
    assert slack.last["replace_original"], "a refusal too"
    assert "It is gone." in slack.last["text"]


async def test_nothing_is_offered_that_one_may_not_do() -> None:
    slack = Workspace()
    await slack.type("run r-offers", user="U0BEN")
    assert slack.labels(slack.last) == {
        "Cancel": "cancel r-1",
        "List": "list",
        "Console": "https://railway.example",
        "Share here": "run r-offers",
    }
    await slack.type("run r-offers", user="U0CLEO")
    assert "Cancel" not in slack.labels(slack.last)
    assert {"List", "Console"} <= set(slack.labels(slack.last))
    said = await slack.type("crate acme", user="U0CLEO")
    assert "create" not in said.text
    said = await slack.type("lst", user="U0CLEO")
    assert "Did you mean `list`" in said.text


async def test_a_change_speaks_in_the_channel() -> None:
    slack = Workspace()
    await slack.type("create acme")
    assert slack.heard == []
    assert "Create instance acme" in slack.slack.root["text"]


async def test_a_refusal_names_who_can_help() -> None:
    slack = Workspace()
    await slack.type("create acme", user="U0CLEO")
    assert "<@U0ADA> or <@U0BEN> can do this" in slack.heard[0]
    assert not slack.control.views


async def test_while_nobody_is_admin_the_exact_setting_is_shown() -> None:
    slack = Workspace(admins=frozenset())
    await slack.type("create acme", user="U0CLEO")
    assert "`LUTHIEN_ADMINS=U0CLEO`" in slack.heard[0]


async def test_an_unknown_word_is_answered_with_the_nearest_as_a_button() -> None:
    slack = Workspace()
    said = await slack.type("crate acme --keep")
    assert said.body["response_type"] == "ephemeral"
    assert "Did you mean `create`" in said.text
    assert slack.labels(said.body) == {"/luthien create acme --keep": "create acme --keep"}
    await slack.click("do:create", "create acme --keep", private=True)
    assert slack.control.views
    assert slack.last["delete_original"]


async def test_bad_input_can_be_corrected_in_a_form() -> None:
    slack = Workspace()
    said = await slack.type("create Acme!")
    assert slack.labels(said.body)["Correct it in a form"] == "create Acme!"
    await slack.click("form", "create Acme!")
    [(_, view)] = slack.views
    assert "Acme!" in json.dumps(view)


async def test_missing_arguments_open_a_form_with_reasons_beside_the_fields() -> None:
    slack = Workspace()
    said = await slack.type("create --size large")
    assert (said.status, said.text) == (200, "")
    [(_, view)] = slack.views
    assert URL not in json.dumps(view)

    wrong = await slack.submit(view, instance={"value": "Acme!"})
    assert wrong.body["response_action"] == "errors"
    assert list(wrong.body["errors"]) == ["instance"]
    assert not slack.control.accepted

    right = await slack.submit(view, instance={"value": "acme"})
    assert (right.status, right.body) == (200, {"text": ""})
    [request] = slack.control.accepted.values()
    assert request.command == Create(instance="acme")
    assert request.reply == URL


async def test_a_form_is_not_shown_to_who_may_not_submit_it() -> None:
    slack = Workspace()
    said = await slack.type("create", user="U0CLEO")
    assert "needs the role deployer" in said.text
    assert not slack.views


async def test_a_form_that_slack_does_not_open_is_offered_again() -> None:
    slack = Workspace()
    await slack.type("create", trigger="expired")
    assert slack.labels(slack.last) == {"Open the form": "create"}


async def test_where_the_bot_cannot_post_nothing_starts() -> None:
    slack = Workspace()
    slack.slack.outsider_in.add("C0GEN")
    said = await slack.type("create acme", channel="C0GEN")
    assert "`/invite @luthien`" in said.text
    assert slack.labels(said.body) == {"Try again": "create acme"}
    assert not slack.control.accepted

    slack.slack.outsider_in.clear()
    await slack.type("create acme", channel="C0GEN")
    assert slack.control.views, "a missing membership is not remembered"


async def test_questions_are_answered_where_the_bot_is_no_member() -> None:
    slack = Workspace()
    slack.slack.outsider_in.add("C0GEN")
    await slack.type("list", channel="C0GEN")
    assert slack.heard[0].startswith("2 instances")


async def test_a_plan_changes_nothing_and_needs_no_membership() -> None:
    slack = Workspace()
    slack.slack.outsider_in.add("C0GEN")
    await slack.type("create acme —plan", channel="C0GEN")
    assert slack.heard == ["Plan of create acme"]
    assert slack.labels(slack.last) == {"Share here": "create acme --plan"}


async def test_share_here_shows_the_answer_to_everybody() -> None:
    slack = Workspace()
    await slack.click("share", "list", private=True)
    shared, withdrawn = slack.slack.hooks
    assert shared["response_type"] == "in_channel"
    assert "Shared by <@U0ADA>" in json.dumps(shared["blocks"])
    assert withdrawn["delete_original"]


async def test_an_answer_whose_blocks_are_refused_comes_in_plain_ones() -> None:
    slack = Workspace()
    slack.slack.plain = True
    await slack.type("list")
    assert {block["type"] for block in slack.last["blocks"]} <= {"section", "rich_text", "actions"}
    assert len(slack.slack.hooks) == 1


async def test_credentials_never_become_a_lasting_message() -> None:
    slack = Workspace()
    await slack.type("credentials acme", channel="D0ADA", reply=f"{URL}/expired")
    await slack.type("list", channel="D0ADA", reply=f"{URL}/expired")
    await slack.clock.advance(2)
    [whisper] = slack.slack.whispers
    assert (whisper["channel"], whisper["text"].split("\n")[0]) == ("D0ADA", "Credentials of acme")
    [message] = slack.slack.messages
    assert message["text"].startswith("2 instances")


async def test_credentials_are_never_shared() -> None:
    slack = Workspace()
    await slack.click("share", "credentials acme", private=True)
    assert slack.last["response_type"] == "ephemeral"


async def test_a_click_in_a_private_message_is_answered_in_its_place() -> None:
    slack = Workspace()
    await slack.click("do:credentials", "credentials acme --forget", private=True)
    assert slack.last["replace_original"] is True
    await slack.click("do:status", "status acme")
    assert slack.last["replace_original"] is False


async def test_the_rights_of_who_clicks_count() -> None:
    slack = Workspace()
    await slack.click("do:create", "create acme", user="U0CLEO")
    assert not slack.control.views
    assert "🔒" in slack.heard[0]


async def test_what_the_world_refuses_says_what_and_what_next() -> None:
    slack = Workspace()
    slack.control.fail_with = AlreadyExists(
        "`acme` exists.", next_step="/luthien status acme", link="https://railway.example"
    )
    await slack.type("create acme")
    assert "`acme` exists." in slack.heard[0]
    assert slack.labels(slack.last) == {
        "/luthien status acme": "status acme",
        "Open it": "https://railway.example",
    }


async def test_a_bug_gives_the_person_a_number_and_the_log_the_reason(caplog: Any) -> None:
    slack = Workspace()
    slack.control.fail_with = RuntimeError("token xoxb-1-very-secret")
    await slack.type("list")
    [said] = slack.heard
    number = said.partition("Incident `")[2][:8]
    assert number in caplog.text
    assert "RuntimeError" in caplog.text
    assert "very-secret" not in caplog.text + said


async def test_what_could_not_be_made_durable_is_not_acknowledged() -> None:
    slack = Workspace()

    async def broken(request: Request) -> bool:
        raise OSError("disk full")

    slack.control.accept = broken  # type: ignore[method-assign]
    said = await slack.type("create acme")
    assert said.status == 500
    assert "went wrong on our side" in slack.heard[0]


async def test_without_a_response_url_an_answer_is_whispered_in_the_channel() -> None:
    slack = Workspace()
    await slack.event(type="app_mention", user="U0CLEO", channel="C0OPS", text="<@U0BOT> hi")
    [whisper] = slack.slack.whispers
    assert (whisper["user"], whisper["text"]) == ("U0CLEO", "What you can do here\nType `create`.")
    await slack.event(type="app_mention", user="U0CLEO", channel="C0OPS", text="<@U0BOT> hi")
    assert len(slack.slack.whispers) == 1, "the same event"


async def test_a_direct_message_is_answered_with_help() -> None:
    slack = Workspace()
    message = {"type": "message", "channel_type": "im", "channel": "D0ADA", "text": "hi"}
    await slack.event(user="U0ADA", **message)
    assert slack.slack.root["text"].startswith("What you can do here")
    await slack.event("Ev2", user="U0BOT2", bot_id="B2", **message)
    await slack.event("Ev3", user="U0ADA", subtype="message_changed", **message)
    assert len(slack.slack.messages) == 1


def a_mention(text: str, **fields: Any) -> dict[str, Any]:
    said = {"type": "app_mention", "user": "U0ADA", "channel": "C0OPS", "ts": "1.1"}
    return said | {"text": f"<@U0BOT> {text}"} | fields


async def test_a_question_in_plain_words_is_answered_at_once_and_says_how_it_was_read() -> None:
    slack = Workspace()
    await slack.event(**a_mention("what&#39;s wrong with acme?", thread_ts="1.0"))
    [whisper] = slack.slack.whispers
    assert whisper["text"].startswith("I understood `status acme`.\nacme is running")
    assert (whisper["user"], whisper["thread_ts"]) == ("U0ADA", "1.0")


async def test_a_change_in_plain_words_waits_for_a_click() -> None:
    slack = Workspace()
    await slack.event(**a_mention("please create acme"))
    [whisper] = slack.slack.whispers
    assert slack.control.views == {}
    assert slack.labels(whisper) == {
        "Yes, do it": "create acme",
        "Show the plan first": "create acme --plan",
    }
    await slack.click("once:create", "create acme", private=True)
    assert [v.line for v in slack.control.views.values()] == ["create acme"]
    assert slack.last["delete_original"], "it can be clicked once"


@pytest.mark.parametrize("said", ["don’t create acme", "should we create acme?", "create acme?"])
async def test_doubt_is_answered_with_help_and_no_button_that_changes(said: str) -> None:
    slack = Workspace()
    await slack.event(**a_mention(said))
    [whisper] = slack.slack.whispers
    assert "so I begin nothing. I understood `help create`." in whisper["text"]
    assert slack.control.views == {}
    assert "create acme" not in slack.labels(whisper).values()


async def test_a_mention_in_a_runs_thread_is_about_that_run() -> None:
    slack = Workspace()
    await slack.type("create acme")
    root = slack.slack.root["ts"]
    await slack.event(**a_mention("status", thread_ts=root))
    assert slack.slack.whispers[-1]["text"].startswith("I understood `status acme`.")
    await slack.event("Ev2", **a_mention("stop", thread_ts=root))
    assert slack.labels(slack.slack.whispers[-1]) == {"Yes, do it": "cancel r-1"}


async def test_a_mention_in_another_thread_of_ours_is_about_what_its_buttons_are() -> None:
    slack = Workspace()
    offered = {"type": "button", "action_id": "do:status", "value": "status beta"}
    slack.slack.messages.append(
        {"channel": "C0OPS", "ts": "5.0", "blocks": [{"type": "actions", "elements": [offered]}]}
    )
    await slack.event(**a_mention("how is it doing?", thread_ts="5.0"))
    assert slack.slack.whispers[-1]["text"].startswith("I understood `status beta`.")


async def test_outside_of_a_thread_it_is_asked_about_what() -> None:
    slack = Workspace()
    await slack.event(**a_mention("status"))
    [whisper] = slack.slack.whispers
    assert "but not about what" in whisper["text"]
    assert slack.labels(whisper) == {"Open the form": "status"}


async def test_what_is_not_understood_is_answered_with_what_may_be_meant() -> None:
    slack = Workspace()
    await slack.event(**a_mention("crate acme somehow", user="U0CLEO"))
    [whisper] = slack.slack.whispers
    assert whisper["text"].startswith("I did not understand “crate acme somehow”")
    assert slack.labels(whisper) == {"/luthien list": "list", "/luthien help": "help"}


async def test_who_may_not_do_it_gets_no_button_for_it() -> None:
    slack = Workspace()
    await slack.event(**a_mention("create acme", user="U0CLEO"))
    [whisper] = slack.slack.whispers
    assert "needs the role deployer" in whisper["text"]
    assert "create acme" not in slack.labels(whisper).values()


async def test_a_click_in_a_direct_message_takes_its_buttons_away() -> None:
    slack = Workspace()
    message = {"type": "message", "channel_type": "im", "channel": "D0ADA", "user": "U0ADA"}
    await slack.event(**message, text="create acme")
    assert slack.labels(slack.slack.root)["Yes, do it"] == "create acme"
    await slack.click("once:create", "create acme")
    assert slack.last["delete_original"]


def what_happened(message: dict[str, Any], user: str = "U0CLEO") -> dict[str, Any]:
    return {
        "type": "message_action",
        "callback_id": "explain",
        "user": {"id": user, "username": "somebody"},
        "team": {"id": "T1"},
        "channel": {"id": "C0OPS"},
        "message": message,
        "message_ts": message["ts"],
        "response_url": URL,
        "trigger_id": f"explain-{message['ts']}",
    }


async def test_what_happened_here_is_answered_for_every_message_of_a_run() -> None:
    slack = Workspace()
    await slack.type("create acme")
    root = slack.slack.root["ts"]
    await slack.send(what_happened({"ts": root}))
    assert slack.last["text"] == "r-1 in full"
    assert (slack.last["response_type"], "thread_ts" in slack.last) == ("ephemeral", False)
    await slack.send(what_happened({"ts": "7.7", "thread_ts": root}))
    assert (slack.last["text"], slack.last["thread_ts"]) == ("r-1 in full", root)


async def test_what_happened_here_knows_an_instance_by_its_buttons() -> None:
    slack = Workspace()
    button = {"type": "button", "action_id": "do:status", "value": "status beta"}
    blocks = [{"type": "actions", "elements": [button]}]
    await slack.send(what_happened({"ts": "5.0", "blocks": blocks}))
    assert slack.last["text"].startswith("beta is running")


async def test_what_happened_on_another_message_says_what_can_be_explained() -> None:
    slack = Workspace()
    await slack.send(what_happened({"ts": "5.0", "text": "lunch?"}))
    assert "no run and no instance that I know" in slack.last["text"]


async def test_a_long_text_is_a_file_in_the_direct_conversation() -> None:
    slack = Workspace()
    await slack.type("run r-long")
    [(user, name, text)] = slack.files
    assert (user, name) == ("U0ADA", "run-r-long.txt")
    assert text.endswith("line 999")
    assert slack.last["text"].startswith("📎 These are its last lines; all of it is a file")
    slack.files_refused = "missing_scope"
    await slack.type("run r-long")
    assert "Slack did not take the rest as a file (missing_scope)" in slack.last["text"]


async def test_an_answer_that_goes_on_is_shown_in_a_thread() -> None:
    slack = Workspace()
    await slack.type("run r-live")
    await slack.clock.advance(2)
    assert slack.slack.root["text"].startswith("📜 Log, live for 10 s.")
    assert slack.slack.thread() == ["first"]
    assert slack.slack.hooks == [], "nothing besides"
    [stop] = [b["elements"][0] for b in slack.slack.root["blocks"] if b["type"] == "actions"]
    await slack.send(
        {
            "type": "block_actions",
            "user": {"id": "U0BEN", "username": "ben"},
            "team": {"id": "T1"},
            "container": {"type": "message", "message_ts": slack.slack.root["ts"]},
            "channel": {"id": "C0OPS"},
            "message": slack.slack.root,
            "response_url": URL,
            "trigger_id": "t-stop",
            "actions": [{"type": "button", **stop}],
        }
    )
    assert "Ended: stopped by <@U0BEN>" in slack.slack.root["text"]


async def test_what_goes_on_is_shown_once_where_the_bot_may_not_post() -> None:
    slack = Workspace()
    slack.slack.outsider_in.add("C0OPS")
    await slack.type("run r-live")
    assert slack.last["text"].startswith("I cannot post in <#C0OPS>")
    assert "/invite @luthien" in slack.last["text"]


def completing(kind: str, typed: str, **filled: str) -> dict[str, Any]:
    values = {
        block: {f"complete:{block}": {"selected_option": {"value": value}}}
        for block, value in filled.items()
    }
    return {
        "type": "block_suggestion",
        "user": {"id": "U0ADA"},
        "team": {"id": "T1"},
        "action_id": f"complete:{kind}",
        "block_id": kind,
        "value": typed,
        "view": {"id": "V1", "state": {"values": values}},
    }


def texts(said: Said) -> list[tuple[str, str]]:
    return [(o["value"], o.get("description", {}).get("text", "")) for o in said.body["options"]]


async def test_fields_are_completed() -> None:
    slack = Workspace()
    said = await slack.send(completing("instance", "ac"))
    assert texts(said) == [("acme", "running"), ("ac", "")]
    said = await slack.send(completing("instance", "fail"))
    assert texts(said)[0] == ("beta", "failed"), "by its meaning too"
    said = await slack.send(completing("command", "li"))
    assert texts(said) == [("list", "List them"), ("li", "")]


async def test_a_field_is_completed_by_what_stands_in_the_others() -> None:
    slack = Workspace()
    said = await slack.send(completing("service", "", instance="acme"))
    assert texts(said) == [("gateway-of-acme", "running")]
    said = await slack.send(completing("service", "", instance="beta"))
    assert texts(said) == [("gateway-of-beta", "running")]


async def test_an_id_stands_below_what_it_means() -> None:
    slack = Workspace()
    said = await slack.send(completing("deployment", "0c0", instance="acme"))
    assert said.body["options"][0]["text"]["text"] == "0c0da23 · 3 h ago"
    assert said.body["options"][0]["description"]["text"] == "d" * 36


async def test_what_cannot_be_completed_can_be_typed() -> None:
    slack = Workspace()
    said = await slack.send(completing("moon", "full"))
    assert texts(said) == [("full", "")]
    assert (await slack.send(completing("moon", ""))).body["options"] == []


async def test_choices_are_asked_for_once_while_somebody_types() -> None:
    slack = Workspace()
    for typed in ("", "a", "ac", "acm"):
        await slack.send(completing("instance", typed))
    assert [q.line() for q in slack.control.questions] == ["complete instance"]
    await slack.clock.advance(20)
    await slack.send(completing("instance", ""))
    assert len(slack.control.questions) == 2


async def test_the_home_shows_what_one_may_do_what_runs_and_the_instances() -> None:
    slack = Workspace()
    await slack.type("create acme")
    slack.control.start("r-1")
    await slack.event(type="app_home_opened", user="U0ADA", tab="home", channel="D0ADA")
    [(user, view)] = slack.homes
    shown = json.dumps(view)
    assert user == "U0ADA"
    assert "Create instance acme" in shown
    assert slack.labels(view)["Create an instance"] == "create"
    assert slack.labels(view)["Cancel"] == "cancel r-1"
    assert "*acme*" in shown
    await slack.event("Ev2", type="app_home_opened", user="U0CLEO", tab="home", channel="D1")
    assert slack.labels(slack.homes[1][1]) == {"Instances": "list", "Help": "help"}


async def test_an_open_home_is_drawn_anew_when_something_changes_and_not_too_often() -> None:
    slack = Workspace()
    slack.home.start()
    await slack.type("create acme")
    await slack.event(type="app_home_opened", user="U0ADA", tab="home", channel="D0ADA")
    await slack.clock.advance(5)
    slack.homes.clear()
    await slack.clock.advance(30)
    assert slack.homes == [], "nothing happened"
    slack.control.start("r-1")
    for key in ("project", "postgres", "redis"):
        slack.control.step("r-1", key, StepStatus.RUNNING)
    await slack.clock.advance(4)
    [(user, view)] = slack.homes
    assert user == "U0ADA"
    assert "(and 2 more)" in json.dumps(view)
    slack.control.end("r-1", RunStatus.SUCCEEDED)
    await slack.clock.advance(8)
    assert "Under way" not in json.dumps(slack.homes[-1][1])
    await slack.clock.advance(4_000)
    slack.homes.clear()
    await slack.type("create beta")
    await slack.clock.advance(10)
    assert slack.homes == [], "nobody has opened it for an hour"
    await slack.home.stop()


async def test_what_is_asked_in_the_home_is_answered_in_the_direct_conversation() -> None:
    slack = Workspace()
    click = {
        "type": "block_actions",
        "user": {"id": "U0ADA", "username": "ada"},
        "team": {"id": "T1"},
        "container": {"type": "view", "view_id": "V1"},
        "trigger_id": "t-home",
    }
    chosen = {"selected_option": {"value": "status acme"}}
    menu = {"type": "overflow", "action_id": "menu:acme", **chosen}
    await slack.send(click | {"actions": [menu]})
    assert slack.slack.root["channel"] == "U0ADA"
    assert slack.slack.root["text"].startswith("acme is running")
    button = {"type": "button", "action_id": "do:crate", "value": "crate"}
    await slack.send(click | {"trigger_id": "t-2", "actions": [button]})
    await slack.clock.advance(2)
    assert "There is no command `crate`" in slack.slack.messages[-1]["text"]
    secret = {"type": "button", "action_id": "do:credentials", "value": "credentials acme"}
    await slack.send(click | {"trigger_id": "t-3", "actions": [secret]})
    assert slack.slack.whispers[-1]["channel"] == "D0ADA", "there too, and it does not last"


async def test_a_shortcut_opens_the_form() -> None:
    slack = Workspace()
    body = {
        "type": "shortcut",
        "callback_id": f"{forms.CALLBACK}:create",
        "user": {"id": "U0ADA", "username": "ada"},
        "team": {"id": "T1"},
        "trigger_id": "t9",
    }
    assert (await slack.send(body)).status == 200
    [(trigger, view)] = slack.views
    assert trigger == "t9"
    await slack.submit(view, instance={"value": "acme"})
    assert slack.slack.root["channel"] == "C0OPS"


async def test_without_any_channel_a_change_is_not_started() -> None:
    slack = Workspace(channel=None)
    view = forms.view(Wish(Create), forms.Form("create"))
    await slack.submit(view, instance={"value": "acme"})
    assert not slack.control.accepted


async def test_whatever_comes_is_acknowledged() -> None:
    slack = Workspace()
    common = {"user": {"id": "U0ADA"}, "team": {"id": "T1"}, "trigger_id": "t1"}
    view = {"id": "V1", "type": "modal", "callback_id": "other", "state": {"values": {}}}
    for body in (
        {"command": "/other", "user_id": "U0ADA", "team_id": "T1", "trigger_id": "t1"},
        {"type": "block_actions", **common, "actions": [{"action_id": "open", "type": "button"}]},
        {"type": "view_submission", **common, "view": view},
        {"type": "view_closed", **common, "view": view},
        {"type": "shortcut", **common, "callback_id": "other"},
        {"type": "block_suggestion", **common, "action_id": "other", "value": "", "view": view},
    ):
        assert (await slack.send(body)).status == 200, body
    for kind in ("reaction_added", "channel_rename", "message"):
        assert (await slack.event(f"Ev-{kind}", type=kind)).status == 200


async def test_what_was_accepted_before_a_crash_is_done_after_it() -> None:
    slack = Workspace()
    slack.control.slow.clear()
    await slack.type("create acme", trigger="t-1")
    await slack.desk.stop(grace=slack.control.credentials_window * 0)
    slack.control.slow.set()
    assert not slack.control.views

    slack.open()
    await slack.desk.resume()
    await settle()
    assert slack.control.handled == ["t-1"]
    assert slack.slack.root["text"].startswith("⏳ Create instance acme")


@pytest.mark.parametrize("line", ["list", "create acme --plan", "cancel r-9"])
async def test_an_answer_that_a_process_died_over_is_given_by_the_next(line: str) -> None:
    slack = Workspace()
    slack.slack.hooked.clear()
    await slack.type(line, trigger="t-1")
    await slack.clock.advance(20)  # signs of life do not get through, either
    await slack.desk.stop(grace=slack.control.credentials_window * 0)
    assert slack.control.handled == []
    assert slack.heard == []

    slack.slack.hooked.set()
    slack.open()
    await slack.desk.resume()
    await slack.clock.advance(20)
    assert slack.control.handled == ["t-1"]
    assert len(slack.heard) == 1, "no sign of life: the one before may have used up the way"


async def test_what_shows_that_it_is_being_done_is_replaced_by_whoever_goes_on() -> None:
    """A click's sign of life takes the place of what was clicked; so must a refusal after it."""
    slack = Workspace()
    slack.control.slow.clear()
    await slack.click("do:0", "credentials acme", private=True)
    await slack.clock.advance(1)
    assert slack.last["replace_original"]
    await slack.desk.stop(grace=slack.control.credentials_window * 0)
    slack.control.slow.set()
    slack.control.fail_with = NotFound("There is no instance `acme`.")
    slack.open()
    await slack.desk.resume()
    await slack.clock.advance(0)
    assert "There is no instance" in slack.last["text"]
    assert slack.last["replace_original"]


async def test_a_form_is_answered_privately_whichever_process_takes_it() -> None:
    slack = Workspace()
    await slack.type("create")
    [(_, view)] = slack.views
    assert URL not in json.dumps(view)
    slack.open()
    await slack.submit(view, instance={"value": "acme"})
    [request] = slack.control.accepted.values()
    assert request.reply == URL


@pytest.mark.parametrize("how", ["another's", "made up", "of a forgotten key"])
async def test_a_form_s_way_to_answer_is_of_no_use_to_anybody_else(how: str) -> None:
    slack = Workspace()
    await slack.type("create", user="U0BEN" if how == "another's" else "U0ADA")
    [(_, view)] = slack.views
    if how == "made up":
        said = json.loads(view["private_metadata"]) | {"r": "aHR0cHM6Ly9ldmlsLmV4YW1wbGU="}
        view["private_metadata"] = json.dumps(said)
    if how == "of a forgotten key":
        slack.keys.become(generate_key())
    await slack.submit(view, instance={"value": "acme"})
    [request] = slack.control.accepted.values()
    assert request.reply == ""


async def test_requests_of_other_doors_are_left_to_them() -> None:
    slack = Workspace()
    actor = ADA.model_copy(update={"door": Door.API})
    request = Request("d1", actor, Create(instance="acme"), Origin(door=Door.API))
    await slack.control.accept(request)
    await slack.desk.resume()
    await settle()
    assert not slack.control.handled


async def test_a_person_is_known_by_name_the_second_time() -> None:
    slack = Workspace()
    ada = Somebody("slack:U0ADA", "Ada Lindqvist")
    slack.control.people.directory = MemoryDirectory((ada,))
    await slack.type("list")
    await slack.type("list", trigger="t-2")
    assert slack.control.accepted["t-2"].actor.name == "Ada Lindqvist"


async def test_a_run_that_ends_while_nobody_looks_is_over() -> None:
    slack = Workspace()
    await slack.type("create acme")
    slack.control.start("r-1")
    slack.control.end("r-1", RunStatus.CANCELLED, cancelled_by="ada")
    await slack.clock.advance(5)
    assert "Stopped by ada" in slack.slack.root["text"]
    assert not [t for t in asyncio.all_tasks() if t.get_name() == "telling r-1"]


# -- forms that commands draw themselves, and secrets --------------------------------------------


async def test_a_dialog_opens_at_once_and_is_filled_in_when_it_is_known() -> None:
    slack = Workspace()
    said = await slack.type("settings acme")
    assert (said.status, said.text) == (200, "")
    [(_, waiting), (view_id, view)] = slack.views
    assert view_id == "V1"
    assert "Reading what is set now" in json.dumps(waiting)
    assert "never shown" not in json.dumps(view)
    wrong = await slack.submit(view, LEVEL={"value": "wrong"})
    assert wrong.body == {"response_action": "errors", "errors": {"LEVEL": "Should be right"}}
    nothing = await slack.submit(view, LEVEL={"value": "info"}, API_KEY={"value": None})
    assert list(nothing.body["errors"]) == ["LEVEL"]
    await slack.submit(view, LEVEL={"value": "info"}, API_KEY={"value": f"sk-{MARK}-new"})
    [request] = slack.control.accepted.values()
    assert request.command.secrets() == {"API_KEY": f"sk-{MARK}-new"}
    assert request.reply == URL


async def test_a_dialog_that_cannot_be_filled_in_says_why() -> None:
    slack = Workspace()
    await slack.type("settings gone")
    assert "There is no instance `gone`." in json.dumps(slack.views[-1][1])
    assert "submit" not in slack.views[-1][1]


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("settings acme API_KEY=hidden-value", "settings acme"),
        ("setings acme API_KEY=hidden-value", None),
        ('create acme --repo "sk-ant-canary-4f7d2k9m-value-1', None),
        ("settings acme FOO=sk-ant-canary-4f7d2k9m-value", "settings acme"),
    ],
)
async def test_a_secret_that_is_typed_is_not_taken(
    typed: str, form: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    slack = Workspace()
    said = await slack.type(typed)
    assert "typed in the open" in said.text
    assert "revoke it" in said.text
    assert "hidden-value" not in json.dumps(said.body) + caplog.text
    assert not slack.control.accepted
    labels = slack.labels(said.body)
    assert labels.get("Enter it in the form") == form


async def test_a_secret_in_a_mention_is_to_be_deleted_as_well() -> None:
    slack = Workspace()
    text = "<@U0BOT> settings acme API_KEY=hidden-value"
    await slack.event(type="app_mention", user="U0ADA", channel="C0OPS", text=text, ts="1.1")
    await slack.clock.advance(0.1)
    shown = json.dumps(slack.slack.__dict__, default=str)
    assert "Delete your message, too" in shown
    assert "hidden-value" not in shown
    assert not slack.control.accepted


@pytest.mark.parametrize(
    "text",
    ["." * 39_998 + "x", "x" * 900_000, "<@U1|" * 50_000, "&#" + "9" * 5_000, '" ' * 40_000],
)
async def test_what_is_longer_than_anybody_means_is_answered_and_not_understood(text: str) -> None:
    slack = Workspace()
    typed = await slack.type(text)
    assert "longer than a command line may be" in typed.text
    await slack.event(type="message", channel_type="im", user="U0ADA", channel="D1", text=text)
    said = slack.slack.messages[-1]["text"]
    assert "longer than a command line may be" in said
    assert "/luthien help" in said
    assert text[:60] not in said + typed.text
    await slack.click("form", text)
    assert "longer than a command line may be" in slack.heard[-1]
    assert not slack.control.accepted


async def test_a_message_that_is_no_sentence_is_answered_with_help() -> None:
    slack = Workspace()
    text = "<@U0BOT> create acme " + "please " * 80
    await slack.event(type="message", channel_type="im", user="U0ADA", channel="D1", text=text)
    assert "longer than a sentence" in slack.slack.messages[-1]["text"]
    text = f"my key is API_KEY={MARK}0123456789 " + "please " * 80
    secret = {"type": "message", "channel_type": "im", "user": "U0ADA", "channel": "D1"}
    await slack.event("Ev2", **secret, text=text)
    await slack.clock.advance(2)
    assert "may be a secret" in slack.slack.messages[-1]["text"], "said all the same"
    assert not slack.control.accepted


async def test_what_is_no_text_is_refused() -> None:
    slack = Workspace()
    said = await slack.type("create ac\x00me")
    assert "holds a character that is no text (U+0000)" in said.text
    assert not slack.control.accepted
