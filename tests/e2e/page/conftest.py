"""One Chromium and one event loop for each module; a fresh workspace and page for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.e2e.browser import browser
from tests.e2e.page.fake_server import Workspace, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Browser]:
    async with browser() as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def world() -> Workspace:
    return Workspace()


@pytest_asyncio.fixture(loop_scope="module")
async def address(world: Workspace) -> AsyncIterator[str]:
    async with serve(world) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def page(running: Browser, address: str) -> AsyncIterator[Page]:
    """A desktop-sized page, not opened yet; an error of its scripts fails the test."""
    context = await running.new_context(
        viewport={"width": 1280, "height": 800},
        base_url=address,
        locale="en-GB",
        timezone_id="UTC",
    )
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    one = await context.new_page()
    one.set_default_timeout(5_000)
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    one.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield one
    await context.close()
    scripts = [error for error in errors if "Failed to load resource" not in error]
    assert scripts == []
