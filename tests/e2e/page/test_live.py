"""What happens while somebody looks: nothing flickers, nothing typed is lost or missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, BEN
from tests.e2e.page.pages import message, open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

DISTANCE = "el => Math.round(el.scrollHeight - el.clientHeight - el.scrollTop)"


REMEMBER = """() => {
  window.row = document.querySelector(".plan");
  window.button = [...document.querySelectorAll("button")].find((b) => b.textContent === "Status");
}"""
COUNT_CHANGES = """() => {
  window.touched = 0;
  const watched = { childList: true, subtree: true, characterData: true, attributes: true };
  new MutationObserver((all) => (window.touched += all.length))
    .observe(document.querySelector(".messages"), watched);
}"""


async def test_messages_arrive_and_are_read_aloud(page: Page, world: Workspace) -> None:
    await open_page(page)
    posted = world.post(text="create *acme*: <https://a.b|started>")
    await expect(message(page, "create acme: started")).to_be_visible()
    aloud = page.locator("#announcer p")
    await expect(aloud).to_have_text("luthien: create acme: started")
    world.edit(posted, text="create acme: 40 %")
    await expect(message(page, "40 %")).to_contain_text("(edited)")
    await expect(aloud).to_have_count(1)  # progress is not read aloud


async def test_an_edit_leaves_everything_else_alone(page: Page, world: Workspace) -> None:
    posted = world.post(text="run", blocks=scenes.run_blocks(1))
    world.post(text="note", blocks=scenes.scene("every_element"))
    await open_page(page)
    await page.fill("#composer", "half a sen")
    note = page.get_by_label("Note")
    await note.fill("typing here")
    await page.evaluate(REMEMBER)
    await page.get_by_role("button", name="Status").focus()
    for done in range(2, 7):
        world.edit(posted, blocks=scenes.run_blocks(done))
    await expect(page.locator(".plan-count")).to_have_text("6 of 7")
    assert await page.evaluate(
        "window.row.isConnected && document.activeElement === window.button"
    )
    await expect(note).to_have_value("typing here")
    await expect(page.locator("#composer")).to_have_value("half a sen")


async def test_an_open_menu_stays_open(page: Page, world: Workspace) -> None:
    world.post(text="menu", blocks=scenes.scene("every_element"))
    await open_page(page)
    await page.get_by_role("combobox", name="Tags").click()
    await page.keyboard.type("Tag 1")
    world.post(text="meanwhile")
    await expect(message(page, "meanwhile")).to_be_attached()
    await expect(page.locator(".menu-search")).to_have_value("Tag 1")
    await expect(page.locator(".menu-search")).to_be_focused()


async def test_the_list_stays_at_its_end_or_where_it_was(page: Page, world: Workspace) -> None:
    for n in range(40):
        world.post(user=BEN, text=f"line {n}", after=400)
    await open_page(page)
    feed = page.locator(".main .feed")
    await expect(message(page, "line 39")).to_be_in_viewport()
    world.post(text="run", blocks=scenes.run_blocks(3))
    await expect(page.get_by_role("button", name="Status")).to_be_in_viewport()
    await feed.evaluate("el => el.scrollTop = 300")
    await expect(page.get_by_role("button", name="Newer messages")).to_be_visible()
    world.post(text="unseen")
    await expect(message(page, "unseen")).to_be_attached()
    assert await feed.evaluate("el => el.scrollTop") == 300
    await page.fill("#composer", "mine")
    await page.keyboard.press("Enter")  # one's own message is always in view
    await expect(message(page, "mine").last).to_be_in_viewport()
    assert await feed.evaluate(DISTANCE) < 2


async def test_deleted_messages_go(page: Page, world: Workspace) -> None:
    posted = world.post(text="a mistake")
    await open_page(page)
    await expect(message(page, "a mistake")).to_be_visible()
    world.dismiss({"user": "ada", "channel": "C0OPS00001", "ts": posted["ts"]})
    await expect(message(page, "a mistake")).to_have_count(0)


async def test_what_happened_while_the_line_was_down_is_fetched(
    page: Page, world: Workspace
) -> None:
    await open_page(page)
    await page.fill("#composer", "still here")
    await until(lambda: len(world.watchers) == 1)
    await page.route("**/control/events", lambda route: route.abort())
    world.cut_streams()
    await expect(page.get_by_role("status").first).to_have_text("Reconnecting…")
    world.post(text="said while nobody listened")
    await page.unroute("**/control/events")
    await expect(message(page, "said while nobody listened")).to_be_visible()
    await expect(page.get_by_role("status").first).to_have_text("")
    await expect(page.locator("#composer")).to_have_value("still here")


async def test_the_page_waits_for_a_sandbox_that_is_still_starting(
    page: Page, world: Workspace
) -> None:
    await page.route("**/control/**", lambda route: route.abort())
    await page.goto("/")
    await expect(page.get_by_text("does not answer yet")).to_be_visible()
    await page.unroute("**/control/**")
    await expect(page.locator("#composer")).to_have_value("/luthien create acme")


async def test_hundreds_of_messages_stay_quick(page: Page, world: Workspace) -> None:
    for n in range(400):
        world.post(user=BEN, text=f"*line* {n} with `code` and <https://a.b|link>", after=100)
    posted = world.post(text="run", blocks=scenes.run_blocks(0))
    await open_page(page)
    await expect(page.locator(".message")).to_have_count(401)
    await page.evaluate(COUNT_CHANGES)
    world.edit(posted, blocks=scenes.run_blocks(1))
    await expect(page.locator(".plan-count")).to_have_text("1 of 7")
    assert 0 < await page.evaluate("window.touched") < 40


async def test_the_end_stays_in_view_when_panes_open(page: Page, world: Workspace) -> None:
    root = world.post(text="run", blocks=scenes.run_blocks(5))
    world.post(text="reply", thread_ts=root["ts"])
    for n in range(12):
        world.post(text=f"line {n}, {'long ' * 40}", only_for=ADA)
    await open_page(page)
    await expect(message(page, "line 11")).to_be_in_viewport(ratio=1)
    await page.get_by_role("link", name="1 reply").evaluate("one => one.click()")
    await expect(page.locator("#thread-composer")).to_be_visible()
    await expect(message(page, "line 11")).to_be_in_viewport(ratio=1)
