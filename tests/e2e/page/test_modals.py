"""Modals and App Home."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA, BEN
from tests.e2e.page.pages import open_page, until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Locator, Page

    from tests.e2e.page.fake_server import Json, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


def dialog(page: Page) -> Locator:
    return page.locator("dialog.is-modal")


async def test_a_form_sends_what_was_entered(page: Page, world: Workspace, tmp_path: Path) -> None:
    await open_page(page)
    world.show_modal(ADA, scenes.scene("form"))
    form = dialog(page)
    await expect(form).to_be_visible()
    await expect(form.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("acme")
    await form.get_by_label("Reason").fill("they asked")
    await form.get_by_role("combobox", name="Region").click()
    await page.get_by_role("option", name="Oregon").click()
    await form.get_by_role("combobox", name="Owners").click()
    await page.get_by_role("option", name="Ben Okafor").click()
    await page.get_by_role("button", name="Done").click()
    await form.get_by_label("Replicas").fill("2")
    await form.get_by_label("Start").fill("2026-12-01")
    await form.get_by_label("Backups").check()
    await form.get_by_label("Fast").check()
    policy = tmp_path / "policy.yaml"
    policy.write_text("deny: []")
    await form.locator("input[type=file]").set_input_files(policy)
    await expect(form.get_by_text("policy.yaml")).to_be_visible()
    await form.get_by_role("button", name="Create", exact=True).click()
    await until(lambda: bool(world.calls))
    sent = world.last("submit")
    assert (sent["user"], sent["view_id"]) == ("ada", "V0CREATE01")
    values: Json = {name: entry[name] for name, entry in sent["values"].items()}
    assert values["name"] == {"type": "plain_text_input", "value": "acme"}
    assert values["why"]["value"] == "they asked"
    assert values["region"]["selected_option"]["value"] == "us-west"
    assert values["owners"]["selected_users"] == [BEN]
    assert values["replicas"]["value"] == "2"
    assert values["mail"]["value"] is None
    assert values["start"]["selected_date"] == "2026-12-01"
    assert [one["value"] for one in values["extras"]["selected_options"]] == ["backups"]
    assert values["mode"]["selected_option"]["value"] == "fast"
    assert values["policy"]["files"][0]["name"] == "policy.yaml"


async def test_errors_stand_beside_their_field(page: Page, world: Workspace) -> None:
    world.show_modal(ADA, scenes.scene("form"))
    world.answers["submit"] = lambda _: {"errors": {"name": "This name is taken"}}
    await open_page(page)
    form = dialog(page)
    await form.get_by_label("Name").fill("acme")
    await form.get_by_label("Reason").fill("kept")
    await form.get_by_role("button", name="Create", exact=True).click()
    await expect(form.get_by_role("alert")).to_have_text("This name is taken")
    name = form.get_by_label("Name")
    await expect(name).to_be_focused()
    await expect(name).to_have_accessible_description(
        "This name is taken Lowercase letters, digits, hyphens"
    )
    await expect(form.get_by_label("Reason")).to_have_value("kept")
    await name.press_sequentially("2")
    await expect(form.get_by_role("alert")).to_have_count(0)
    await expect(name).to_have_value("acme2")


async def test_submitting_shows_that_it_is_on_its_way(page: Page, world: Workspace) -> None:
    world.show_modal(ADA, scenes.scene("form"))
    world.gates["submit"] = asyncio.Event()
    await open_page(page)
    create = dialog(page).get_by_role("button", name="Create", exact=True)
    await create.click()
    await expect(dialog(page)).to_have_attribute("aria-busy", "true")
    await create.click(force=True)
    await page.keyboard.press("Escape")  # neither a second submission nor a way out
    await expect(dialog(page)).to_be_visible()
    world.views.clear()
    world.gates.pop("submit").set()
    await expect(dialog(page)).to_have_count(0)
    assert [name for name, _ in world.calls] == ["submit"]


async def test_trouble_is_told_in_the_dialog(page: Page, world: Workspace) -> None:
    world.show_modal(ADA, scenes.scene("form"))
    world.answers["submit"] = lambda _: (400, {"error": "We had some trouble connecting."})
    await open_page(page)
    await dialog(page).get_by_role("button", name="Create", exact=True).click()
    await expect(dialog(page).get_by_role("alert")).to_have_text("We had some trouble connecting.")


async def test_escape_and_buttons_close(page: Page, world: Workspace) -> None:
    await open_page(page)
    for close, said in (
        ("Escape", {}),
        ("Close this dialog", {"all": True}),
        ("Cancel", {}),
    ):
        world.show_modal(ADA, scenes.scene("form"))
        await expect(dialog(page)).to_be_visible()
        if close == "Escape":
            await page.keyboard.press("Escape")
        else:
            await dialog(page).get_by_role("button", name=close).click()
        await expect(dialog(page)).to_have_count(0)
        await until(lambda: any(called == "close" for called, _ in world.calls))
        assert world.last("close") == {"user": "ada", "view_id": "V0CREATE01", **said}


async def test_escape_in_a_menu_closes_the_menu_only(page: Page, world: Workspace) -> None:
    world.show_modal(ADA, scenes.scene("form"))
    await open_page(page)
    await dialog(page).get_by_role("combobox", name="Region").click()
    await expect(page.get_by_role("listbox")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_have_count(0)
    await expect(dialog(page)).to_be_visible()
    assert world.calls == []


async def test_stacked_views_go_back_or_away(page: Page, world: Workspace) -> None:
    first = scenes.scene("form") | {"root_view_id": "V0CREATE01"}
    world.show_modal(ADA, first)
    await open_page(page)
    await dialog(page).get_by_label("Name").fill("acme")
    second = first | {
        "id": "V0SURE0001",
        "previous_view_id": "V0CREATE01",
        "title": scenes.plain("Sure?"),
        "blocks": [scenes.section("Really?")],
    }
    world.show_modal(ADA, second)
    await expect(dialog(page)).to_contain_text("Really?")
    await expect(dialog(page).get_by_role("button", name="Create")).to_be_focused()
    await dialog(page).get_by_role("button", name="Back to the dialog before").click()
    await until(lambda: bool(world.calls))
    assert world.last("close") == {"user": "ada", "view_id": "V0SURE0001"}
    world.show_modal(ADA, first)
    await expect(dialog(page).get_by_label("Name")).to_have_value("acme")


async def test_an_update_keeps_what_was_typed(page: Page, world: Workspace) -> None:
    form = scenes.scene("form")
    world.show_modal(ADA, form)
    await open_page(page)
    await dialog(page).get_by_label("Name").fill("acme")
    await dialog(page).get_by_label("Name").focus()
    updated = scenes.scene("form")
    updated["blocks"].insert(0, scenes.section("3 names are free", block_id="hint"))
    world.show_modal(ADA, updated)
    await expect(dialog(page)).to_contain_text("3 names are free")
    await expect(dialog(page).get_by_label("Name")).to_have_value("acme")
    await expect(dialog(page).get_by_label("Name")).to_be_focused()


async def test_a_button_in_a_modal_brings_the_other_fields(page: Page, world: Workspace) -> None:
    form = scenes.scene("form")
    form["blocks"].append(scenes.actions(scenes.button("Check the name", "check")))
    world.show_modal(ADA, form)
    await open_page(page)
    await dialog(page).get_by_label("Name").fill("acme")
    await dialog(page).get_by_role("button", name="Check the name").click()
    await until(lambda: bool(world.calls))
    told = world.last("view_action")
    assert (told["view_id"], told["action_id"]) == ("V0CREATE01", "check")
    assert told["values"]["name"]["name"]["value"] == "acme"


async def test_the_focus_stays_in_the_dialog(page: Page, world: Workspace) -> None:
    world.show_modal(ADA, scenes.scene("form"))
    await open_page(page)
    inside = (
        "!!document.activeElement.closest('dialog') || document.activeElement === document.body"
    )
    for _ in range(30):
        await page.keyboard.press("Tab")
        assert await page.evaluate(inside)


async def test_app_home_belongs_to_the_person(page: Page, world: Workspace) -> None:
    await open_page(page)
    await page.get_by_role("link", name="App Home").click()
    await expect(page.get_by_text("published nothing")).to_be_visible()
    await until(lambda: bool(world.calls))
    assert world.calls == [("home", {"user": "ada"})]
    world.publish_home(ADA, scenes.scene("home"))
    await page.get_by_role("button", name="Restore").click()
    await until(lambda: len(world.calls) == 2)
    told = world.last("view_action")
    assert (told["view_id"], told["action_id"], told["user"]) == (
        "V0HOMEADA1",
        "home_restore",
        "ada",
    )
    await page.get_by_role("radio", name="ben").click()
    await expect(page.get_by_text("published nothing")).to_be_visible()
    await until(lambda: world.last("home") == {"user": "ben"})
