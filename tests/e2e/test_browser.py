"""A newcomer's first minutes in a real browser, on the sandbox's page against the real product.

With LUTHIEN_SCREENSHOTS set to a folder, what is seen on the way is kept there:

    LUTHIEN_SCREENSHOTS=docs/images .venv/bin/python -m pytest tests/e2e/test_browser.py
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.browser import DESKTOP, KEPT, PHONE, browser, watchable
from tests.e2e.house import House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Locator, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with watchable(tmp_path_factory.mktemp("demo")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(demo: House) -> AsyncIterator[Page]:
    """One visit, from the first test to the last; what its scripts complain of fails the last."""
    async with browser() as running:
        context = await running.new_context(
            viewport=DESKTOP, base_url=demo.stand_in.url, locale="en-GB", timezone_id="UTC"
        )
        one = await context.new_page()
        one.set_default_timeout(30_000)
        complaints: list[str] = []

        def complain(words: str) -> None:
            complaints.append(words)

        one.on("pageerror", lambda error: complain(str(error)))
        one.on("console", lambda line: complain(line.text) if line.type == "error" else None)
        yield one
        assert complaints == []


def said(page: Page, words: str | re.Pattern[str]) -> Locator:
    """The newest message of the channel with these words."""
    return page.locator(".main .message", has_text=words).last


async def type_line(page: Page, line: str) -> None:
    box = page.locator("#composer")
    await box.fill(line)
    await box.press("Escape")  # closes the completion
    await box.press("Enter")


async def become(page: Page, name: str) -> None:
    await page.get_by_role("radiogroup", name="You are").get_by_role("radio", name=name).click()


async def keep(shown: Page | Locator, name: str) -> None:
    if KEPT:
        await shown.screenshot(path=f"{KEPT}/{name}.png", animations="disabled")


async def keep_all_looks(page: Page, name: str) -> None:
    """In light and dark, and as wide as a phone."""
    if not KEPT:
        return
    await keep(page, name)
    await page.emulate_media(color_scheme="dark")
    await keep(page, f"{name}-dark")
    await page.set_viewport_size(PHONE)
    await keep(page, f"{name}-phone")
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(DESKTOP)


async def test_the_first_enter_leads_to_a_healthy_gateway(demo: House, page: Page) -> None:
    await page.goto("/")
    box = page.locator("#composer")
    await expect(box).to_have_value("/luthien create acme")
    await expect(box).to_be_focused()
    await page.keyboard.press("Enter")

    run = said(page, re.compile("Create instance acme.*Asked for by", re.DOTALL))
    await expect(run).to_contain_text("Wait until gateway is deployed · BUILDING")
    await expect(run.get_by_role("button", name="Cancel")).to_be_visible()
    railway = page.locator("aside", has_text="luthien-acme")
    await expect(railway).to_contain_text("Build image")
    await keep_all_looks(page, "create-running")

    done = said(page, "Create instance acme: done in")
    await expect(done).to_be_visible()
    await expect(run).to_contain_text("All 13 steps done")
    await expect(railway.get_by_text("Running")).to_have_count(3)


async def test_the_keys_are_there_for_ada_alone(page: Page) -> None:
    keys = said(page, "Credentials of acme")
    await expect(keys).to_contain_text("Only visible to you")
    await expect(keys).to_contain_text(re.compile(r"Proxy API key\s*sk-luthien-[\w-]{40,}"))
    await keep(keys, "credentials")
    await keep_all_looks(page, "create-done")

    await become(page, "ben")
    await expect(said(page, "Create instance acme: done in")).to_be_visible()
    await expect(page.locator(".main .message", has_text="Credentials of acme")).to_have_count(0)
    await said(page, "done in").get_by_role("button", name="Show credentials").click()
    await expect(said(page, "are not for you to see here")).to_contain_text("ada created it")
    await become(page, "ada")


async def test_lost_keys_are_shown_again(page: Page) -> None:
    keys = page.locator(".main .message", has_text="Credentials of acme")
    await expect(keys).to_have_count(1)
    await keys.get_by_role("button", name="Dismiss").click()
    await expect(keys).to_have_count(0)
    await said(page, "done in").get_by_role("button", name="Show credentials").click()
    await expect(keys).to_contain_text("sk-luthien-")


async def test_the_gateway_opens(page: Page) -> None:
    gateway = said(page, "done in").get_by_role("link", name="Open gateway")
    async with page.context.expect_page() as opening:
        await gateway.click()
    opened = await opening.value
    await expect(opened.get_by_role("heading")).to_have_text("Luthien gateway")
    assert re.match(r"http://gateway-production-\w{4}\.localhost:\d+/$", opened.url)
    await opened.goto(f"{opened.url}ready")
    await expect(opened.locator("body")).to_contain_text('"status":"ready"')
    await opened.close()


async def test_a_form_asks_for_what_is_missing(demo: House, page: Page) -> None:
    await type_line(page, "/luthien create")
    form = page.get_by_role("dialog", name="Create")
    await form.get_by_label("Instance").fill("My App")
    await form.get_by_role("button", name="Run it").click()
    await expect(form).to_contain_text("May hold only lowercase letters, digits and hyphens")
    await expect(form.get_by_label("Instance")).to_be_focused()
    await keep_all_looks(page, "modal")
    await form.get_by_label("Instance").fill("beta")
    await page.keyboard.press("Enter")
    await expect(form).to_have_count(0)
    await expect(said(page, "Create instance beta: done in")).to_be_visible(timeout=30_000)


async def test_the_list_fits_and_leads_to_the_gateways(demo: House, page: Page) -> None:
    await demo.control("railway/populate", count=5, name="luthien-demo-{n}", description="ready")
    await demo.control("railway/crash", project="luthien-demo-3", service="gateway")
    await type_line(page, "/luthien list")
    listed = said(page, "7 instances: 6 running, 1 unhealthy")
    await expect(listed.get_by_role("row")).to_have_count(8)
    await expect(listed.get_by_role("link", name=re.compile("^gateway-production"))).to_have_count(
        7
    )
    await keep_all_looks(page, "list")
    sizes = "table => [table.parentElement.scrollWidth, table.parentElement.clientWidth]"
    needed, there = await listed.get_by_role("table").evaluate(sizes)
    assert needed <= there


async def test_a_near_miss_is_a_click_away(page: Page) -> None:
    await type_line(page, "/luthien statsu acme")
    refusal = said(page, "There is no command statsu")
    await refusal.get_by_role("button", name="/luthien status acme", exact=True).click()
    await expect(said(page, "acme: running")).to_contain_text("200 in")
