"""A headless Chromium for browser tests.

`chromium` is a page in a browser of its own, in the test's own event loop: what a single e2e test
needs. Suites with many tests open one `browser()` for a whole module (see `tests/e2e/page`).
"""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.e2e.house import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page, ViewportSize

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser")

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


KEPT = os.environ.get("LUTHIEN_SCREENSHOTS", "")
"""The folder for screenshots; empty: none are kept."""
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PATIENCE_MS = 30_000
"""What is waited for at most: a page on a machine that has more to do."""
expect.set_options(timeout=PATIENCE_MS)


@asynccontextmanager
async def watchable(folder: Path) -> AsyncIterator[House]:
    """A house in which a create takes five seconds: long enough to be watched."""
    async with open_house(folder, speed=25.0) as opened:
        await opened.serve()
        yield opened


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A running Chromium; the test is skipped where none is installed."""
    if EXECUTABLE is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=EXECUTABLE, args=[*_QUIET])
        try:
            yield running
        finally:
            await running.close()


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Page]:
    """A page of 1280 by 800 in a fresh browser."""
    async with browser() as running:
        page = await running.new_page(viewport=DESKTOP)
        page.set_default_timeout(PATIENCE_MS)
        yield page
