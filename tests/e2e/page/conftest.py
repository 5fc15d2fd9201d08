"""One Chromium, server and event loop for all; a fresh workspace and page for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.e2e.browser import browser
from tests.e2e.page.fake_server import Workspace, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running() -> AsyncIterator[Browser]:
    async with browser() as one:
        yield one


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage() -> AsyncIterator[tuple[Workspace, str]]:
    """One server for all tests: its address stays, so the browser keeps the page's files."""
    workspace = Workspace()
    async with serve(workspace) as url:
        yield workspace, url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def context(running: Browser, stage: tuple[Workspace, str]) -> AsyncIterator[BrowserContext]:
    one = await running.new_context(
        viewport={"width": 1280, "height": 800},
        base_url=stage[1],
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    yield one
    await one.close()


@pytest_asyncio.fixture(loop_scope="session")
async def world(stage: tuple[Workspace, str]) -> Workspace:
    """The workspace, as on the first day."""
    stage[0].reset()
    return stage[0]


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, world: Workspace) -> AsyncIterator[Page]:
    """A desktop-sized page, not opened yet; an error of its scripts fails the test."""
    one = await context.new_page()
    one.set_default_timeout(30_000)
    errors: list[str] = []
    one.on("pageerror", lambda error: errors.append(str(error)))
    one.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield one
    if one.url.startswith("http"):
        await one.evaluate("localStorage.clear()")
    await one.close()
    scripts = [error for error in errors if "Failed to load resource" not in error]
    assert scripts == []
