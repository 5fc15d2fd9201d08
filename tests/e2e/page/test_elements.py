"""Everything that can be pressed, chosen or typed in a message, and what reaches the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, GENERAL, OPS
from tests.e2e.page.pages import message, open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Json, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def elements(page: Page, world: Workspace) -> Json:
    """The page with one message that has every element."""
    posted = world.post(text="Every element", blocks=scenes.scene("every_element"))
    await open_page(page)
    return posted


async def clicked(world: Workspace, action_id: str) -> Json:
    """What the app was told of this element."""
    await until(lambda: bool(world.calls) and world.calls[-1][1].get("action_id") == action_id)
    name, body = world.calls[-1]
    assert name == "click"
    return body


async def test_buttons(page: Page, world: Workspace) -> None:
    posted = await elements(page, world)
    world.gates["click"] = asyncio.Event()
    button = page.get_by_role("button", name="Primary")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    await button.click()  # a second click while the first is on its way is no second click
    world.gates.pop("click").set()
    await expect(button).not_to_have_attribute("aria-busy", "true")
    assert world.calls == [
        (
            "click",
            {
                "user": "ada",
                "channel": OPS,
                "ts": posted["ts"],
                "block_id": "buttons",
                "action_id": "b2",
            },
        )
    ]
    await expect(page.get_by_role("link", name="Link")).to_have_attribute(
        "href", "https://example.com/"
    )


async def test_the_same_action_in_two_blocks_is_told_apart(page: Page, world: Workspace) -> None:
    rows = [
        scenes.section(name, block_id=name, accessory=scenes.button(f"Status of {name}", "status"))
        for name in ("acme", "umbrella")
    ]
    world.post(blocks=rows)
    await open_page(page)
    await page.get_by_role("button", name="Status of umbrella").click()
    assert (await clicked(world, "status"))["block_id"] == "umbrella"


async def test_a_confirm_dialog_asks_first(page: Page, world: Workspace) -> None:
    await elements(page, world)
    danger = page.get_by_role("button", name="Danger")
    dialog = page.get_by_role("alertdialog", name="Delete acme?")
    await danger.click()
    await expect(dialog).to_contain_text("luthien-acme")
    await dialog.get_by_role("button", name="Keep it").click()
    await expect(dialog).to_have_count(0)
    await expect(danger).to_be_focused()
    await danger.click()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert world.calls == []
    await danger.click()
    await dialog.get_by_role("button", name="Delete").click()
    await clicked(world, "b3")


async def test_overflow_menu(page: Page, world: Workspace) -> None:
    await elements(page, world)
    more = page.get_by_role("button", name="More choices")
    await more.click()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    told = await clicked(world, "more")
    assert told["value"] == "restart"
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(more).to_be_focused()


async def test_select_by_keyboard(page: Page, world: Workspace) -> None:
    await elements(page, world)
    region = page.get_by_role("combobox", name="Region")
    await region.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    told = await clicked(world, "region")
    assert told["value"] == "us-west"
    assert told["selected"]["selected_option"]["value"] == "us-west"
    await expect(region).to_have_text("Oregon")
    await expect(region).to_be_focused()


async def test_select_starts_with_its_option_and_shows_groups(
    page: Page, world: Workspace
) -> None:
    await elements(page, world)
    plan = page.get_by_role("combobox", name="Plan")
    await expect(plan).to_have_text("Pro")
    await plan.click()
    await expect(page.locator(".menu-group")).to_have_text(["Small", "Large"])
    await expect(page.get_by_role("option", name="Pro")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_have_count(0)
    assert world.calls == []


async def test_what_the_server_remembers_is_shown(page: Page, world: Workspace) -> None:
    blocks = scenes.scene("every_element")
    oregon = blocks[1]["elements"][0]["options"][1]
    chosen = {"menus": {"region": {"type": "static_select", "selected_option": oregon}}}
    world.post(blocks=blocks, chosen={ADA: chosen})
    await open_page(page)
    await expect(page.get_by_role("combobox", name="Region")).to_have_text("Oregon")


async def test_multi_select_tells_once_when_it_closes(page: Page, world: Workspace) -> None:
    await elements(page, world)
    tags = page.get_by_role("combobox", name="Tags")
    await tags.click()
    await page.keyboard.type("tag 1")
    await expect(page.get_by_role("option")).to_have_count(4)
    await page.get_by_role("option", name="Tag 11").click()
    await page.get_by_role("option", name="Tag 12").click()
    assert world.calls == []
    await page.get_by_role("button", name="Done").click()
    assert (await clicked(world, "tags"))["value"] == ["tag 11", "tag 12"]
    await expect(tags.locator(".chip")).to_have_text(["Tag 11", "Tag 12"])


async def test_people_and_channels(page: Page, world: Workspace) -> None:
    await elements(page, world)
    await page.get_by_role("combobox", name="Owner").click()
    await page.get_by_role("option", name="Ben Okafor").click()
    assert (await clicked(world, "owner"))["selected"] == {"selected_user": "U0BEN00001"}
    await page.get_by_role("combobox", name="Channel").click()
    await page.get_by_role("option", name="#general").click()
    assert (await clicked(world, "channel"))["value"] == GENERAL
    await page.get_by_role("combobox", name="Conversation").click()
    await expect(page.get_by_role("option", name="luthien")).to_be_visible()


async def test_external_select_asks_the_app(page: Page, world: Workspace) -> None:
    def offered(body: Json) -> Json:
        if body["value"] == "x":
            return {"options": []}
        return {
            "options": [
                {"text": scenes.plain(f"{body['value']}-{n}"), "value": f"v{n}"} for n in (1, 2)
            ]
        }

    world.answers["suggest"] = offered
    await elements(page, world)
    await page.get_by_role("combobox", name="Instance").click()
    await expect(page.get_by_text("Type at least 1 character")).to_be_visible()
    await page.keyboard.type("x")
    await expect(page.get_by_text("Nothing fits")).to_be_visible()
    await page.keyboard.press("Backspace")
    await page.keyboard.type("ac")
    await page.get_by_role("option", name="ac-2").click()
    assert world.calls[-2][1]["block_id"] == "menus"
    assert (await clicked(world, "instance"))["value"] == "v2"


async def test_pickers(page: Page, world: Workspace) -> None:
    await elements(page, world)
    await page.locator("input[type=date]").fill("2026-12-24")
    assert (await clicked(world, "date"))["value"] == "2026-12-24"
    await page.locator("input[type=time]").fill("09:15")
    assert (await clicked(world, "time"))["selected"] == {"selected_time": "09:15"}
    await page.locator("input[type=datetime-local]").fill("2026-12-24T09:15")
    assert (await clicked(world, "moment"))["value"] == 1798103700


async def test_choices(page: Page, world: Workspace) -> None:
    await elements(page, world)
    await expect(page.get_by_role("radio", name="Careful")).to_be_checked()
    await page.get_by_role("radio", name="Fast").check()
    assert (await clicked(world, "mode"))["value"] == "fast"
    await page.get_by_role("checkbox", name="Metrics").check()
    assert (await clicked(world, "extras"))["value"] == ["backups", "metrics"]
    await page.get_by_role("checkbox", name="Backups").uncheck()
    await until(lambda: world.last("click")["value"] == ["metrics"])


async def test_text_that_dispatches_on_enter(page: Page, world: Workspace) -> None:
    await elements(page, world)
    await page.get_by_label("Note").fill("hello")
    assert world.calls == []
    await page.get_by_label("Note").press("Enter")
    assert (await clicked(world, "note"))["value"] == "hello"


async def test_feedback_and_icon_buttons(page: Page, world: Workspace) -> None:
    await elements(page, world)
    await page.get_by_role("button", name="Good").click()
    assert (await clicked(world, "rating"))["value"] == "good"
    await expect(page.get_by_role("button", name="Good")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await clicked(world, "trash")


async def test_a_click_that_the_app_does_not_take(page: Page, world: Workspace) -> None:
    world.answers["click"] = lambda _: {"ack_ms": 3000, "status": 504, "body": "operation_timeout"}
    await elements(page, world)
    await page.get_by_role("combobox", name="Region").click()
    await page.get_by_role("option", name="Oregon").click()
    await expect(page.locator(".toast")).to_contain_text("did not answer within 3 seconds")
    await expect(page.get_by_role("combobox", name="Region")).to_have_text("Region")


async def test_what_can_be_done_with_a_message(page: Page, world: Workspace) -> None:
    posted = world.post(text="A *run* of :rocket: acme")
    await open_page(page)
    row = message(page, "acme")
    await row.hover()
    await row.get_by_role("button", name="More about this message").click()
    await page.get_by_role("menuitem", name="Explain this run").click()
    await until(lambda: bool(world.calls))
    assert world.last("shortcut") == {
        "user": "ada",
        "callback_id": "explain",
        "channel": OPS,
        "ts": posted["ts"],
    }
    await row.get_by_role("button", name="More about this message").click()
    await page.get_by_role("menuitem", name="React with tada").click()
    await until(lambda: len(world.calls) == 2)
    assert world.last("react")["name"] == "tada"
    await row.get_by_role("button", name="Reply in thread").click()
    await expect(page.locator("#thread-composer")).to_be_focused()
