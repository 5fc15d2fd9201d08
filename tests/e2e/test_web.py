"""The control plane's own page in a real browser: let in from Slack, an instance made and watched,
and deleted.

With LUTHIEN_SCREENSHOTS set to a folder, what is seen on the way is kept there (see
`test_browser.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.browser import DESKTOP, KEPT, PHONE, browser, watchable
from tests.e2e.chat import Chat, Person
from tests.e2e.house import House

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with watchable(tmp_path_factory.mktemp("web")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as running:
        yield running


async def way_in(demo: House, name: str) -> str:
    """The link that a person gets in Slack, for their eyes only."""
    person: Person = getattr(Chat(demo.http), name)
    await person.types("/luthien web")
    got = await person.gets("Your way into the web page")
    assert got.private
    url: str = got.links["Open the web page"]
    assert url.startswith(f"http://{demo.settings['LUTHIEN_LISTEN']}/sign-in/")
    assert url not in got.text, "a notification tells nobody"
    return url


COMPLAINTS: list[str] = []
"""What the pages' scripts, or the browser about the pages' policy, said."""


@pytest.fixture(autouse=True)
def _nobody_complains() -> Iterator[None]:
    COMPLAINTS.clear()
    yield
    assert COMPLAINTS == []


async def visit(demo: House, chromium: Browser, name: str) -> Page:
    """Signed in, in a window of their own."""
    context = await chromium.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="UTC")
    page = await context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: COMPLAINTS.append(str(error)))
    page.on("console", lambda line: _complain(line.type, line.text))
    await page.goto(await way_in(demo, name))
    await page.get_by_role("button", name=f"Sign in as {name}").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("instance")
    return page


def _complain(kind: str, words: str) -> None:
    if kind == "error":
        COMPLAINTS.append(words)


async def keep(page: Page, name: str) -> None:
    if KEPT:
        await page.screenshot(path=f"{KEPT}/{name}.png", animations="disabled")


async def test_an_instance_is_made_and_watched_and_deleted(demo: House, chromium: Browser) -> None:
    page = await visit(demo, chromium, "ben")
    await page.get_by_role("link", name="Create an instance").click()
    await page.get_by_label("Instance").fill("acme")
    await page.get_by_role("button", name="Run it").click()

    await expect(page.get_by_role("heading", level=1)).to_have_text("Create instance acme")
    steps = page.locator(".timeline li")
    await expect(steps.first).to_contain_text("done")
    await expect(page.locator("[data-step=running]").first).to_contain_text("under way")
    await expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    await expect(steps.filter(has_text="Wait until gateway is deployed")).to_contain_text(
        "BUILDING"
    )
    await keep(page, "web-run")
    await expect(page.get_by_role("status")).to_have_text("succeeded", timeout=30_000)
    await expect(page.locator("[data-step=done]")).to_have_count(await steps.count())
    await page.get_by_role("link", name="Show credentials").click()
    await expect(page.locator(".secrets code").first).to_contain_text("sk-luthien-")

    await page.get_by_role("link", name="Instances", exact=True).click()
    await page.get_by_role("link", name="acme", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("acme")
    offered = page.get_by_role("group", name="What can be done with acme").locator("a, button")
    assert await offered.all_inner_texts() == [
        *("Config", "Credentials", "Lock", "Logs", "Policy config", "Redeploy", "Restart"),
        *("Rollback", "Rotate", "Runs", "Usage", "Delete …"),
    ], "nothing that makes no sense for one that is well"
    await keep(page, "web-well")
    await demo.luthien("lock", "acme", "debugging")
    await page.reload()
    assert await offered.all_inner_texts() == [
        *("Unlock acme", "Credentials", "Logs", "Runs", "Usage")
    ]
    await page.get_by_role("link", name="Unlock acme").click()
    await page.get_by_label("Steal").fill("customer is down")
    await keep(page, "web-unlock")
    await page.get_by_role("button", name="Run it").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("acme is unlocked")
    await page.get_by_role("link", name="Status").click()
    await page.get_by_role("button", name="Delete …").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("what would be lost")
    await page.get_by_role("button", name="Delete acme").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Keep as it is")).to_be_focused()
    await keep(page, "web-delete")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert [p["description"] for p in await demo.projects()] == ["ready"]
    await page.get_by_role("button", name="Delete acme").click()
    await dialog.get_by_role("button", name="Delete it").click()
    await expect(page.get_by_role("status")).to_have_text("succeeded")
    [project] = await demo.projects()
    assert project["description"].startswith("deletion-scheduled:")
    await page.get_by_role("link", name="Status").click()
    assert "Delete …" not in await offered.all_inner_texts()
    assert (await offered.all_inner_texts())[0] == "Keep acme", "what it calls for comes first"
    await keep(page, "web-leaving")
    await page.get_by_role("link", name="Scheduled deletions").click()
    await page.get_by_role("button", name="Keep acme").click()
    await expect(page.get_by_role("status")).to_have_text("succeeded")


async def test_it_fits_every_screen_and_both_colours(demo: House, chromium: Browser) -> None:
    await demo.control("railway/populate", count=4, name="luthien-demo-{n}", description="ready")
    page = await visit(demo, chromium, "ada")
    await keep(page, "web-instances")
    for where in ("/", "/runs", "/commands", "/c/audit", "/c/create", "/instances/demo-1"):
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            for size in (PHONE, DESKTOP):
                await page.set_viewport_size(size)
                await page.goto(f"http://{demo.settings['LUTHIEN_LISTEN']}{where}")
                wide = "document.documentElement.scrollWidth"
                assert await page.evaluate(wide) <= size["width"], (where, size)
                if where == "/" and size is PHONE:
                    await keep(page, f"web-phone-{scheme}")


async def test_another_window_follows_what_is_under_way(demo: House, chromium: Browser) -> None:
    page = await visit(demo, chromium, "cleo")
    await expect(page.get_by_role("link", name="Create an instance")).to_have_count(0)
    await expect(page.get_by_text("Nothing is under way")).to_be_visible()
    await Chat(demo.http).ben.types("/luthien create watched")
    await expect(page.get_by_role("link", name="Create instance watched")).to_be_visible()
    await expect(page.get_by_text("Nothing is under way")).to_be_visible(timeout=30_000)


async def test_the_command_lines_owner_gets_in_and_a_key_asks(demo: House) -> None:
    ran = await demo.luthien("web", "--json")
    assert ran.code == 0, ran.err
    key = await demo.luthien("apikey", "create", "report", "--role", "viewer", "--json")
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as http:
        assert "Sign in as" in (await http.get(ran.json["url"])).text
        base = f"http://{demo.settings['LUTHIEN_LISTEN']}/api/v1"
        headers = {"Authorization": f"Bearer {key.json['key']}"}
        listed = await http.get(f"{base}/instances", headers=headers)
        assert listed.status_code == 200
        refused = await http.post(
            f"{base}/commands/create", headers=headers, json={"instance": "x"}
        )
        assert refused.status_code == 403
        assert re.search("needs the role deployer", refused.json()["error"])
        await demo.luthien("apikey", "revoke", "report")
        gone = await http.get(f"{base}/instances", headers=headers)
        assert gone.status_code == 401
