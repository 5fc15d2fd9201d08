"""Block Kit as a person sees it: every block type, and the official fixtures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.e2e.page import scenes
from tests.e2e.page.pages import message, open_page, until

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.e2e.page.fake_server import Json, Workspace

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPECS = os.environ.get("LUTHIEN_SPECS")
FIXTURES = Path(SPECS or ".") / "slack/slackblocks-spec/spec/fixtures/valid"


def as_block(path: Path) -> Json:
    """A fixture as one block: blocks as they are, elements and rich text inside their frame."""
    content: Json = json.loads(path.read_text())
    kind = path.parent.name
    if kind == "elements" and content["type"] in ("image", "url"):
        content = {"type": "context", "elements": [scenes.mrkdwn("instead")]}
    elif kind == "elements" and content["type"] == "file_input":
        content = {"type": "input", "label": scenes.plain("File"), "element": content}
    elif kind == "elements":
        content = {"type": "actions", "elements": [content]}
    elif kind == "rich_text" and not content["type"].startswith("rich_text"):
        content = {"type": "rich_text_section", "elements": [content]}
    if kind == "rich_text":
        content = {"type": "rich_text", "elements": [content]}
    return content | {"block_id": f"{kind}-{path.stem}"}


@pytest.mark.skipif(SPECS is None, reason="LUTHIEN_SPECS names no folder with the fixtures")
async def test_every_valid_fixture_is_drawn(page: Page, world: Workspace) -> None:
    drawn = [
        path
        for kind in ("blocks", "elements", "rich_text")
        for path in sorted((FIXTURES / kind).glob("*.json"))
    ]
    assert len(drawn) > 60
    for start in range(0, len(drawn), 12):
        world.post(text="fixtures", blocks=[as_block(path) for path in drawn[start : start + 12]])
    await open_page(page)
    await expect(page.locator(".message-body > .block")).to_have_count(len(drawn))
    unknown = await page.locator(".main .unknown").all_inner_texts()
    assert unknown == []
    empty = await page.eval_on_selector_all(
        ".main .block",
        "all => all.filter(one => !one.firstElementChild).map(one => one.className)",
    )
    assert empty == []


async def test_an_unknown_block_is_shown_as_such(page: Page, world: Workspace) -> None:
    world.post(blocks=[{"type": "hologram", "block_id": "x", "depth": 3}, scenes.section("after")])
    await open_page(page)
    await expect(page.locator(".unknown")).to_contain_text("cannot draw a “hologram” block")
    await expect(message(page, "after")).to_be_visible()


async def test_plan_shows_what_is_done_and_what_went_wrong(page: Page, world: Workspace) -> None:
    tasks: list[Json] = [
        {"task_id": "a", "title": "Create project", "status": "complete"},
        {"task_id": "b", "title": "Deploy", "status": "error", "details": scenes.rich("no " * 99)},
        {"task_id": "c", "title": "Check", "status": "pending"},
        {
            "task_id": "d",
            "title": "Look around",
            "status": "in_progress",
            "output": scenes.rich("found it"),
            "sources": [{"type": "url", "url": "https://example.com/a", "text": "source"}],
        },
    ]
    world.post(blocks=[{"type": "plan", "block_id": "p", "title": "Creating", "tasks": tasks}])
    await open_page(page)
    plan = page.locator(".plan")
    await expect(plan.locator("summary").first).to_contain_text("1 of 4")
    states = await plan.locator("li > .status").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert states == ["Done", "Failed", "Waiting", "Running"]
    await expect(plan.get_by_text("found it")).to_be_visible()
    await expect(plan.get_by_text("no no no")).to_be_visible()  # failures start unfolded
    await expect(plan.get_by_role("link", name="source")).to_have_attribute(
        "href", "https://example.com/a"
    )
    await plan.locator("summary").first.click()
    await expect(plan.get_by_text("Create project")).to_be_hidden()


async def test_what_was_folded_stays_folded_when_the_message_changes(
    page: Page, world: Workspace
) -> None:
    posted = world.post(text="run", blocks=scenes.run_blocks(2))
    await open_page(page)
    await page.locator(".plan > summary").click()
    world.edit(posted, blocks=scenes.run_blocks(3))
    await expect(page.locator(".plan-count")).to_have_text("3 of 7")
    await expect(page.get_by_text("Create Redis")).to_be_hidden()


def number(value: float) -> Json:
    return {"type": "raw_number", "value": value, "text": str(value)}


def word(text: str) -> Json:
    return {"type": "raw_text", "text": text}


async def test_data_tables_are_sorted_and_paged(page: Page, world: Workspace) -> None:
    rows = [[word(name), number(age)] for name, age in (("b", 3), ("a", 10), ("d", 1), ("c", 2))]
    table = {"type": "data_table", "block_id": "t", "caption": "Instances", "page_size": 3}
    world.post(blocks=[table | {"rows": [[word("Name"), word("Age")], *rows]}])
    await open_page(page)
    shown = page.locator(".data-table tbody")
    await expect(shown.locator("tr")).to_have_count(3)
    await expect(page.get_by_text("1–3 of 4")).to_be_visible()
    await page.get_by_role("button", name="Next page").click()
    await expect(shown).to_have_text("c2")
    await page.get_by_role("button", name="Age", exact=True).click()
    await expect(shown.locator("tr").first).to_have_text("d1")
    await page.get_by_role("button", name="Age", exact=True).click()
    await expect(shown.locator("tr").first).to_have_text("a10")
    await expect(page.locator("th[aria-sort=descending]")).to_have_text("Age")


async def test_tables_follow_their_columns(page: Page, world: Workspace) -> None:
    linked = scenes.rich("x") | {"block_id": "r"}
    table = {"type": "table", "block_id": "t", "column_settings": [{}, {"align": "right"}]}
    world.post(blocks=[table | {"rows": [[word("A"), word("B")], [linked, number(7)]]}])
    await open_page(page)
    await expect(page.locator(".table th")).to_have_text(["A", "B"])
    await expect(page.locator(".table td").nth(1)).to_have_class("is-right ")


async def test_charts_draw_their_numbers(page: Page, world: Workspace) -> None:
    data = [{"label": "Mon", "value": 12}, {"label": "Tue", "value": -4}]
    series = [{"name": "ops", "data": data}, {"name": "dev", "data": data}]
    axis = {"categories": ["Mon", "Tue"], "x_label": "Day"}
    for kind in ("bar", "line", "area"):
        chart: Json = {"type": kind, "series": series, "axis_config": axis}
        block = {"type": "data_visualization", "block_id": kind, "title": kind, "chart": chart}
        world.post(blocks=[block])
    pie = {"type": "pie", "segments": [{"label": "A", "value": 1}, {"label": "B", "value": 3}]}
    world.post(
        blocks=[{"type": "data_visualization", "block_id": "pie", "title": "pie", "chart": pie}]
    )
    await open_page(page)
    charts = page.locator(".chart")
    await expect(charts.nth(0).locator("rect")).to_have_count(4)
    heights = (
        await charts.nth(0)
        .locator("rect")
        .evaluate_all("all => all.map(r => +r.getAttribute('height'))")
    )
    assert heights[0] == pytest.approx(heights[1] * 3, rel=0.02)
    await expect(charts.nth(1).locator("path.line")).to_have_count(2)
    await expect(charts.nth(2).locator("path.area")).to_have_count(2)
    await expect(charts.nth(3).locator("path.slice")).to_have_count(2)
    await expect(charts.nth(3).locator(".chart-legend")).to_contain_text("B 75%")
    svg = charts.nth(0).get_by_role("img", name="bar: bar chart")
    await expect(svg).to_contain_text("Day")
    await expect(charts.nth(0).get_by_role("row", name="ops, Mon 12")).to_be_attached()


async def test_frames(page: Page, world: Workspace) -> None:
    world.post(blocks=scenes.scene("frames"))
    await open_page(page)
    await expect(page.get_by_text("inside")).to_be_hidden()
    await page.get_by_text("Logs").click()
    await expect(page.get_by_text("inside")).to_be_visible()
    await expect(page.get_by_role("note")).to_have_text("Careful")
    await page.get_by_role("button", name="Open").click()
    await until(lambda: any(called == "click" for called, _ in world.calls))
    assert world.last("click")["action_id"] == "open_card"
    await expect(page.locator(".carousel li")).to_have_count(2)
    await expect(page.get_by_role("link", name="Film", exact=True)).to_have_attribute(
        "href", "https://example.com/v"
    )
    await expect(page.get_by_role("img", name="Our sign")).to_be_visible()


async def test_a_picture_that_is_not_there_says_what_it_would_show(
    page: Page, world: Workspace
) -> None:
    world.post(
        blocks=[
            {"type": "image", "block_id": "i", "image_url": "/none.png", "alt_text": "A beagle"}
        ]
    )
    await open_page(page)
    await expect(page.locator(".picture-alt")).to_be_visible()
    await expect(page.locator(".picture-alt")).to_have_text("A beagle")


async def test_files_are_previewed(page: Page, world: Workspace) -> None:
    world.files["F1"] = "line one\nline two"
    world.post(
        text="log",
        files=[{"id": "F1", "name": "deploy.log", "mimetype": "text/plain", "size": 17}],
    )
    await open_page(page)
    card = page.locator(".file-card")
    await expect(card).to_contain_text("deploy.log")
    await expect(card).to_contain_text("17 bytes")
    await expect(card.locator("pre")).to_have_text("line one\nline two")
    await expect(card.get_by_role("link", name="Download")).to_have_attribute(
        "href", "/control/slack/file?as=ada&id=F1"
    )
