"""Seeing with somebody's eyes: ephemeral messages, threads, unread marks, links to places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, BEN, GENERAL, OPS
from tests.e2e.page.pages import message, open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_ephemeral_messages_are_for_one_person(page: Page, world: Workspace) -> None:
    scenes.run(world)
    await open_page(page)
    secret = message(page, "Credentials of acme")
    await expect(secret).to_contain_text("Only visible to you")
    await page.get_by_role("radio", name="ben").click()
    await expect(message(page, "create acme")).to_be_visible()
    await expect(secret).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("radio", name="ben")).to_be_checked()
    await page.get_by_role("radio", name="ben").press("ArrowUp")
    await expect(page.get_by_role("radio", name="ada")).to_be_focused()
    await secret.get_by_role("button", name="Dismiss").click()
    await expect(secret).to_have_count(0)


async def test_a_thread_is_read_beside_its_channel(page: Page, world: Workspace) -> None:
    root = scenes.run(world)
    await open_page(page)
    await page.get_by_role("link", name="4 replies").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.locator(".message")).to_have_count(5)
    assert page.url.endswith(f"#/channel/ops/thread/{root['ts']}")
    world.post(text="Healthy after 61 s", thread_ts=root["ts"])
    await expect(thread.locator(".message")).to_have_count(6)
    await expect(page.get_by_role("link", name="5 replies")).to_be_visible()
    await thread.get_by_role("link", name="Close the thread").click()
    await expect(thread).to_have_count(0)


async def test_a_link_leads_to_its_message(page: Page, world: Workspace) -> None:
    first = world.post(user=BEN, text="The very first")
    for n in range(40):
        world.post(text=f"line {n}")
    await open_page(page, f"#/channel/ops/message/{first['ts']}")
    await expect(message(page, "The very first")).to_be_in_viewport()
    await expect(message(page, "The very first")).to_be_focused()
    await expect(page.get_by_role("button", name="Newer messages")).to_be_visible()
    await page.get_by_role("button", name="Newer messages").click()
    await expect(message(page, "line 39")).to_be_in_viewport()


async def test_unread_messages_are_counted_and_marked(page: Page, world: Workspace) -> None:
    world.post(GENERAL, user=BEN, text="before anybody came")
    await open_page(page)
    general = page.get_by_role("link", name="#general")
    await expect(general.locator(".unread")).to_have_count(0)
    world.post(GENERAL, user=BEN, text="one")
    world.post(GENERAL, user=ADA, text="my own, from elsewhere")
    world.post(GENERAL, user=BEN, text="two")
    await expect(general.locator(".unread")).to_have_text("2")
    await expect(page).to_have_title("(2) ops · Sandbox")
    await general.click()
    await expect(page.locator(".day.is-new")).to_have_text("New")
    order = await page.locator(".messages > li").all_inner_texts()
    assert order.index("New") == next(i for i, row in enumerate(order) if row.endswith("one")) - 1
    await expect(general.locator(".unread")).to_have_count(0)
    await expect(page).to_have_title("general · Sandbox")


async def test_direct_messages_with_the_app(page: Page, world: Workspace) -> None:
    world.post("D0ADA", text="Hello Ada")
    await open_page(page)
    await page.get_by_role("link", name="luthien").click()
    await expect(message(page, "Hello Ada")).to_be_visible()
    await page.fill("#composer", "help")
    await page.keyboard.press("Enter")
    await until(lambda: bool(world.calls))
    assert world.last("say")["channel"] == "D0ADA"
    await page.get_by_role("radio", name="cleo").click()
    await expect(page.get_by_role("heading", name="ops", exact=True)).to_be_visible()


async def test_the_app_is_invited_where_it_is_missing(page: Page, world: Workspace) -> None:
    await open_page(page, "#/channel/general")
    await page.get_by_role("button", name="Invite @luthien").click()
    await expect(page.get_by_role("button", name="@luthien is here")).to_be_visible()
    assert world.last("invite") == {"channel": GENERAL}


async def test_reactions_are_given_and_taken_back(page: Page, world: Workspace) -> None:
    posted = world.post(
        user=BEN, text="Done", reactions=[{"name": "tada", "users": [ADA], "count": 1}]
    )
    await open_page(page)
    chip = page.get_by_role("button", name="tada 1")
    await expect(chip).to_have_attribute("aria-pressed", "true")
    await chip.click()
    await until(lambda: bool(world.calls))
    assert world.last("react") == {
        "user": "ada",
        "channel": OPS,
        "ts": posted["ts"],
        "name": "tada",
    }
