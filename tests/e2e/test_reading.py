"""What only reads: answered to the asker alone, shared when they wish, changing nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.e2e.house import until

if TYPE_CHECKING:
    from tests.e2e.chat import Chat, Message
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEMOS = 23
"""Instances called demo-…: more than fit on a page of 20."""


@dataclass(frozen=True)
class Fleet:
    """acme was created by ada; there are many demos, one of which crashed, and one on its way out.

    `writes` counts what was asked of Railway to change, so far.
    """

    house: House
    chat: Chat
    writes: int

    async def nothing_changed(self) -> bool:
        return await _writes(self.house) == self.writes


async def _writes(house: House) -> int:
    calls = await house.journal("railway")
    return sum((call["document"] or "").startswith("mutation") for call in calls)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fleet(town: House, people: Chat) -> Fleet:
    leaving = datetime.now(UTC) + timedelta(days=6, hours=4, minutes=30)
    for count, name, mark in (
        (DEMOS, "luthien-demo-{n}", "ready"),
        (1, "luthien-crashed", "ready"),
        (1, "luthien-leaving", f"deletion-scheduled:{leaving:%Y-%m-%dT%H:%M:%SZ}"),
        (1, "somebody-elses", ""),
    ):
        await town.control("railway/populate", count=count, name=name, description=mark)
    await town.control("railway/crash", project="luthien-crashed", service="gateway")
    await people.ada.types("/luthien create acme")
    await people.ben.sees("*Create instance acme*: done in", within=30)
    return Fleet(town, people, await _writes(town))


def rows(message: Message, first: str) -> list[list[str]]:
    """The cells of the table whose first column is called so, without its heading."""
    for block in message.blocks:
        if block["type"] == "data_table":
            lines = [[_cell(cell) for cell in row] for row in block["rows"]]
            if lines[0][0] == first:
                return lines[1:]
    raise AssertionError(f"no table of {first} in {message.words}")


def _cell(cell: dict[str, Any]) -> str:
    if cell["type"] == "raw_text":
        return str(cell["text"])
    return "".join(part["text"] for line in cell["elements"] for part in line["elements"])


# ── list ─────────────────────────────────────────────────────────────────────────────────────────


async def test_the_list_is_for_the_asker_alone(fleet: Fleet) -> None:
    await fleet.chat.cleo.types("/luthien list")
    listed = await fleet.chat.cleo.gets("26 instances: 24 running, 1 unhealthy")
    names = [name for name, *_ in rows(listed, "Name")]
    assert names[:2] == ["acme", "crashed"]
    assert names == sorted(names)
    assert len(names) == 20
    assert "somebody-elses" not in listed
    assert "Share here" in listed.buttons
    for other in (fleet.chat.ada, fleet.chat.ben):
        assert listed.ts not in [message.ts for message in await other.messages()]
    assert await fleet.nothing_changed()


async def test_pages_take_the_place_of_each_other(fleet: Fleet) -> None:
    cleo = fleet.chat.cleo
    await cleo.types("/luthien list")
    first = await cleo.gets("(page 1 of 2)")
    await cleo.clicks("Next page", first)
    second = await cleo.gets("(page 2 of 2)")
    assert second.ts == first.ts
    seen = [name for page in (first, second) for name, *_ in rows(page, "Name")]
    assert len(set(seen)) == DEMOS + 3
    await cleo.clicks("Previous page", second)
    await cleo.gets("(page 1 of 2)")


async def test_words_and_states_narrow_it_down(fleet: Fleet) -> None:
    ben = fleet.chat.ben
    await ben.types("/luthien list demo 2")
    found = [name for name, *_ in rows(await ben.gets("instances"), "Name")]
    assert sorted(found) == sorted(f"demo-{n}" for n in range(1, DEMOS + 1) if "2" in str(n))

    await ben.types("/luthien list --state unhealthy")
    [[name, state, address, age]] = rows(await ben.gets("1 instance"), "Name")
    assert (name, state) == ("crashed", "unhealthy")
    assert address.startswith("gateway-production-")
    assert re.fullmatch(r"\d+ (s|min)", age)

    await ben.types("/luthien list --state deletion-scheduled")
    [[name, *_, countdown]] = rows(await ben.gets("1 instance"), "Name")
    assert (name, countdown) == ("leaving", "in 6 d 4 h")

    await ben.types("/luthien list nothing like it")
    nothing = await ben.gets("No instance matches")
    await ben.clicks("Show all", nothing)
    await ben.gets("26 instances")


async def test_share_here_shows_it_to_everybody(fleet: Fleet) -> None:
    ada, ben = fleet.chat.ada, fleet.chat.ben
    await ada.types("/luthien list crashed")
    private = await ada.gets("1 instance")
    await ada.clicks("Share here", private)
    shared = await ben.sees("Shared by <@U0ADA00001> · `/luthien list crashed`", private=False)
    [now], [before] = rows(shared, "Name"), rows(private, "Name")
    assert now[:-1] == before[:-1], "all but the age"
    assert "Share here" not in shared.buttons

    async def withdrawn() -> bool:
        return private.ts not in [message.ts for message in await ada.messages()]

    await until(withdrawn, within=5, what="the private answer to go")


# ── status ───────────────────────────────────────────────────────────────────────────────────────


async def test_status_shows_health_services_and_runs(fleet: Fleet) -> None:
    ada = fleet.chat.ada
    await ada.types("/luthien credentials acme")
    keys = re.findall(r"`((?:sk-luthien|admin)-[\w-]+)`", (await ada.gets("Credentials")).words)
    assert len(keys) == 2

    await ada.types("/luthien status acme")
    status = await ada.gets("acme: running")
    assert re.search(r"\*/health\*\n200 in \d+ ms", status.words)
    assert re.search(r"\*/ready\*\n200 in \d+ ms", status.words)
    services = {name: (state, source) for name, state, _, source in rows(status, "Service")}
    assert services["gateway"] == ("running", "LuthienResearch/luthien-proxy@0c0da23")
    assert services["Postgres"][0] == services["Redis"][0] == "running"
    assert "see config" in status
    assert not any(key in status.words for key in keys)
    [[run, line, state, by, *_]] = rows(status, "Run")
    assert (line, state, by) == ("create acme", "succeeded", "ada")
    assert re.fullmatch(r"r\w{7}", run)
    assert status.links["Console"].startswith("https://railway.com/project/")
    assert status.links["Open"].startswith("http://gateway-production-")
    assert {"Refresh", "Logs", "Variables", "Runs", "Share here"} <= set(status.buttons)
    assert await fleet.nothing_changed()


async def test_status_tells_what_is_wrong(fleet: Fleet) -> None:
    await fleet.chat.cleo.types("/luthien status crashed")
    status = await fleet.chat.cleo.gets("crashed: unhealthy")
    assert re.search(r"\*/health\*\n(502|404) in", status.words)
    assert {name: state for name, state, *_ in rows(status, "Service")}["gateway"] == "crashed"

    await fleet.chat.cleo.types("/luthien status leaving")
    await fleet.chat.cleo.gets("leaving: deletion scheduled", "in 6 d 4 h")


# ── help ─────────────────────────────────────────────────────────────────────────────────────────


async def test_help_shows_what_the_asker_may_do(fleet: Fleet) -> None:
    await fleet.chat.ben.types("/luthien")
    helped = await fleet.chat.ben.gets("What you can do here")
    for command in ("create <instance>", "list", "status <instance>", "cancel <run>"):
        assert f"`/luthien {command}" in helped
    assert "need the role deployer" not in helped

    await fleet.chat.cleo.types("/luthien help")
    helped = await fleet.chat.cleo.gets("What you can do here")
    assert "`/luthien create" not in helped
    beyond = re.search(r"\d+ more commands need the role deployer: (.*)\.", helped.text)
    assert beyond
    assert {"`cancel`", "`clean-up`", "`create`", "`retry`"} <= set(beyond[1].split(", "))
    await fleet.chat.cleo.clicks("List instances", helped)
    await fleet.chat.cleo.gets("26 instances")


async def test_help_about_one_command(fleet: Fleet) -> None:
    for line in ("/luthien help create", "/luthien create --help"):
        await fleet.chat.ben.types(line)
        helped = await fleet.chat.ben.gets("create: Create an isolated instance")
        for words in (
            "<instance>",
            "`--branch` Branch to build",
            "`--plan`",
            "create acme --plan",
        ):
            assert words in helped


# ── plan, runs, run ──────────────────────────────────────────────────────────────────────────────


async def test_a_plan_shows_everything_and_changes_nothing(fleet: Fleet) -> None:
    await fleet.chat.ben.types("/luthien create later --plan")
    plan = await fleet.chat.ben.gets("Plan: Create instance later. Nothing was changed.")
    assert re.search(r"\*Expected duration\*\nabout [\d.]+ s", plan.words), "at this pace"
    assert re.search(r"\*Expected cost\*\nabout \$\d+\.\d\d a month", plan.words)
    assert "+ project luthien-later\n+ database Postgres (postgres)\n" in plan.words
    steps = rows(plan, "#")
    assert [number for number, *_ in steps] == [str(n) for n in range(1, 14)]
    assert steps[0][1] == "Create the project luthien-later"
    assert steps[4] == ["5", "Set 15 variables of gateway", steps[4][2], "2, 3, 4"]
    assert re.fullmatch(r"<?[\d.]+ s", steps[4][2])
    assert await fleet.nothing_changed()
    assert "luthien-later" not in [p["name"] for p in await fleet.house.projects()]


async def test_runs_and_one_run(fleet: Fleet) -> None:
    cleo = fleet.chat.cleo
    await cleo.types("/luthien runs")
    [[run, line, state, by, *_]] = rows(await cleo.gets("1 run"), "Run")
    assert (line, state, by) == ("create acme", "succeeded", "ada")

    await cleo.clicks(f"Show {run}")
    shown = await cleo.gets("Create instance acme: succeeded", "create acme, by ada")
    steps = rows(shown, "Step")
    assert [state for _, state, *_ in steps] == ["done"] * 13
    assert steps[0][0] == "Create the project luthien-acme"
    root = await cleo.sees("✅ *Create instance acme*", private=False)
    assert shown.links["Open the thread"].endswith(f"/p{root.thread_ts}".replace(".", ""))

    await cleo.types("/luthien run acme")  # the newest about it
    await cleo.gets("Create instance acme: succeeded", run)
    await cleo.types("/luthien runs demo-1")
    await cleo.gets("No runs of demo-1 yet")


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


async def test_usage_is_numbers_and_charts(fleet: Fleet) -> None:
    cleo = fleet.chat.cleo
    await cleo.types("/luthien usage acme")
    said = await cleo.gets("acme:", "so far")
    assert {row[0] for row in rows(said, "Service")} == {"gateway", "Postgres", "Redis"}
    charts = [b for b in said.blocks if b["type"] == "data_visualization"]
    assert [c["title"] for c in charts] == ["Memory", "CPU"]
    memory = {s["name"]: s["data"][-1]["value"] for s in charts[0]["chart"]["series"]}
    assert memory["gateway"] > memory["Redis"] > 0
    assert await fleet.nothing_changed()


async def test_where_slack_knows_no_charts_their_numbers_come_in_a_table(fleet: Fleet) -> None:
    cleo, house = fleet.chat.cleo, fleet.house
    await house.slack_knows_no("data_visualization")
    try:
        await cleo.types("/luthien usage acme --since 1h")
        said = await cleo.gets("acme:", "in the last 1h")
    finally:
        await house.slack_knows_no()
    kinds = [block["type"] for block in said.blocks]
    assert "data_visualization" not in kinds
    assert "data_table" in kinds, "only what was refused is left out"
    assert "vCPU" in said.shown
    grids = [b for b in said.blocks if b["type"] == "rich_text"]
    assert len(grids) == 2
