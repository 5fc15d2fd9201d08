"""Settings as chat: shown, set, taken back; secrets only through the form or a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.canaries import MARK
from tests.e2e.chat import Chat, assert_says

if TYPE_CHECKING:
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

TYPED = f"sk-ant-api03-{MARK}-typed-in-the-open"
ENTERED = f"sk-ant-api03-{MARK}-entered-in-the-form"
FROM_FILE = f"sk-ant-api03-{MARK}-read-from-a-file"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(town: House, people: Chat) -> None:
    await people.ben.types("/luthien create acme")
    await people.ben.sees("*Create instance acme*: done in", within=40)


async def variables(house: House, name: str = "acme") -> dict[str, str]:
    state = (await house.http.get("/control/state")).json()["railway"]
    project = next(p["id"] for p in state["projects"] if p["name"] == f"luthien-{name}")
    services = state["services"]
    [gateway] = [
        s["id"] for s in services if s["project_id"] == project and s["name"] == "gateway"
    ]
    [place] = [key for key in state["variables"] if key.endswith(f"/{gateway}")]
    return dict(state["variables"][place])


async def asked(house: House, since: int) -> list[str]:
    """The writes that Railway was asked for after this many requests."""
    journal = (await house.journal("railway"))[since:]
    return [e["operation"] for e in journal if str(e["document"] or "").startswith("mutation")]


def kept(house: House) -> bytes:
    """All that the product has written: its data folder and its log."""
    files = [p for p in (house.folder / "luthien").rglob("*") if p.is_file()]
    return b"".join(p.read_bytes() for p in [*files, house.server.log_file])


async def test_settings_are_shown_by_group_without_secrets(
    acme: None, town: House, people: Chat
) -> None:
    await people.cleo.types("/luthien config acme")
    shown = await people.cleo.gets("Settings of gateway of acme", "RATE_LIMIT_RPM")
    assert "Upstream LLM keys" in shown
    assert "Not read by today's gateway" in shown
    assert "LUTHIEN_RUN" not in shown
    assert (await variables(town))["ADMIN_API_KEY"] not in shown.words
    assert "Edit settings" not in shown.buttons


async def test_setting_is_one_write_one_deployment_and_has_a_way_back(
    acme: None, town: House, people: Chat
) -> None:
    before, since = await variables(town), len(await town.journal("railway"))
    await people.ben.types("/luthien config acme set LOG_LEVEL=Debug RATE_LIMIT_RPM=60")
    done = await people.cleo.sees("*Configure acme*: done in", within=40)
    assert "+ LOG_LEVEL: debug; + RATE_LIMIT_RPM: 60." in done
    assert await asked(town, since) == ["variableCollectionUpsert", "serviceInstanceDeployV2"]
    assert await variables(town) == before | {"LOG_LEVEL": "debug", "RATE_LIMIT_RPM": "60"}
    await people.cleo.sees("+ LOG_LEVEL: debug", thread=done.thread_ts)
    audit = await town.luthien("audit", "--instance", "acme", "--json")
    assert "+ RATE_LIMIT_RPM: 60" in audit.out

    await people.ben.clicks("Undo", done)
    back = await people.cleo.sees(
        "*Configure acme*: done in", "- LOG_LEVEL (was debug)", within=40
    )
    assert await variables(town) == before
    await people.ben.loses("Undo", done)
    await people.ben.types(done.lines["Undo"])
    await people.ben.gets("can no longer be undone", "/luthien config acme")
    assert back.buttons[-1] == "Undo"


async def test_variables_to_remove_are_chosen_from_what_there_is(
    acme: None, town: House, people: Chat
) -> None:
    before = await variables(town)
    await people.ben.types(
        "/luthien config acme set LOG_LEVEL=debug RATE_LIMIT_RPM=61 --no-deploy"
    )
    await people.cleo.sees("*Configure acme*: done in", "+ RATE_LIMIT_RPM: 61", within=40)
    await people.ben.types("/luthien config acme unset --no-deploy")
    await people.ben.modal()
    offered = await people.ben.is_offered("complete:variable", "log_l")
    assert offered["LOG_LEVEL"].startswith("set")
    assert await people.ben.submits(variables=["LOG_LEVEL", "RATE_LIMIT_RPM"]) == {}
    await people.cleo.sees("*Configure acme*: done in", "- RATE_LIMIT_RPM (was 61)", within=40)
    assert await variables(town) == before


async def test_faults_are_told_and_a_plan_changes_nothing(
    acme: None, town: House, people: Chat
) -> None:
    since = len(await town.journal("railway"))
    await people.ben.types("/luthien config acme set RATE_LIMIT_RPM=many LOG_LEVEL=loud")
    await people.ben.gets("RATE_LIMIT_RPM should be a whole number", "LOG_LEVEL should be one of")
    await people.ben.types("/luthien config acme set LOG_LEVEL=debug —plan")
    await people.ben.gets("+ LOG_LEVEL: debug", "Nothing was changed")
    await people.cleo.types("/luthien config acme set LOG_LEVEL=debug")
    await people.cleo.gets("`config` needs the role deployer")
    assert await asked(town, since) == []


async def test_a_typed_secret_is_refused_and_kept_nowhere(
    acme: None, town: House, people: Chat
) -> None:
    await people.ben.types(f"/luthien config acme set ANTHROPIC_API_KEY={TYPED}")
    refusal = await people.ben.gets("typed in the open")
    assert_says(
        refusal,
        what="The value of `ANTHROPIC_API_KEY` may be a secret, and it was typed in the open.",
        why="take it for leaked, revoke it where it was issued, and make a new one.",
        who="Enter the new one in the form.",
        then="/luthien config acme set",
    )
    assert TYPED not in refusal.words
    assert TYPED.encode() not in await asyncio.to_thread(kept, town)
    assert "ANTHROPIC_API_KEY" not in await variables(town)
    await people.ben.clicks("Enter it in the form", refusal)
    view = await filled_in(people)
    assert "ANTHROPIC_API_KEY" in [block["block_id"] for block in view["blocks"]]
    await people.ben.submits(ANTHROPIC_API_KEY=ENTERED, preview_only=["on"])
    plan = await people.ben.gets("+ ANTHROPIC_API_KEY: ••••••••", "Nothing was changed")
    assert "enter the secret values again" in plan
    assert "Do it" not in plan.buttons
    await people.ben.modal_is_closed()


async def filled_in(people: Chat) -> dict[str, Any]:
    """The modal, once what is set now has been read."""
    while True:
        view = await people.ben.modal()
        if view.get("submit"):
            return view
        await asyncio.sleep(0.03)


async def test_the_form_sets_a_secret_that_stands_nowhere_else(
    acme: None, town: House, people: Chat
) -> None:
    await people.ben.types("/luthien config acme")
    shown = await people.ben.gets("Settings of gateway of acme")
    await people.ben.clicks("Edit settings", shown)
    await filled_in(people)
    wrong = await people.ben.submits(OTEL_EXPORTER_OTLP_ENDPOINT="https://")
    assert list(wrong) == ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    await people.ben.submits(
        OTEL_EXPORTER_OTLP_ENDPOINT="", ANTHROPIC_API_KEY=ENTERED, RATE_LIMIT_BURST="5"
    )
    done = await people.cleo.sees(
        "*Configure acme*: done in", "+ ANTHROPIC_API_KEY: ••••••••", within=40
    )
    assert "There is no Undo for ANTHROPIC_API_KEY" in done
    there = await variables(town)
    assert (there["ANTHROPIC_API_KEY"], there["RATE_LIMIT_BURST"]) == (ENTERED, "5")
    assert ENTERED.encode() not in await asyncio.to_thread(kept, town)
    assert ENTERED not in await people.ben.transcript()


async def test_the_command_line_reads_secrets_from_files_only(acme: None, town: House) -> None:
    typed = await town.luthien("config", "acme", "set", f"ANTHROPIC_API_KEY={TYPED}", "--json")
    assert (typed.code, typed.json["code"]) == (2, "secret_typed")
    file = town.folder / "key.txt"
    file.write_text(FROM_FILE + "\n")
    done = await town.luthien(
        "config", "acme", "set", f"ANTHROPIC_API_KEY=@{file}", "--no-deploy", "--json"
    )
    assert done.code == 0, done.err
    assert done.json["summary"] == "~ ANTHROPIC_API_KEY: •••••••• (another value)"
    assert (await variables(town))["ANTHROPIC_API_KEY"] == FROM_FILE
    assert FROM_FILE.encode() not in await asyncio.to_thread(kept, town)
    shown = await town.luthien("config", "acme", "--json")
    assert shown.json["variables"]["ANTHROPIC_API_KEY"] == "••••••••"
    gone = await town.luthien("config", "acme", "unset", "ANTHROPIC_API_KEY", "--json")
    assert gone.code == 0, gone.err
    assert "ANTHROPIC_API_KEY" not in await variables(town)


async def test_what_railway_cannot_do_is_refused_with_the_way_that_works(
    acme: None, town: House, people: Chat
) -> None:
    await people.ben.types("/luthien rename acme bravo")
    await people.ben.gets("cannot be renamed", "/luthien create bravo")
    await people.ben.types("/luthien move acme europe-west4")
    await people.ben.gets("cannot be moved to europe-west4")
    merged = await town.luthien("merge", "acme", "bravo", "--json")
    assert (merged.code, merged.json["next_step"]) == (2, "luthien status bravo")
