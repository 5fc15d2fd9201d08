"""The panel beside the chat: what exists on Railway, and the journal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.pages import open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.e2e.page.fake_server import Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")


def project(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=f"Project {name}")


async def test_a_link_to_railways_console_leads_to_the_panel(page: Page, world: Workspace) -> None:
    world.railway = scenes.scene("railway")
    known = world.railway["projects"][0]
    url = f"https://railway.com/project/{known['id']}/service/s-1?id=d-1"
    posted = scenes.section(f"<{url}|Console>")
    world.post(blocks=[posted])
    await open_page(page)
    await page.get_by_role("link", name="Console").click()
    await expect(project(page, known["name"])).to_be_focused()
    assert page.url.startswith("http://127.0.0.1")


async def test_projects_appear_and_change_live(page: Page, world: Workspace) -> None:
    await open_page(page)
    await expect(page.get_by_text("Nothing exists on Railway yet.")).to_be_visible()
    world.railway = scenes.scene("railway")
    world.hint(type="railway")
    acme = project(page, "luthien-acme")
    gateway = acme.get_by_role("listitem").filter(has_text="gateway-production")
    await expect(gateway).to_contain_text("Build image")
    await expect(gateway).to_contain_text("Commit 4be1f0c")
    await expect(gateway.get_by_role("link")).to_have_count(0)  # nothing answers there yet
    await expect(acme.get_by_role("listitem").filter(has_text="Postgres")).to_contain_text(
        "Volume at /var/lib/postgresql/data"
    )
    service = world.railway["projects"][0]["environments"][0]["services"][0]
    service["deployment"] |= {"status": "SUCCESS", "phase": None}
    world.hint(type="railway")
    link = gateway.get_by_role("link", name="gateway-production-ab12.localhost")
    port = page.url.split(":")[2].split("/")[0]
    await expect(link).to_have_attribute(
        "href", f"http://gateway-production-ab12.localhost:{port}/"
    )
    await expect(gateway).to_contain_text("Running")


async def test_failures_and_deletions_are_seen(page: Page, world: Workspace) -> None:
    world.railway = scenes.scene("railway")
    soon = datetime.now(UTC) + timedelta(days=6, hours=1)
    world.railway["projects"][1]["delete_at"] = soon.isoformat()
    await open_page(page)
    umbrella = project(page, "luthien-umbrella")
    await expect(umbrella).to_contain_text("Will be deleted in 6 days")
    await expect(umbrella.get_by_role("img", name="Failed")).to_be_visible()
    await expect(umbrella).to_contain_text("Crashed")
    await page.get_by_text("1 deleted").click()
    await expect(page.get_by_text("luthien-initech")).to_be_visible()


async def test_the_panel_can_be_put_away(page: Page, world: Workspace) -> None:
    await open_page(page)
    panel = page.get_by_role("complementary", name="What the stand-ins see")
    await panel.get_by_role("button", name="Close the panel").click()
    await expect(panel).to_have_count(0)
    await page.reload()
    await expect(panel).to_have_count(0)
    await page.get_by_role("button", name="Railway").click()
    await expect(panel).to_be_visible()


async def test_thread_and_panel_share_the_room_that_there_is(page: Page, world: Workspace) -> None:
    root = scenes.run(world)
    await open_page(page, f"#/channel/ops/thread/{root['ts']}")  # 1280 wide: one of them
    thread = page.get_by_role("complementary", name="Thread")
    panel = page.get_by_role("complementary", name="What the stand-ins see")
    await expect(thread).to_be_visible()
    await expect(panel).to_be_hidden()
    await page.get_by_role("button", name="Railway").click()
    await expect(panel).to_be_visible()
    await expect(thread).to_be_hidden()
    await page.set_viewport_size({"width": 1600, "height": 900})
    await expect(thread).to_be_visible()
    await expect(panel).to_be_visible()


async def test_the_journal_tells_what_was_asked(page: Page, world: Workspace) -> None:
    world.journal = scenes.scene("journal")
    await open_page(page)
    await page.get_by_role("tab", name="Journal").click()
    lines = page.locator(".journal-button")
    await expect(lines).to_have_count(4)
    await expect(lines.first).to_have_text("05:00:04slackchat.updatelost")
    await expect(lines.nth(1).locator(".is-bad")).to_have_text("429")
    await lines.nth(2).click()
    await expect(page.locator(".journal-details")).to_contain_text("mutation projectCreate")
    await expect(page.locator(".journal-details")).to_contain_text('"name": "luthien-acme"')
    pending = world.journal[0] | {"seq": 5, "operation": "views.open"}
    world.journal.append(pending | {"status": None, "duration_ms": None})
    world.hint(type="journal", seq=5)
    await expect(lines.first).to_have_text("05:00:00slackviews.open…")
    world.journal[-1] = pending
    world.journal.append(world.journal[0] | {"seq": 6, "operation": "chat.postMessage"})
    world.hint(type="journal", seq=6)
    await expect(lines.first).to_contain_text("chat.postMessage")
    await expect(lines.nth(1)).to_have_text("05:00:00slackviews.open200")
    await page.get_by_label("Vendor").select_option("railway")
    await expect(lines).to_have_count(2)


async def test_the_journal_is_not_asked_while_nobody_looks(page: Page, world: Workspace) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await open_page(page)
    world.hint(type="journal", seq=1)
    world.railway = scenes.scene("railway")
    world.hint(type="railway")
    await expect(project(page, "luthien-acme")).to_be_visible()
    await until(lambda: bool(asked))
    assert not any("/control/journal" in url for url in asked)
