"""How a gateway is built and run, as chat: made with its settings, found without, repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from providers.railway.documents import document
from tests.e2e.chat import Chat, assert_says

if TYPE_CHECKING:
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPO = "LuthienResearch/luthien-proxy"
WITHOUT = "its next deployment will not use its Dockerfile and has no health check"
DOCKERFILE = "docker/Dockerfile.gateway"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def old(town: House) -> None:
    """Instances made while Railway read the repository's railway.toml: old1, old2 …"""
    await town.control("railway/populate", count=4, name="luthien-old{n}", legacy=True)


async def railway(house: House) -> dict[str, Any]:
    state: dict[str, Any] = (await house.http.get("/control/state")).json()["railway"]
    return state


async def behaves(house: House, **settings: Any) -> None:
    """Railway does so from now on; what exists stays."""
    state = await railway(house)
    changed = {**state, "settings": {**state["settings"], **settings}}
    answer = await house.http.put("/control/state", json={"railway": changed})
    assert answer.is_success, answer.text


async def reads_another_file(house: House) -> dict[str, Any]:
    """Railway reads a config file with another health check; the repositories as they were."""
    repos: dict[str, Any] = (await railway(house))["settings"]["repos"]
    other = {"build": {"dockerfilePath": DOCKERFILE}, "deploy": {"healthcheckPath": "/"}}
    mine = {**repos[REPO], "config_file": other}
    await behaves(house, repos={**repos, REPO: mine}, legacy_config_files=True)
    return repos


async def gateway(house: House, name: str) -> dict[str, Any]:
    """The service instance of an instance's gateway, with its `deployments`, oldest first."""
    state = await railway(house)
    [project] = [p for p in state["projects"] if p["name"] == f"luthien-{name}"]
    services = {s["id"] for s in state["services"] if s["name"] == "gateway"}
    [found] = [
        i
        for i in state["instances"]
        if i["project_id"] == project["id"] and i["service_id"] in services
    ]
    deployments = [d for d in state["deployments"] if d["instance_id"] == found["id"]]
    key = f"{found['environment_id']}/{found['service_id']}"
    return {**found, "deployments": deployments, "variables": state["variables"][key]}


async def asked(house: House) -> list[str]:
    """What Railway was asked, in order."""
    entries = (await house.http.get("/control/journal")).json()["entries"]
    return [entry["operation"] for entry in entries if entry["vendor"] == "railway"]


async def test_create_sets_everything_before_a_source_is_connected(
    town: House, people: Chat
) -> None:
    await people.ben.types("/luthien create acme --plan")
    await people.ben.gets(
        f"settings of gateway: Dockerfile {DOCKERFILE}, health check /health",
        "Set how gateway is built and run",
    )
    before = len(await asked(town))
    await people.ben.types("/luthien create acme")
    done = await people.ben.sees("*Create instance acme*: done in", within=40)
    writes = [o for o in (await asked(town))[before:] if document(o).writes]
    assert len(writes) <= 12, writes
    assert writes.index("serviceInstanceUpdate") < writes.index("serviceConnect")
    assert writes.count("serviceInstanceUpdate") == 1
    made = await gateway(town, "acme")
    assert made["config"]["dockerfile_path"] == DOCKERFILE
    assert made["config"]["healthcheck_path"] == "/health"
    assert made["config"]["healthcheck_timeout"] == 60
    assert made["config"]["restart_policy_max_retries"] == 3
    assert made["variables"]["RAILWAY_DOCKERFILE_PATH"] == DOCKERFILE
    [deployment] = made["deployments"]
    manifest = deployment["meta"]["serviceManifest"]
    assert manifest["build"]["builder"] == "DOCKERFILE"
    assert manifest["deploy"]["healthcheckPath"] == "/health"
    await people.cleo.sees(
        "Check that gateway was built by its Dockerfile and checked at /health",
        thread=done.thread_ts or done.ts,
    )
    await people.ben.types("/luthien repair acme")
    refusal = await people.ben.gets("Nothing is missing")
    assert_says(
        refusal,
        what="Nothing is missing: the host knows how `acme` is built and run.",
        why="Every setting of the blueprint is set on its gateway, or was set otherwise.",
        who="Anybody may look at it.",
        then="/luthien status acme",
    )


async def test_a_host_that_keeps_no_settings_ends_the_creation_with_the_reason(
    town: House, people: Chat
) -> None:
    await behaves(town, settings_frozen=True)
    await people.ben.types("/luthien create bravo")
    failed = await people.cleo.sees("*Create instance bravo*: Failed after", within=60)
    assert "Railway has not kept how the service is to be built and run." in failed
    await behaves(town, settings_frozen=False)
    state = await railway(town)
    [gone] = [p for p in state["projects"] if p["name"] == "luthien-bravo"]
    assert gone["deleted_at"] is not None, "what was made is removed"
    built = [d for d in state["deployments"] if "commitHash" in d["meta"]]
    assert gone["id"] not in {d["project_id"] for d in built}, "nothing was deployed"


async def test_a_deployment_that_did_not_use_them_ends_the_run_with_the_reason(
    town: House, people: Chat
) -> None:
    """A file that Railway still reads for this service says something else."""
    repos = await reads_another_file(town)
    await people.ben.types("/luthien create charlie --keep")
    failed = await people.cleo.sees("*Create instance charlie*: Failed after", within=60)
    assert "gateway was deployed without its health check /health." in failed
    assert "The host asked /." in failed
    await behaves(town, repos=repos, legacy_config_files=False)
    await people.ben.clicks("Try again", failed)
    await people.cleo.sees("*Create instance charlie*: done in", within=60)
    first, second = (await gateway(town, "charlie"))["deployments"]
    assert first["meta"]["serviceManifest"]["deploy"]["healthcheckPath"] == "/"
    assert second["meta"]["serviceManifest"]["deploy"]["healthcheckPath"] == "/health"


async def test_a_redeploy_that_did_not_use_them_can_be_tried_again(
    town: House, people: Chat
) -> None:
    repos = await reads_another_file(town)
    await people.ben.types("/luthien redeploy acme")
    failed = await people.cleo.sees("*Redeploy acme*: Failed after", within=60)
    assert "gateway was deployed without its health check /health." in failed
    assert "/luthien redeploy acme" in failed
    await behaves(town, repos=repos, legacy_config_files=False)
    await people.ben.clicks("Try again", failed)
    await people.cleo.sees("*Redeploy acme*: done in", within=60)
    *_, newest = (await gateway(town, "acme"))["deployments"]
    assert newest["meta"]["serviceManifest"]["deploy"]["healthcheckPath"] == "/health"


async def test_those_made_before_are_found(old: None, town: House, people: Chat) -> None:
    await people.cleo.types("/luthien status old1")
    status = await people.cleo.gets("old1: running", WITHOUT)
    assert "Repair" not in " ".join(status.buttons), "cleo may only look"
    await people.ben.types("/luthien status old1")
    assert "Repair old1" in (await people.ben.gets("old1: running", WITHOUT)).buttons
    await people.cleo.types("/luthien list --state settings-missing")
    listed = await people.cleo.gets("4 instances", "running, settings missing")
    assert "acme" not in listed
    await people.ben.types("/luthien doctor")
    found = await people.ben.gets("Settings of gateways", "/luthien repair --all")
    assert "their next deployment will not use their Dockerfile" in found
    told = await town.luthien("list", "--json", "--state", "settings-missing")
    first = told.json["instances"][0]
    assert first["missing_settings"] == [
        "dockerfile",
        "health_path",
        "health_timeout",
        "restart_retries",
    ]


async def test_the_watch_tells_it_once(old: None, people: Chat) -> None:
    await people.ada.types("/luthien watch")
    await people.ada.gets("Looked at")
    told = await people.cleo.sees("4 gateways lack settings. *old1*, *old2*")
    assert "their next deployment will not use their Dockerfile" in told
    assert told.buttons == ["Repair all", "Show"]
    await people.ada.types("/luthien watch")
    await people.ada.gets("Nothing changed that is to be told.")


async def test_one_is_repaired_without_a_deployment(old: None, town: House, people: Chat) -> None:
    await people.ben.types("/luthien repair old1 --plan")
    await people.ben.gets(f"gateway: Dockerfile: none → {DOCKERFILE}", "Nothing was changed")
    await people.cleo.types("/luthien repair old1")
    await people.cleo.gets("`repair` needs the role deployer")
    before = await gateway(town, "old1")
    await people.ben.types("/luthien repair old1")
    done = await people.cleo.sees("*Repair instance old1*: done in")
    assert "Nothing was deployed; it counts from the next deployment on." in done
    after = await gateway(town, "old1")
    assert after["config"]["dockerfile_path"] == DOCKERFILE
    assert after["variables"]["RAILWAY_DOCKERFILE_PATH"] == DOCKERFILE
    assert len(after["deployments"]) == len(before["deployments"]) == 1
    audit = await town.luthien("audit", "--instance", "old1", "--json")
    done_by = {e["action"]: e["actor"] for e in audit.json["entries"]}
    assert done_by["run.succeeded"] == "slack:U0BEN00001"
    await people.ben.types("/luthien redeploy old1")
    await people.ben.sees("*Redeploy old1*: done in", within=40)
    _, newest = (await gateway(town, "old1"))["deployments"]
    assert newest["meta"]["serviceManifest"]["build"]["builder"] == "DOCKERFILE"
    assert newest["meta"]["fileServiceManifest"] == {}


async def test_redeploy_repairs_first(old: None, town: House, people: Chat) -> None:
    await people.ben.types("/luthien redeploy old2 --plan")
    await people.ben.gets(
        "Set how gateway is built and run", f"gateway: Dockerfile: none → {DOCKERFILE}"
    )
    await people.ben.types("/luthien redeploy old2")
    done = await people.ben.sees("*Redeploy old2*: done in", within=40)
    await people.cleo.sees("Set how gateway is built and run", thread=done.thread_ts or done.ts)
    newest = (await gateway(town, "old2"))["deployments"][-1]
    assert newest["status"] == "SUCCESS"
    assert newest["meta"]["serviceManifest"]["deploy"]["healthcheckPath"] == "/health"


async def test_all_of_them_are_repaired_by_a_run_each(
    old: None, town: House, people: Chat
) -> None:
    told = await people.cleo.sees("4 gateways lack settings")
    await people.ada.types('/luthien lock old3 "looking into it"')
    await people.ada.gets("old3", "looking into it")
    await people.ben.types("/luthien repair --all --plan")
    await people.ben.gets("2 gateways lack settings", "old3", "old4")
    await people.ben.clicks("Repair all", told)
    begun = await people.ben.gets("Repairing 1 instance")
    assert "`old3` is locked by ada" in begun
    assert "/luthien unlock old3" in begun
    await people.cleo.sees("*Repair instance old4*: done in")
    assert (await gateway(town, "old4"))["config"]["healthcheck_path"] == "/health"
    assert "healthcheck_path" not in (await gateway(town, "old3"))["config"]

    await people.ada.types("/luthien unlock old3")
    await people.ada.gets("old3")
    await people.ben.types("/luthien repair --all")
    await people.ben.gets("Repairing 1 instance")
    await people.cleo.sees("*Repair instance old3*: done in")
    await people.ben.types("/luthien repair")
    await people.ben.gets("Every gateway has its settings")
    told_again = await town.luthien("repair", "--all", "--json")
    assert told_again.json == {"repairs": [], "left": []}
