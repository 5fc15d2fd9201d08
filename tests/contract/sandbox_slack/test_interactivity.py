"""response_urls, modals, App Home, menus with outside options, shortcuts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.sandbox_slack.block_samples import (
    actions,
    button,
    field,
    modal,
    plain,
    section,
    text_input,
)
from tests.contract.sandbox_slack.conftest import (
    ADA,
    GENERAL,
    OPS,
    Sandbox,
    error_of,
    running,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]
FORM = modal(
    field(text_input(action_id="name"), block_id="name", label=plain("Name")),
    field(
        {
            "type": "static_select",
            "action_id": "size",
            "options": [
                {"text": plain("Small"), "value": "s"},
                {"text": plain("Large"), "value": "l"},
            ],
        },
        block_id="size",
        label=plain("Size"),
        optional=True,
    ),
    submit=plain("Create"),
    callback_id="form",
    private_metadata="kept",
)


async def body_of_command(sandbox: Sandbox, channel: str = "#ops") -> Json:
    """The payload of a command, from the only app that is connected."""
    app = sandbox.app()
    got = asyncio.Queue[Json]()

    @app.command("/luthien")
    async def command(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body)

    await sandbox.disconnect()
    await sandbox.connect(app)
    await sandbox.control("command", user="ada", channel=channel, text="/luthien x")
    return await got.get()


async def body_of_click(sandbox: Sandbox, ts: str, channel: str = "#ops") -> Json:
    app = sandbox.app()
    got = asyncio.Queue[Json]()

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        await got.put(body)

    await sandbox.disconnect()
    await sandbox.connect(app)
    await sandbox.control("click", user="ada", channel=channel, ts=ts, action_id="go")
    return await got.get()


async def texts(sandbox: Sandbox, person: str = "ada", channel: str = "#ops") -> list[str]:
    return [m["text"] for m in await sandbox.messages(channel, **{"as": person})]


# -- response_url ---------------------------------------------------------------------------------


async def test_five_replies_and_no_more(sandbox: Sandbox) -> None:
    url = (await body_of_command(sandbox))["response_url"]
    for number in range(5):
        answer = await sandbox.http.post(url, json={"text": f"{number}"})
        assert (answer.status_code, answer.text) == (200, "ok")
    answer = await sandbox.http.post(url, json={"text": "6"})
    assert (answer.status_code, answer.json()["error"]) == (404, "used_url")
    assert await texts(sandbox) == ["0", "1", "2", "3", "4"]
    assert await texts(sandbox, "ben") == []


async def test_replies_for_half_an_hour(sandbox: Sandbox) -> None:
    await sandbox.settings(reply_url_seconds=0)
    url = (await body_of_command(sandbox))["response_url"]
    answer = await sandbox.http.post(url, json={"text": "late"})
    assert (answer.status_code, answer.json()["error"]) == (404, "expired_url")


async def test_replies_work_where_the_bot_is_no_member(sandbox: Sandbox) -> None:
    body = await body_of_command(sandbox, "#general")
    assert body["channel_id"] == GENERAL
    url = body["response_url"]
    await sandbox.http.post(url, json={"text": "shared", "response_type": "in_channel"})
    # What the person typed is shown with it.
    assert await texts(sandbox, "ben", "#general") == ["/luthien x", "shared"]


async def test_replies_are_checked(sandbox: Sandbox) -> None:
    url = (await body_of_command(sandbox))["response_url"]
    assert (await sandbox.http.post(url, json={})).json()["error"] == "no_text"
    bad = {"text": "x", "blocks": [{"type": "nonsense"}]}
    assert (await sandbox.http.post(url, json=bad)).json()["error"] == "invalid_blocks"
    assert (await sandbox.http.post(url, content=b"{")).status_code == 400
    other = url.rsplit("/", 1)[0] + "/nonsense"
    assert (await sandbox.http.post(other, json={"text": "x"})).status_code == 404
    for _ in range(5):  # what was refused did not count
        assert (await sandbox.http.post(url, json={"text": "x"})).status_code == 200


async def test_a_clicked_message_is_replaced_or_deleted(sandbox: Sandbox) -> None:
    posted = await sandbox.client.chat_postMessage(
        channel=OPS, text="root", blocks=[section("root"), actions(button())]
    )
    ts = posted["ts"]
    url = (await body_of_click(sandbox, ts))["response_url"]
    await sandbox.http.post(url, json={"text": "done", "replace_original": True})
    (seen,) = await sandbox.messages()
    assert (seen["ts"], seen["text"], seen["blocks"]) == (ts, "done", [])
    extra = {"text": "aside", "replace_original": False, "response_type": "ephemeral"}
    await sandbox.http.post(url, json=extra)
    assert await texts(sandbox) == ["done", "aside"]
    assert await texts(sandbox, "ben") == ["done"]
    in_thread = {"text": "below", "replace_original": False, "thread_ts": ts}
    await sandbox.http.post(url, json=in_thread | {"response_type": "in_channel"})
    assert [m["text"] for m in await sandbox.messages(thread_ts=ts)] == ["done", "below"]
    await sandbox.http.post(url, json={"delete_original": True})
    (tombstone,) = await sandbox.messages()
    assert tombstone["deleted"]


async def test_an_ephemeral_message_changes_only_through_its_response_url(
    sandbox: Sandbox,
) -> None:
    shown = await sandbox.client.chat_postEphemeral(
        channel=OPS, user=ADA, text="secret", blocks=[actions(button())]
    )
    body = await body_of_click(sandbox, shown["message_ts"])
    assert body["container"]["is_ephemeral"] is True
    assert "message" not in body
    reply = {"text": "gone", "replace_original": True, "response_type": "in_channel"}
    await sandbox.http.post(body["response_url"], json=reply)
    (seen,) = await sandbox.messages(**{"as": "ada"})
    assert (seen["text"], seen["ephemeral"]) == ("gone", True)  # never made public
    assert await texts(sandbox, "ben") == []
    await sandbox.http.post(body["response_url"], json={"delete_original": True})
    assert await texts(sandbox) == []


async def test_without_interactivity_a_click_goes_nowhere(manifest: Callable[..., Path]) -> None:
    async with running(manifest=manifest(interactive=False)) as sandbox:
        posted = await sandbox.client.chat_postMessage(
            channel=OPS, text="x", blocks=[actions(button())]
        )
        refused = await sandbox.control(
            "click", 400, user="ada", channel="#ops", ts=posted["ts"], label="Go"
        )
        assert "not configured to handle interactive responses" in refused["error"]


# -- triggers -------------------------------------------------------------------------------------


async def test_a_trigger_opens_one_modal_in_time(sandbox: Sandbox) -> None:
    client = sandbox.client
    trigger = (await body_of_command(sandbox))["trigger_id"]
    opened = await client.views_open(trigger_id=trigger, view=FORM)
    view = opened["view"]
    assert view["id"].startswith("V")
    assert view["root_view_id"] == view["id"]
    assert view["private_metadata"] == "kept"
    assert view["state"] == {"values": {}}
    on_screen = (await sandbox.views("ada"))["modal"]["state"]["values"]
    assert on_screen["name"]["name"] == {"type": "plain_text_input", "value": None}
    again = client.views_open(trigger_id=trigger, view=FORM)
    assert await error_of(again) == "exchanged_trigger_id"
    wrong = client.views_open(trigger_id="1.2.x", view=FORM)
    assert await error_of(wrong) == "invalid_trigger_id"
    await sandbox.settings(trigger_seconds=0)
    late = (await body_of_command(sandbox))["trigger_id"]
    expired = client.views_open(trigger_id=late, view=FORM)
    assert await error_of(expired) == "expired_trigger_id"


async def test_invalid_views_say_what_and_where(sandbox: Sandbox) -> None:
    answer = await sandbox.api("views.open", json={"trigger_id": "x", "view": {"type": "modal"}})
    assert answer["error"] == "invalid_arguments"
    assert (
        "[ERROR] missing required field: title [json-pointer:/view]"
        in (answer["response_metadata"]["messages"])
    )


# -- modals ---------------------------------------------------------------------------------------


class FormApp:
    """An app with a form: a click opens it, a submission is answered as the test says."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.submitted = asyncio.Queue[Json]()
        self.closed = asyncio.Queue[Json]()
        self.clicked = asyncio.Queue[Json]()
        self.reply: Json = {}
        self.view: Json = FORM
        app = sandbox.app()

        @app.command("/luthien")
        async def command(ack: Any, body: Json, client: Any) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=self.view)

        @app.view("form")
        async def submission(ack: Any, body: Json) -> None:
            await ack(**self.reply)
            await self.submitted.put(body)

        @app.view_closed("form")
        async def closed(ack: Any, body: Json) -> None:
            await ack()
            await self.closed.put(body)

        @app.action("go")
        async def go(ack: Any, body: Json) -> None:
            await ack()
            await self.clicked.put(body)

        self.app = app

    async def open(self) -> Json:
        await self.sandbox.control("command", user="ada", channel="#ops", text="/luthien")
        view: Json = (await self.sandbox.views("ada"))["modal"]
        return view

    async def submit(self, view: Json, **values: Any) -> Json:
        return await self.sandbox.control("submit", user="ada", view_id=view["id"], values=values)


@pytest_asyncio.fixture(loop_scope="module")
async def form(sandbox: Sandbox) -> FormApp:
    app = FormApp(sandbox)
    await sandbox.connect(app.app)
    return app


@pytest.mark.parametrize(
    "values",
    [
        {"name": "acme", "size": "l"},
        {"Name": "acme", "Size": "Large"},
        {"name": {"name": "acme"}, "size": {"size": "l"}},
        {
            "name": {"name": {"type": "plain_text_input", "value": "acme"}},
            "size": {"size": {"selected_option": {"text": plain("Large"), "value": "l"}}},
        },
    ],
    ids=["by block", "by label", "nested", "as Slack words it"],
)
async def test_a_submission_carries_every_value(form: FormApp, values: Json) -> None:
    view = await form.open()
    assert await form.submit(view, **values) == {}
    body = await form.submitted.get()
    assert body["type"] == "view_submission"
    assert body["view"]["callback_id"] == "form"
    assert body["response_urls"] == []
    state = body["view"]["state"]["values"]
    assert state["name"]["name"]["value"] == "acme"
    assert state["size"]["size"]["selected_option"]["value"] == "l"
    assert (await form.sandbox.views("ada"))["modal"] is None


async def test_required_fields_are_asked_for_before_anything_is_sent(form: FormApp) -> None:
    view = await form.open()
    errors = (await form.submit(view, size="l"))["errors"]
    assert errors == {"name": "Please complete this required field."}
    assert form.submitted.empty()
    assert await form.submit(view, name="acme") == {}


async def test_a_menu_can_start_with_the_current_channel_and_give_a_response_url(
    form: FormApp,
) -> None:
    menu = {
        "type": "conversations_select",
        "action_id": "where",
        "default_to_current_conversation": True,
        "response_url_enabled": True,
    }
    form.view = modal(field(menu, block_id="where"), submit=plain("Go"), callback_id="form")
    await form.submit(await form.open())
    (reply,) = (await form.submitted.get())["response_urls"]
    assert reply["channel_id"] == OPS
    answer = {"text": "posted", "response_type": "in_channel"}
    assert (await form.sandbox.http.post(reply["response_url"], json=answer)).text == "ok"
    assert await texts(form.sandbox, "ben") == ["posted"]


async def test_errors_stand_beside_the_field(form: FormApp) -> None:
    view = await form.open()
    form.reply = {"response_action": "errors", "errors": {"name": "taken"}}
    assert await form.submit(view, name="acme") == {"errors": {"name": "taken"}}
    still = (await form.sandbox.views("ada"))["modal"]
    assert still["state"]["values"]["name"]["name"]["value"] == "acme"


async def test_update_push_and_clear(form: FormApp) -> None:
    view = await form.open()
    second = modal(
        section("second"), title=plain("Second"), submit=plain("On"), callback_id="form"
    )
    form.reply = {"response_action": "update", "view": second}
    await form.submit(view, name="acme")
    shown = (await form.sandbox.views("ada"))["modal"]
    assert (shown["id"], shown["title"]["text"]) == (view["id"], "Second")
    assert shown["hash"] != view["hash"]
    form.reply = {"response_action": "push", "view": second}
    await form.submit(shown)
    top = await form.sandbox.views("ada")
    assert (top["depth"], top["modal"]["previous_view_id"]) == (2, view["id"])
    assert top["modal"]["root_view_id"] == view["id"]
    below = await form.sandbox.control("submit", 400, user="ada", view_id=view["id"], values={})
    assert "on top" in below["error"]
    form.reply = {"response_action": "clear"}
    await form.submit(top["modal"])
    assert (await form.sandbox.views("ada"))["depth"] == 0


async def test_three_modals_at_most(form: FormApp) -> None:
    form.view = modal(actions(button()), submit=plain("x"), callback_id="form")
    view = await form.open()
    for depth in (2, 3):
        await form.sandbox.control("view_action", user="ada", view_id=view["id"], label="Go")
        trigger = (await form.clicked.get())["trigger_id"]
        pushed = await form.sandbox.client.views_push(trigger_id=trigger, view=form.view)
        view = pushed["view"]
        assert (await form.sandbox.views("ada"))["depth"] == depth
    await form.sandbox.control("view_action", user="ada", view_id=view["id"], label="Go")
    trigger = (await form.clicked.get())["trigger_id"]
    refused = form.sandbox.client.views_push(trigger_id=trigger, view=form.view)
    assert await error_of(refused) == "push_limit_reached"


async def test_updating_an_open_modal(form: FormApp) -> None:
    client = form.sandbox.client
    form.view = {**FORM, "external_id": "mine"}
    view = await form.open()
    await form.sandbox.control("submit", user="ada", view_id=view["id"], values={"size": "l"})
    fuller = {**form.view, "blocks": [section("more"), *FORM["blocks"]]}
    updated = await client.views_update(view_id=view["id"], hash=view["hash"], view=fuller)
    assert updated["view"]["hash"] != view["hash"]
    values = (await form.sandbox.views("ada"))["modal"]["state"]["values"]
    assert values["size"]["size"]["selected_option"]["value"] == "l"  # typed input stays
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=fuller)
    assert await error_of(stale) == "hash_conflict"
    by_external = await client.views_update(external_id="mine", view=form.view)
    assert by_external["view"]["id"] == view["id"]
    assert await error_of(client.views_update(view_id="V1", view=FORM)) == "not_found"
    trigger = (await body_of_command(form.sandbox))["trigger_id"]
    twin = client.views_open(trigger_id=trigger, view=form.view)
    assert await error_of(twin) == "duplicate_external_id"


async def test_closing_is_told_when_asked_for(form: FormApp) -> None:
    form.view = {**FORM, "notify_on_close": True}
    view = await form.open()
    await form.sandbox.control("close", user="ada", view_id=view["id"])
    body = await form.closed.get()
    assert (body["type"], body["is_cleared"]) == ("view_closed", False)
    assert (await form.sandbox.views("ada"))["modal"] is None
    view = await form.open()
    await form.sandbox.control("close", user="ada", view_id=view["id"], all=True)
    assert (await form.closed.get())["is_cleared"] is True


async def test_a_submission_without_ack_leaves_the_modal_open(form: FormApp) -> None:
    form.view = {**FORM, "callback_id": "unknown"}
    view = await form.open()
    await form.sandbox.settings(ack_seconds=0.05)
    failed = await form.sandbox.control(
        "submit", 400, user="ada", view_id=view["id"], values={"name": "acme"}
    )
    assert "We had some trouble connecting" in failed["error"]
    assert (await form.sandbox.views("ada"))["modal"]["id"] == view["id"]


# -- menus with outside options -------------------------------------------------------------------


async def test_options_come_from_the_app(sandbox: Sandbox) -> None:
    app = sandbox.app()

    @app.options("instance")
    async def options(ack: Any, payload: Json) -> None:
        await ack(options=[{"text": plain(payload["value"] + "!"), "value": payload["value"]}])

    await sandbox.connect(app)
    menu = {"type": "external_select", "action_id": "instance", "min_query_length": 2}
    posted = await sandbox.client.chat_postMessage(channel=OPS, text="x", blocks=[actions(menu)])
    where = {"user": "ada", "channel": "#ops", "ts": posted["ts"], "action_id": "instance"}
    assert await sandbox.control("suggest", **where, value="a") == {"options": []}
    found = await sandbox.control("suggest", **where, value="ac")
    assert found["options"][0]["value"] == "ac"


# -- App Home -------------------------------------------------------------------------------------


async def test_app_home(sandbox: Sandbox) -> None:
    app, opened = sandbox.app(), asyncio.Queue[Json]()
    home = {"type": "home", "blocks": [section("queue"), actions(button())]}

    @app.event("app_home_opened")
    async def home_opened(event: Json, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=home)
        await opened.put(event)

    clicked = asyncio.Queue[Json]()

    @app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        await clicked.put(body)

    await sandbox.connect(app)
    await sandbox.control("home", user="ada")
    event = await opened.get()
    assert (event["tab"], event["user"], event["channel"]) == ("home", ADA, "D0ADA00001")
    assert "view" not in event
    view = (await sandbox.views("ada"))["home"]
    assert view["blocks"][0]["text"]["text"] == "queue"
    assert (await sandbox.views("ben"))["home"] is None
    await sandbox.control("home", user="ada")
    assert (await opened.get())["view"]["id"] == view["id"]
    await sandbox.control("view_action", user="ada", view_id=view["id"], action_id="go")
    body = await clicked.get()
    assert body["container"] == {"type": "view", "view_id": view["id"]}
    assert "response_url" not in body
    stale = sandbox.client.views_publish(user_id=ADA, view=home, hash="old")
    assert await error_of(stale) == "hash_conflict"


async def test_home_needs_to_be_enabled(manifest: Callable[..., Path]) -> None:
    async with running(manifest=manifest(home=False)) as sandbox:
        refused = sandbox.client.views_publish(user_id=ADA, view={"type": "home", "blocks": []})
        assert await error_of(refused) == "not_enabled"


# -- shortcuts ------------------------------------------------------------------------------------


async def test_shortcuts(manifest: Callable[..., Path]) -> None:
    entries = [
        {"name": "New", "type": "global", "callback_id": "new", "description": "d"},
        {"name": "From", "type": "message", "callback_id": "from", "description": "d"},
    ]
    async with running(manifest=manifest(shortcuts=entries)) as sandbox:
        app, got = sandbox.app(), asyncio.Queue[Json]()

        @app.shortcut("new")
        async def new(ack: Any, body: Json) -> None:
            await ack()
            await got.put(body)

        @app.shortcut("from")
        async def on_message(ack: Any, body: Json) -> None:
            await ack()
            await got.put(body)

        await sandbox.connect(app)
        await sandbox.control("shortcut", user="ada", callback_id="new")
        body = await got.get()
        assert (body["type"], body["callback_id"]) == ("shortcut", "new")
        assert "channel" not in body
        said = await sandbox.control("say", user="ben", channel="#ops", text="fire")
        await sandbox.control(
            "shortcut", user="ada", callback_id="from", channel="#ops", ts=said["ts"]
        )
        body = await got.get()
        assert (body["type"], body["message"]["text"]) == ("message_action", "fire")
        unknown = await sandbox.control("shortcut", 400, user="ada", callback_id="other")
        assert "no global shortcut" in unknown["error"]


async def test_views_follow_what_people_see(form: FormApp) -> None:
    """Opening another modal replaces the one that was open."""
    first = await form.open()
    second = await form.open()
    assert first["id"] != second["id"]

    async def depth_is_one() -> bool:
        return bool((await form.sandbox.views("ada"))["depth"] == 1)

    await until(depth_is_one)
