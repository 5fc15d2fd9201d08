"""Typing: the first command, sending, completion, history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, OPS
from tests.e2e.page.pages import echo, open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Json, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_first_visit_offers_the_first_command_once(page: Page, world: Workspace) -> None:
    await open_page(page)
    box = page.locator("#composer")
    await expect(box).to_have_value("/luthien create acme")
    await expect(box).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("")
    await until(lambda: bool(world.calls))
    assert world.calls == [
        ("command", {"user": "ada", "channel": OPS, "text": "/luthien create acme"})
    ]
    await page.reload()
    await expect(box).to_have_value("")


async def test_a_command_is_echoed_while_it_is_on_its_way(page: Page, world: Workspace) -> None:
    await open_page(page)
    world.gates["command"] = asyncio.Event()
    await page.keyboard.press("Enter")
    row = echo(page, "/luthien create acme")
    await expect(row).to_contain_text("Only visible to you")
    await expect(row).to_contain_text("Sending…")
    world.gates.pop("command").set()
    await expect(row).to_contain_text("Acknowledged in 12 ms")
    await row.get_by_role("button", name="Dismiss").click()
    await expect(row).to_have_count(0)


async def test_a_command_that_nobody_takes_can_be_sent_again(page: Page, world: Workspace) -> None:
    world.answers["command"] = lambda _: {"ack_ms": None, "status": 503, "body": "dispatch_failed"}
    await open_page(page)
    await page.keyboard.press("Enter")
    row = echo(page, "/luthien create acme")
    await expect(row).to_contain_text("The app cannot be reached. Is it running?")
    del world.answers["command"]
    await row.get_by_role("button", name="Try again").click()
    await expect(row).to_contain_text("Acknowledged")
    assert [name for name, _ in world.calls] == ["command", "command"]


async def test_a_refusal_of_the_sandbox_is_shown_in_its_words(
    page: Page, world: Workspace
) -> None:
    world.answers["say"] = lambda _: (400, {"error": "ada is not in #ops"})
    await open_page(page)
    await page.fill("#composer", "hello")
    await page.keyboard.press("Enter")
    await expect(echo(page, "hello")).to_contain_text("ada is not in #ops")


async def test_messages_are_sent_with_enter_and_broken_with_shift_enter(
    page: Page, world: Workspace
) -> None:
    await open_page(page)
    await page.fill("#composer", "")
    await page.keyboard.type("one")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("two")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message", has_text="one")).to_contain_text("two")
    assert world.last("say") == {"user": "ada", "channel": OPS, "text": "one\ntwo"}
    await expect(page.locator(".is-echo")).to_have_count(0)


async def test_arrow_up_brings_back_what_was_sent(page: Page, world: Workspace) -> None:
    await open_page(page)
    box = page.locator("#composer")
    for text in ("first", "second"):
        await box.fill(text)
        await box.press("Enter")
    await box.press("ArrowUp")
    await expect(box).to_have_value("second")
    await box.press("ArrowUp")
    await expect(box).to_have_value("first")
    await box.press("ArrowDown")
    await box.press("ArrowDown")
    await expect(box).to_have_value("")


async def test_drafts_stay_with_their_channel_and_person(page: Page) -> None:
    await open_page(page)
    box = page.locator("#composer")
    await box.fill("for ops")
    await page.get_by_role("link", name="#general").click()
    await expect(box).to_have_value("")
    await box.fill("for general")
    await page.get_by_role("link", name="#ops").click()
    await expect(box).to_have_value("for ops")
    await page.get_by_role("radio", name="ben").click()
    await expect(box).to_have_value("")


COMPLETIONS = (
    ("/lu", "/luthien", "/luthien "),
    ("/luthien c", "create", "/luthien create "),
    ("/luthien create x --p", "--plan", "/luthien create x --plan "),
    ("/luthien create x —k", "--keep", "/luthien create x --keep "),
    ("/luthien status ac", "acme", "/luthien status acme "),
    ("hi @be", "@ben", "hi @ben "),
    ("see #gen", "#general", "see #general "),
    ("nice :tad", ":tada:", "nice :tada: "),
)


async def test_tab_completes(page: Page, world: Workspace) -> None:
    world.railway = scenes.scene("railway")
    await open_page(page)
    box = page.locator("#composer")
    for typed, offered, completed in COMPLETIONS:
        await box.fill("")
        await box.press_sequentially(typed)
        await expect(page.get_by_role("option").first).to_contain_text(offered)
        await box.press("Tab")
        await expect(box).to_have_value(completed)
        await expect(box).to_be_focused()


async def test_completion_never_stands_in_the_way_of_enter(page: Page, world: Workspace) -> None:
    await open_page(page)
    box = page.locator("#composer")
    await box.fill("")
    await box.press_sequentially("/luthien ")
    await expect(page.get_by_role("option")).to_have_count(7)
    await box.press("ArrowDown")
    await box.press("ArrowDown")
    await box.press("Enter")  # takes what the arrows point at
    await expect(box).to_have_value("/luthien list ")
    await box.press("Enter")  # sends
    await expect(box).to_have_value("")
    await until(lambda: any(called == "command" for called, _ in world.calls))
    assert world.last("command")["text"] == "/luthien list"


async def test_escape_closes_the_completion_only(page: Page) -> None:
    await open_page(page)
    box = page.locator("#composer")
    await box.fill("")
    await box.press_sequentially("/luthien ")
    await box.press("Escape")
    await expect(page.get_by_role("option")).to_have_count(0)
    await expect(box).to_have_value("/luthien ")


async def test_shortcuts_open_from_the_box(page: Page, world: Workspace) -> None:
    await open_page(page)
    await page.get_by_role("button", name="Shortcuts").click()
    await page.get_by_role("menuitem", name="Create an instance").click()
    await page.wait_for_function("!document.querySelector('.menu')")
    assert world.last("shortcut") == {"user": "ada", "callback_id": "create"}


async def test_a_thread_has_a_box_of_its_own(page: Page, world: Workspace) -> None:
    root = scenes.run(world)
    await open_page(page, f"#/channel/ops/thread/{root['ts']}")
    box = page.locator("#thread-composer")
    await expect(box).to_be_focused()
    await box.fill("on it")
    await box.press("Enter")
    await expect(page.locator(".thread .message[data-ts]", has_text="on it")).to_be_visible()
    await expect(page.locator(".thread .message", has_text="on it")).to_have_count(1)
    assert world.last("say")["thread_ts"] == root["ts"]
    await box.fill("/luthien list")
    await box.press("Enter")
    await expect(page.locator(".thread .is-echo")).to_be_visible()
    await until(lambda: any(called == "command" for called, _ in world.calls))
    said: Json = world.last("command")
    assert said["thread_ts"] == root["ts"]
    assert world.user_id(said["user"]) == ADA


async def test_completion_learns_from_what_the_app_wrote(page: Page, world: Workspace) -> None:
    world.railway = scenes.scene("railway")
    world.post(
        text="`/luthien runs [instance] [--limit LIMIT]` lists, `/luthien retry rp3` did not"
    )
    world.homes[ADA] = {
        "id": "V1",
        "type": "home",
        "blocks": [
            scenes.section("`/luthien create &lt;instance&gt; [--branch BRANCH]`\nMakes one")
        ],
    }
    await open_page(page)
    box = page.locator("#composer")
    for typed, completed in (
        ("/luthien ru", "/luthien runs "),
        ("/luthien runs a", "/luthien runs acme "),
        ("/luthien runs acme --", "/luthien runs acme --limit "),
        ("/luthien create beta --b", "/luthien create beta --branch "),
    ):
        await box.fill("")
        await box.press_sequentially(typed)
        await box.press("Tab")
        await expect(box).to_have_value(completed)
