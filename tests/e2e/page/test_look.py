"""Sizes, colours, names for screen readers, and that nothing foreign is fetched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from sandbox import page as page_package
from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA
from tests.e2e.page.pages import message, open_page

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Workspace

STATIC = Path(page_package.__file__).parent / "static"

TEXT_ON = {
    "text": "page surface raised sunken accent-soft danger-soft info-soft ok-soft warn-soft",
    "muted": "page surface raised sunken",
    "accent": "surface page raised info-soft",
    "accent-strong": "accent-soft",
    "on-accent": "accent accent-strong",
    "on-danger": "danger",
    "danger": "surface raised danger-soft",
    "ok": "surface",
    "warn": "page",
    "info": "surface info-soft raised",
    "mention": "mention-soft",
    "mention-me": "mention-me-soft",
}
"""Which colours of text stand on which grounds, by their names in tokens.css."""


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`. Source: WCAG 2.2, relative luminance."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_text_colour_reaches_aa_in_both_themes() -> None:
    tokens = (STATIC / "css" / "tokens.css").read_text()
    colors = {
        name: both
        for name, *both in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", tokens)
    }
    pairs = ((front, back) for front, grounds in TEXT_ON.items() for back in grounds.split())
    for front, back in pairs:
        for theme in (0, 1):
            lights = sorted((luminance(colors[front][theme]), luminance(colors[back][theme])))
            ratio = (lights[1] + 0.05) / (lights[0] + 0.05)
            assert ratio >= 4.5, f"{front} on {back}, theme {theme}: {ratio:.2f}"


def test_no_module_is_large_and_none_writes_markup() -> None:
    for module in sorted((STATIC / "js").glob("*.js")):
        code = module.read_text()
        assert code.count("\n") < 250, module.name
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ):
            assert forbidden not in code, f"{module.name} uses {forbidden}"


@pytest.mark.asyncio(loop_scope="session")
async def test_nothing_is_fetched_from_elsewhere(page: Page, world: Workspace) -> None:
    scenes.run(world)
    world.railway = scenes.scene("railway")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await open_page(page)
    await expect(message(page, "Credentials")).to_be_visible()
    origin = "/".join(page.url.split("/")[:3]) + "/"
    assert [url for url in asked if not url.startswith(origin)] == []
    assert len(asked) > 20


@pytest.mark.asyncio(loop_scope="session")
async def test_the_theme_follows_the_system_until_it_is_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    await page.emulate_media(color_scheme="dark")
    await open_page(page)
    dark = await page.evaluate(ground)
    await page.get_by_role("button", name="Light colours").click()
    light = await page.evaluate(ground)
    assert light != dark
    await page.reload()
    await expect(page.get_by_role("button", name="Dark colours")).to_be_visible()
    assert await page.evaluate(ground) == light


@pytest.mark.asyncio(loop_scope="session")
async def test_on_a_phone_every_pane_is_a_screen(page: Page, world: Workspace) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    scenes.run(world)
    world.railway = scenes.scene("railway")
    world.post(text="Every element", blocks=scenes.scene("every_element"))
    await open_page(page)
    too_wide = "document.documentElement.scrollWidth > innerWidth"
    await expect(message(page, "Backups")).to_be_visible()
    assert not await page.evaluate(too_wide)
    await page.get_by_role("link", name="4 replies").click()
    await expect(page.locator("#thread-composer")).to_be_visible()
    await expect(page.locator("#composer")).to_be_hidden()
    await page.get_by_role("link", name="Back to the channel").click()
    await expect(page.locator("#composer")).to_be_visible()
    await page.get_by_role("link", name="Back to the list").click()
    await expect(page.get_by_role("link", name="#general")).to_be_visible()
    await expect(page.locator("#composer")).to_be_hidden()
    await page.get_by_role("link", name="Railway").click()
    await expect(page.get_by_role("heading", name="luthien-acme")).to_be_visible()
    assert not await page.evaluate(too_wide)
    await page.get_by_role("button", name="See as ben").click()
    world.show_modal(ADA, scenes.scene("form"))
    await expect(page.locator("dialog")).to_have_count(0)
    await page.get_by_role("button", name="See as ada").click()
    await expect(page.locator("dialog")).to_be_visible()
    box = await page.locator("dialog").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 390)


@pytest.mark.asyncio(loop_scope="session")
async def test_by_keyboard_alone(page: Page, world: Workspace) -> None:
    scenes.run(world)
    await open_page(page, "#/channel/general")
    skip = page.get_by_role("link", name="Skip to the message box")
    await skip.focus()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_be_focused()
    assert page.url.endswith("#/channel/general")
    await page.get_by_role("link", name="#ops").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer")).to_be_focused()
    await page.locator(".message").last.focus()
    await page.keyboard.press("ArrowUp")
    await expect(message(page, "create acme")).to_be_focused()
    ring = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid"
    await page.keyboard.press("Tab")  # into the message's toolbar
    await expect(message(page, "create acme").get_by_label("Reply in thread")).to_be_focused()


@pytest.mark.asyncio(loop_scope="session")
async def test_everything_that_can_be_used_has_a_name(page: Page, world: Workspace) -> None:
    root = scenes.run(world)
    world.post(text="Every element", blocks=scenes.scene("every_element"))
    world.post(text="Frames", blocks=scenes.scene("frames"))
    world.railway = scenes.scene("railway")
    world.journal = scenes.scene("journal")
    await open_page(page, f"#/channel/ops/thread/{root['ts']}")
    await page.set_viewport_size({"width": 1600, "height": 900})
    for role in (
        "button",
        "link",
        "combobox",
        "textbox",
        "checkbox",
        "radio",
        "img",
        "tab",
        "dialog",
    ):
        everyone = await page.get_by_role(role, include_hidden=False).all()
        for one in everyone:
            await expect(one).to_have_accessible_name(re.compile(r"\S"))
    ids = await page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))
