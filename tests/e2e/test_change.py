"""Life after creation, as chat: logs, restart, redeploy, the way back, who am I, the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.chat import Chat, assert_says

if TYPE_CHECKING:
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPO = "LuthienResearch/luthien-proxy"
FIRST = "0c0da23"
OLDER = "7be41f0"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(town: House, people: Chat) -> None:
    await people.ben.types("/luthien create acme")
    await people.ben.sees("*Create instance acme*: done in", within=40)


async def commits(house: House) -> list[str]:
    """Of the gateway's deployments, oldest first."""
    state = (await house.http.get("/control/state")).json()["railway"]
    gateway = [d for d in state["deployments"] if "commitHash" in d["meta"]]
    return [d["meta"]["commitHash"][:7] for d in gateway]


async def test_who_am_i(town: House, people: Chat) -> None:
    await people.cleo.types("/luthien whoami")
    told = await people.cleo.gets("You are cleo, viewer")
    assert "account token of owner@sandbox.localhost" in told
    assert "Requests left this hour" in told
    assert "create" not in told.shown.partition("You may: ")[2].partition(".")[0]


async def test_logs_of_a_service_and_of_its_build(acme: None, people: Chat) -> None:
    await people.cleo.types("/luthien logs acme")
    log = await people.cleo.gets("Log of gateway of acme")
    assert FIRST in log
    assert log.buttons[:4] == ["Refresh", "Build log", "Follow for 5 min", "Status"]
    await people.cleo.clicks("Build log", log)
    await people.cleo.gets("Build log of gateway of acme")
    await people.cleo.types("/luthien logs acme postgres —lines 1")
    await people.cleo.gets("Log of Postgres of acme: the last 1 lines")
    await people.cleo.types("/luthien logs acme worker")
    refusal = await people.cleo.gets("no service")
    assert_says(
        refusal,
        what="`acme` has no service `worker`.",
        why="It has `gateway`, `Postgres` and `Redis`.",
        who="Anybody may look at it.",
        then="/luthien status acme",
    )


async def test_restart(acme: None, people: Chat, town: House) -> None:
    before = await commits(town)
    await people.ben.types("/luthien restart acme")
    done = await people.cleo.sees("*Restart gateway of acme*: done in", within=30)
    assert "Undo" not in done.buttons
    assert await commits(town) == before, "nothing was deployed"
    await people.cleo.types("/luthien restart acme")
    await people.cleo.gets("`restart` needs the role deployer")


async def test_redeploy_and_the_way_back(acme: None, people: Chat, town: House) -> None:
    pushed = (await town.control("railway/push", repo=REPO, branch="main"))["commit"][:7]
    assert await commits(town) == [FIRST], "a push deploys nothing by itself"
    await people.ben.types("/luthien redeploy acme --plan")
    await people.ben.gets(f"the newest commit of main over {FIRST}", "Nothing was changed")
    await people.ben.types("/luthien redeploy acme")
    done = await people.cleo.sees("*Redeploy acme*: done in", within=40)
    assert f"{pushed} (A push from the sandbox) goes out over {FIRST}." in done
    assert done.thread_ts
    await people.cleo.sees(f"goes out over {FIRST} ·", thread=done.thread_ts)
    assert await commits(town) == [FIRST, pushed]

    await people.ben.clicks("Undo", done)
    back = await people.cleo.sees("*Roll back acme*: done in", within=40)
    assert "goes out over" in back
    assert await commits(town) == [FIRST, pushed, FIRST]

    await people.ben.loses("Undo", done)
    await people.ben.types(done.lines["Undo"])
    await people.ben.gets("can no longer be undone", "/luthien rollback acme")
    assert await commits(town) == [FIRST, pushed, FIRST]

    await people.ben.types("/luthien rollback acme")
    menu = await people.ben.gets("To which deployment shall acme go back?")
    [choice, *_] = [label for label in menu.buttons if label.startswith(f"Back to {pushed}")]
    await people.ben.clicks(choice, menu)
    here = f"{pushed} (A push from the sandbox) goes out over {FIRST}."
    await people.cleo.sees("*Roll back acme*: done in", here, within=40)
    assert await commits(town) == [FIRST, pushed, FIRST, pushed]


async def test_a_build_that_fails_leaves_what_runs_and_offers_the_way_back(
    town: House, people: Chat
) -> None:
    await people.ben.types("/luthien create bravo")
    await people.ben.sees("*Create instance bravo*: done in", within=60)
    where = {"project": "luthien-bravo", "service": "gateway"}
    await town.control("railway/fail", **where, step="BUILD_IMAGE", error="no luck today")
    await people.ben.types(f"/luthien redeploy bravo --ref {OLDER}")
    failed = await people.cleo.sees("*Redeploy bravo*: Failed after", within=40)
    assert "BUILD_IMAGE" in failed
    assert failed.buttons == ["Try again", "Roll back"]
    assert "Next: `/luthien retry r" in failed
    assert f", or `{failed.lines['Roll back']}` to roll back" in failed
    await people.cleo.sees("no luck today", thread=failed.thread_ts)
    await people.ben.types("/luthien status bravo")
    await people.ben.gets("what ran before still answers")
    told = await town.luthien("run", "bravo")
    assert "luthien rollback bravo " in told.out
    await people.ben.clicks("Roll back", failed)
    await people.cleo.sees("*Roll back bravo*: done in", within=40)
    await people.ben.loses("Try again", failed)
    await people.ben.types(failed.lines["Try again"])
    await people.ben.gets("`bravo` was changed since", f"/luthien redeploy bravo --ref {OLDER}")
    await people.ben.types("/luthien status bravo")
    await people.ben.gets("bravo: running")


async def test_what_crashed_is_gone_over_and_can_be_put_back(
    acme: None, town: House, people: Chat
) -> None:
    await town.control("railway/crash", project="luthien-acme", service="gateway")
    await people.ben.types(f"/luthien redeploy acme --ref {OLDER} --plan")
    await people.ben.gets(f"gateway: commit {OLDER} over ", "Nothing answers now")
    await people.ben.types(f"/luthien redeploy acme --ref {OLDER}")
    done = await people.cleo.sees(
        "*Redeploy acme*: done in", f"{OLDER} (", "goes out over ", within=40
    )
    assert "Undo" in done.buttons
    refused = await town.luthien("clean-up", "acme", "--json")
    assert refused.code == 2
    assert "There is nothing to remove in run" in refused.json["error"], "nobody is asked first"


async def test_the_same_on_the_command_line(acme: None, town: House) -> None:
    done = await town.luthien("redeploy", "acme", "--ref", OLDER, "--json")
    assert done.code == 0, done.err
    assert done.json["commit"].startswith(OLDER)
    assert f"{OLDER} (" in done.json["summary"]
    shown = await town.luthien("run", done.json["run"], "--json")
    assert shown.json["undo"].startswith("rollback acme ")
    logs = await town.luthien("logs", "acme", "--lines", "3", "--json")
    assert len(logs.json["lines"]) == 3
    choice = await town.luthien("rollback", "acme", "--json")
    assert choice.code == 0, choice.err
    back = await town.luthien("rollback", "acme", choice.json["deployments"][0]["id"], "--json")
    assert back.code == 0, back.err


async def test_another_branch_is_deployed_and_not_followed(
    acme: None, town: House, people: Chat
) -> None:
    await people.ben.types("/luthien redeploy acme --ref dev")
    await people.cleo.sees("*Redeploy acme*: done in", "d41c98a (Try streaming", within=40)
    before = await commits(town)
    await town.control("railway/push", repo=REPO, branch="dev")
    assert await commits(town) == before


async def test_code_that_does_not_exist_changes_nothing(acme: None, town: House) -> None:
    before = await commits(town)
    gone = await town.luthien("redeploy", "acme", "--ref", "mian", "--json")
    assert gone.code == 2, gone.out
    assert gone.json["error"] == f"{REPO} has no branch `mian`."
    assert "`main`" in gone.json["why"]
    unknown = await town.luthien("redeploy", "acme", "--ref", "fffffff", "--json")
    assert unknown.code == 1, unknown.out
    assert "Commit not found" in unknown.out
    assert await commits(town) == before


async def test_the_audit_is_for_admins_and_whole(acme: None, town: House, people: Chat) -> None:
    await people.ben.types("/luthien audit")
    await people.ben.gets("`audit` needs the role admin")
    await people.ada.types("/luthien audit --instance acme --limit 5")
    shown = await people.ada.gets("Audit: the latest entries, about acme")
    assert "run.failed" in shown, "the commit that does not exist"
    await people.ada.clicks("Verify", shown)
    await people.ada.gets("The audit is whole")
    verified = await town.luthien("audit", "verify", "--json")
    assert verified.code == 0
    assert verified.json["ok"] is True
