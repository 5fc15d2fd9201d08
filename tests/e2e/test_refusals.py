"""Every way to be refused: what, why, who can help, the next command; and nothing is started."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.chat import Chat, assert_says
from tests.e2e.house import House, open_house

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACME_PRIVATE = "acme/private-thing"
"""A repository at the stand-in that Railway was given no access to."""


@asynccontextmanager
async def nothing_is_made(house: House, name: str) -> AsyncIterator[None]:
    """No run is told to the channel, no project of this name is asked for."""
    yield
    told = [m for m in await Chat(house.http).ben.messages() if not m.private]
    assert not any(f"create {name}" in m or f"instance {name}:" in m for m in told)
    calls = await house.journal("railway")
    asked = [c["variables"] for c in calls if c["operation"] == "projectCreate"]
    assert f"luthien-{name}" not in str(asked)


@asynccontextmanager
async def slow_builds(house: House) -> AsyncIterator[None]:
    """Half a minute each, so that something can happen meanwhile."""
    await house.http.put("/control/state", json={"railway": {"settings": {"pace": 40.0}}})
    try:
        yield
    finally:
        await house.http.put("/control/state", json={"railway": {"settings": {"pace": 1.0}}})


# ── Names ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Acme", "must be lowercase, e.g. acme"),
        ("my_app", "may hold only lowercase letters, digits and hyphens, not `_`"),
        ("9lives", "must start with a letter"),
        ("-acme", "must start with a letter"),
        ("acme-", "must not end with a hyphen"),
        ("my--app", "must not have two hyphens in a row"),
        ("a" * 64, "may have at most 63 characters; this one has 64"),
        ("größe", "may hold only lowercase letters, digits and hyphens, not `ö`"),
    ],
)
async def test_a_bad_name(town: House, people: Chat, name: str, why: str) -> None:
    asked = len(await town.journal("railway"))
    async with nothing_is_made(town, name):
        await people.ada.types(f"/luthien create {name}")
        refusal = await people.ada.gets("`create` cannot be done as typed")
    assert_says(
        refusal,
        what="`create` cannot be done as typed",
        why=f"instance {why}",
        who="You can type it again.",
        then="/luthien create acme",
    )
    assert len(await town.journal("railway")) == asked  # checked before any call


async def test_a_bad_name_is_corrected_in_a_form(town: House, people: Chat) -> None:
    ada = people.ada
    await ada.types("/luthien create Mended")
    await ada.clicks("Correct it in a form", await ada.gets("must be lowercase"))
    form = await ada.modal()
    assert form["state"]["values"]["instance"]["value"]["value"] == "Mended"
    assert await ada.submits(Instance="mended") == {}
    await people.ben.sees("Create instance mended", "`/luthien create mended`", private=False)


async def test_a_name_that_is_taken(town: House, people: Chat) -> None:
    made = await town.control("railway/populate", count=1, name="luthien-old", description="ready")
    async with nothing_is_made(town, "old"):
        await people.ben.types("/luthien create old")
        refusal = await people.ben.gets("The name `old` is taken.")
    assert_says(
        refusal,
        what="The name `old` is taken.",
        why="The project luthien-old was made ",
        who="Choose another name, or ask whoever uses this one.",
        then="/luthien status old",
    )
    [project] = made["projects"]
    assert refusal.links["Open it"] == f"https://railway.com/project/{project}"
    await people.ben.clicks("/luthien status old", refusal)
    await people.ben.gets("old: running", "/ready", "200 in ")


async def test_a_name_that_another_run_holds(town: House, people: Chat) -> None:
    ada, ben = people.ada, people.ben
    async with slow_builds(town):
        await ada.types("/luthien create twin")
        root = await ben.sees("Create instance twin", "Wait until gateway is deployed ·")
        await ben.types("/luthien create twin")
        refusal = await ben.gets("`twin` is held by run")
        found = re.search(r"held by run `(\w+)` \(Create instance twin, running\)", refusal.text)
        assert found
        assert_says(
            refusal,
            what="`twin` is held by run",
            why="one run at a time may change it",
            who="ada or an admin can cancel it",
            then=f"/luthien run {found[1]}",
        )
        assert refusal.links["Open its thread"].endswith(f"/p{root.ts.replace('.', '')}")
        await ada.clicks("Cancel", root)
        stopped = await ben.sees("*Create instance twin*: Stopped by ada", within=20)

    # Once it is over it does not end by itself: somebody has to decide.
    await ben.types("/luthien create twin")
    refusal = await ben.gets(f"`twin` is held by run `{found[1]}`")
    assert_says(
        refusal,
        what="`twin` is held by run",
        why="It did not reach its end, and what it made is kept until somebody decides.",
        who="ada or an admin can go on with it (`retry`) or remove it (`clean-up`).",
        then=f"/luthien run {found[1]}",
    )
    await ada.clicks("Remove what was made", stopped)
    await ben.sees("*Create instance twin*: What it had made is removed")
    assert [p["name"] for p in await town.projects()].count("luthien-twin") == 0
    roots = [m for m in await ben.messages() if m.ts == m.thread_ts and "instance twin" in m]
    assert len(roots) == 1


# ── People ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_viewer_may_not_create(town: House, people: Chat) -> None:
    async with nothing_is_made(town, "mine"):
        await people.cleo.types("/luthien create mine")
        refusal = await people.cleo.gets("`create` needs the role deployer; yours is viewer.")
    assert_says(
        refusal,
        what="`create` needs the role deployer; yours is viewer.",
        why="Nothing was asked of any vendor.",
        who="<@U0ADA00001>",
        then="/luthien help create",
    )
    assert "role grant U0CLEO0001" in refusal.text
    await people.cleo.clicks("/luthien help create", refusal)
    await people.cleo.gets("It needs the role deployer; yours is viewer.")


async def test_a_viewer_is_spared_the_form(town: House, people: Chat) -> None:
    await people.cleo.types("/luthien create")
    await people.cleo.gets("`create` needs the role deployer; yours is viewer.")


async def test_a_viewer_may_not_press_the_buttons_of_others(town: House, people: Chat) -> None:
    async with slow_builds(town):
        await people.ben.types("/luthien create busy")
        root = await people.cleo.sees("Create instance busy", private=False)
        await people.cleo.clicks("Cancel", root)
        await people.cleo.gets("`cancel` needs the role deployer; yours is viewer.")
        await people.ben.clicks("Cancel", root)
        stopped = await people.ben.sees("*Create instance busy*: Stopped by ben", within=20)
    await people.cleo.clicks("Remove what was made", stopped)
    await people.cleo.gets("needs the role deployer; yours is viewer.")
    assert "luthien-busy" in [project["name"] for project in await town.projects()]


# ── Words ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_missing_argument_opens_a_form(town: House, people: Chat) -> None:
    ada = people.ada
    assert (await ada.types("/luthien create")).body == ""
    form = await ada.modal()
    labels = [b["label"]["text"] for b in form["blocks"] if b["type"] == "input"]
    assert labels == ["Instance", "Repo", "Branch", "Keep", "Preview"]
    assert (form["title"]["text"], form["submit"]["text"]) == ("Create", "Run it")

    # The reason stands beside the field, and the form stays open.
    assert await ada.submits(Instance="My App", Branch="no such branch") == {
        "instance": "May hold only lowercase letters, digits and hyphens, not a space",
        "branch": "Is not a branch name: it holds a space",
    }
    assert await ada.submits(Instance="formed", Branch="") == {}
    await ada.modal_is_closed()
    await people.ben.sees("Create instance formed", "`/luthien create formed`", private=False)


async def test_the_form_shows_a_plan_where_that_is_asked(town: House, people: Chat) -> None:
    async with nothing_is_made(town, "planned"):
        await people.ada.types("/luthien create")
        assert await people.ada.submits(Instance="planned", Preview=["on"]) == {}
        await people.ada.gets("Plan: Create instance planned. Nothing was changed.")


async def test_an_unknown_word_is_answered_with_the_nearest(town: House, people: Chat) -> None:
    await people.ben.types("/luthien statsu old")
    refusal = await people.ben.gets("There is no command `statsu`.")
    assert_says(
        refusal,
        what="There is no command `statsu`. Did you mean `status`?",
        why="Nothing was done.",
        who="You can type it again; `help` lists what there is.",
        then="/luthien status old",
    )
    await people.ben.clicks("/luthien status old", refusal)
    await people.ben.gets("old: running")


async def test_a_word_like_nothing_is_answered_with_help(town: House, people: Chat) -> None:
    await people.ben.types("/luthien xyzzy")
    refusal = await people.ben.gets("There is no command `xyzzy`.", "Next: `/luthien help`")
    await people.ben.clicks("/luthien help", refusal)
    await people.ben.gets("What you can do here")


async def test_an_unknown_option(town: House, people: Chat) -> None:
    async with nothing_is_made(town, "optional"):
        await people.ada.types("/luthien create optional --brnch dev")
        refusal = await people.ada.gets("`create` has no option `--brnch`.")
    assert_says(
        refusal,
        what="`create` has no option `--brnch`. Did you mean `--branch`?",
        why="Its options are `--repo`, `--branch`, `--keep`, `--plan`, `--no-wait`.",
        who="You can type it again.",
        then="/luthien help create",
    )


async def test_what_a_phone_types_is_understood(town: House, people: Chat) -> None:
    """A capital, a no-break space, an em dash for two hyphens, curly quotes."""
    async with nothing_is_made(town, "phone"):
        await people.ada.types("/luthien Create\u00a0phone —branch “dev” —PLAN")
        plan = await people.ada.gets("Plan: Create instance phone. Nothing was changed.")
    assert "Deploy gateway from LuthienResearch/luthien-proxy@dev" in plan


async def test_a_second_delivery_starts_nothing(town: House, people: Chat) -> None:
    await people.ada.types("/luthien create once")
    again = await town.control("slack/redeliver", times=2)
    assert [outcome["status"] for outcome in again["outcomes"]] == [200, 200]
    await people.ben.sees("*Create instance once*: done in", within=30)
    roots = [m for m in await people.ben.messages() if m.thread_ts == m.ts and "once" in m.text]
    assert len(roots) == 1
    assert [p["name"] for p in await town.projects()].count("luthien-once") == 1


# ── Places ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_repository_that_cannot_be_read(town: House, people: Chat) -> None:
    async with nothing_is_made(town, "private"):
        await people.ada.types(f"/luthien create private --repo {ACME_PRIVATE}")
        refusal = await people.ada.gets(f"The repository {ACME_PRIVATE} cannot be read")
    assert_says(
        refusal,
        what=f"The repository {ACME_PRIVATE} cannot be read, so the build would fail.",
        why="It does not exist, or the host was not given access to it.",
        who=f"Give Railway's GitHub app access to {ACME_PRIVATE} (an owner of acme can)",
        then=f"/luthien create private --repo {ACME_PRIVATE}",
    )


async def test_a_channel_where_the_bot_is_no_member(town: House, people: Chat) -> None:
    ada = people.ada.elsewhere("#general")
    async with nothing_is_made(town, "elsewhere"):
        await ada.types("/luthien create elsewhere")
        refusal = await ada.gets("I cannot post in <#C0GENERAL1> yet, so nothing was started.")
    assert "Invite me there with `/invite @luthien`, then try again." in refusal.text
    # What only reads works all the same.
    await ada.types("/luthien list old")
    await ada.gets("instance")

    await town.control("slack/invite", channel="#general")
    await ada.clicks("Try again", refusal)
    await people.ben.elsewhere("#general").sees("Create instance elsewhere", "<@U0ADA00001>")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Nobody is admin, ben is a deployer, and the token sees two workspaces."""
    folder = tmp_path_factory.mktemp("bare")
    async with open_house(folder, LUTHIEN_ADMINS="") as house:
        known = (await house.http.get("/control/state")).json()["railway"]["workspaces"]
        second = {"id": "2a1c0d52-54a1-4c0f-9bd0-6a1de2f6c8f1", "name": "Playground"}
        spaces = [*known, {**known[0], **second}]
        await house.http.put("/control/state", json={"railway": {"workspaces": spaces}})
        await house.serve()
        yield house


async def test_while_nobody_is_admin(bare: House) -> None:
    cleo = Chat(bare.http).cleo
    async with nothing_is_made(bare, "mine"):
        await cleo.types("/luthien create mine")
        refusal = await cleo.gets("`create` needs the role deployer; yours is viewer.")
    assert_says(
        refusal,
        what="`create` needs the role deployer; yours is viewer.",
        why="Nothing was asked of any vendor.",
        who="Nobody is an admin yet. Your id here is `U0CLEO0001`: whoever runs this bot makes"
        " you one by `luthien role grant U0CLEO0001 admin` on its machine, or by the line"
        " `LUTHIEN_ADMINS=U0CLEO0001` in its settings and a restart.",
        then="/luthien help create",
    )


async def test_several_workspaces(bare: House) -> None:
    ben = Chat(bare.http).ben
    async with nothing_is_made(bare, "mine"):
        await ben.types("/luthien create mine")
        refusal = await ben.gets("The Railway token sees 2 workspaces.")
    assert_says(
        refusal,
        what="The Railway token sees 2 workspaces.",
        why="Playground: RAILWAY_WORKSPACE_ID=2a1c0d52-54a1-4c0f-9bd0-6a1de2f6c8f1",
        who="Whoever runs this bot sets one of these lines and restarts it.",
        then="/luthien doctor",
    )
    assert "Luthien Sandbox: RAILWAY_WORKSPACE_ID=" in refusal.text


async def test_what_is_over_cannot_be_stopped(town: House, people: Chat) -> None:
    await people.ben.types("/luthien cancel once")
    refusal = await people.ben.gets("is over already; there is nothing to stop.")
    run = re.search(r"Run `(\w+)`", refusal.text)
    assert run
    assert_says(
        refusal,
        what=f"Run `{run[1]}` is over already",
        why="Its state is succeeded.",
        who="Anybody may look at it.",
        then=f"/luthien run {run[1]}",
    )
