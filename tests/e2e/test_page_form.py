"""The bot's own form, filled in by hand on the page, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.browser import chromium

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.chat import Chat
    from tests.e2e.house import House

__all__ = ["chromium"]


async def test_a_form_is_corrected_and_sent(house: House, chat: Chat, chromium: Page) -> None:
    await chromium.goto(str(house.http.base_url))
    box = chromium.locator("#composer")
    await box.fill("/luthien create")
    await box.press("Enter")
    form = chromium.get_by_role("dialog")
    await form.get_by_label("Instance").fill("Bad_Name")
    await form.get_by_role("button", name="Run it").click()
    await form.get_by_text("lowercase letters").first.wait_for()
    assert await form.get_by_label("Repo").input_value() == ""
    await form.get_by_label("Instance").fill("typed")
    await form.get_by_role("button", name="Run it").click()
    await form.wait_for(state="hidden")
    await chat.ada.sees("Create instance typed", "done in", within=60)
