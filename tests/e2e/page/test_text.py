"""Message text: Slack's mrkdwn, Markdown, and that none of it becomes markup by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.fake_server import ADA
from tests.e2e.page.pages import message, open_page

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

RENDER = """async ([module, name, text]) => {
  const main = document.querySelector("script[type=module]").src;
  const { mount, h } = await import(main.replace("main", "vdom"));
  const rendered = (await import(main.replace("main", module)))[name](text);
  const box = document.createElement("div");
  mount(box, h("div", {}, rendered));
  for (const el of box.querySelectorAll("*"))
    for (const attribute of [...el.attributes])
      if (!["href", "class"].includes(attribute.name) || attribute.value === "paragraph" || attribute.value === "code-span ")
        el.removeAttribute(attribute.name);
  for (const el of box.querySelectorAll("span:not([class]), .code-block > button")) el.replaceWith(...(el.tagName === "BUTTON" ? [] : el.childNodes));
  return box.firstChild.innerHTML;
}"""  # noqa: E501


async def test_mrkdwn(page: Page) -> None:
    await open_page(page)
    for text, markup in scenes.scene("mrkdwn"):
        assert await page.evaluate(RENDER, ["mrkdwn", "mrkdwn", text]) == markup, text


async def test_markdown(page: Page) -> None:
    await open_page(page)
    for text, markup in scenes.scene("markdown"):
        assert await page.evaluate(RENDER, ["markdown", "markdown", text]) == markup, text


HOSTILE = (
    '<img src=x onerror="document.title=1"> <script>document.title=1</script> "><svg onload=x>'
)


async def test_text_from_anywhere_stays_text(page: Page, world: Workspace) -> None:
    hostile_plain = {"type": "plain_text", "text": HOSTILE}
    world.post(
        text=HOSTILE,
        username=HOSTILE,
        files=[{"id": "F1", "name": HOSTILE, "mimetype": "application/zip", "size": 10}],
        attachments=[{"title": HOSTILE, "title_link": "javascript:alert(1)", "color": HOSTILE}],
        reactions=[{"name": HOSTILE, "users": [ADA], "count": 1}],
    )
    world.post(
        blocks=[
            {"type": "header", "block_id": "a", "text": hostile_plain},
            {"type": "image", "block_id": "b", "image_url": "javascript:x", "alt_text": HOSTILE},
            {"type": HOSTILE, "block_id": "c"},
            {"type": "markdown", "block_id": "d", "text": HOSTILE},
        ]
    )
    await open_page(page)
    await expect(page.locator(".message").first).to_contain_text("<script>")
    assert (
        await page.locator(".messages script, .messages [onerror], .messages svg[onload]").count()
        == 0
    )
    assert await page.locator("[href^=javascript]").count() == 0
    assert await page.title() != "1"


async def test_the_server_forbids_foreign_scripts_and_inline_ones(page: Page) -> None:
    response = await page.goto("/")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "default-src 'none'" in policy
    assert response.headers["cache-control"] == "no-cache"


async def test_code_is_copied_by_a_click(page: Page, world: Workspace) -> None:
    world.post(text="Key: `sk-luthien-4f9a`\n```\nmake demo\n```")
    await open_page(page)
    copied = "navigator.clipboard.readText()"
    await message(page, "Key").get_by_role("button", name="sk-luthien-4f9a, copy").click()
    await expect(page.locator(".toast")).to_contain_text("Copied")
    assert await page.evaluate(copied) == "sk-luthien-4f9a"
    await message(page, "Key").hover()
    await page.get_by_role("button", name="Copy this code").click()
    await expect(page.locator(".toast", has_text="Copied").first).to_be_visible()
    assert await page.evaluate(copied) == "make demo"
