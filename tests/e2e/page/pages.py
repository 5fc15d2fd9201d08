"""What the tests of the page do again and again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Locator, Page


async def open_page(page: Page, path: str = "") -> None:
    """Opens the page and waits until it listens to the workspace."""
    await page.goto(f"/{path}")
    await page.wait_for_selector(".workspace .link-state.is-quiet", state="attached")
    await page.wait_for_selector(":is(.feed:not(.is-loading), .home)", state="attached")


async def until(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Waits for something on the server's side to become true."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 (the workspace is plain data without events)
            await asyncio.sleep(0.01)


def echo(page: Page, text: str) -> Locator:
    """What was typed here and is not a message yet."""
    return page.locator(".is-echo", has_text=text)


def message(page: Page, text: str) -> Locator:
    """A message of the main pane."""
    return page.locator(".main .message", has_text=text)
