"""The settings of an instance as a modal: the real command's form, within Slack's limits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot import dialogs, forms
from bot.grammar import read
from commands.config import Config
from commands.policy_config import PolicyConfig
from engine.capabilities import GatewayPolicy
from engine.errors import InvalidInput, NotFound, Refused
from sandbox.slack.blockkit import check_view
from tests.canaries import MARK
from tests.unit.commands.gateways import JUDGE
from tests.unit.commands.worlds import REGISTRY, Described, Given

GOLDEN = Path(__file__).parent / "modals"
LINE = "config acme set"
SECRET = f"sk-ant-{MARK}-of-a-tenant"


def given() -> Given:
    variables = {
        "ANTHROPIC_API_KEY": SECRET,
        "LOG_LEVEL": "debug",
        "RATE_LIMIT_RPM": "60",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "${{shared.OTEL}}",
    }
    space = {"name": "luthien-acme", "variables": variables}
    return Given(Described.model_validate({"spaces": [space]}))


async def modal(line: str = LINE) -> dict[str, Any]:
    wish = read(line, REGISTRY, escaped=False)
    drawn = await Config.form(wish.raw, given().world)
    return dialogs.view(drawn, wish, forms.Form("config", "C0OPS", "t1", line))


def as_submitted(view: dict[str, Any], **entered: dict[str, Any]) -> dict[str, Any]:
    values = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            key = "selected_option" if "initial_option" in element else "value"
            before = element.get("initial_option") or element.get("initial_value")
            state = entered.get(block["block_id"], {key: before})
            values[block["block_id"]] = {element["action_id"]: state}
    return {**view, "state": {"values": values}}


def submitted(view: dict[str, Any], **entered: dict[str, Any]) -> Config:
    form = forms.Form.of_metadata(view["private_metadata"])
    wish, _ = dialogs.submitted(REGISTRY, form, as_submitted(view, **entered))
    command = wish.parse().checked(given().world)
    assert isinstance(command, Config)
    return command


async def test_it_is_as_it_was_and_within_slacks_limits() -> None:
    await as_it_was("settings", await modal())


async def as_it_was(name: str, view: dict[str, Any]) -> None:
    assert check_view(view, ()) == []
    assert len(view["blocks"]) <= dialogs.MOST_BLOCKS
    assert SECRET not in json.dumps(view)
    text = json.dumps(view, indent=2, ensure_ascii=False) + "\n"
    golden = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


async def test_the_policys_form_hides_secrets_and_gives_both_back() -> None:
    line = "policy-config acme set"
    wish = read(line, REGISTRY, escaped=False)
    world = given()
    config = {"model": "m1", "api_key": SECRET}
    world.host.gateways.now = GatewayPolicy(JUDGE, config)
    drawn = await PolicyConfig.form(wish.raw, world.world)
    view = dialogs.view(drawn, wish, forms.Form("policy-config", "C0OPS", "t1", line))
    await as_it_was("policy", view)
    form = forms.Form.of_metadata(view["private_metadata"])
    new = {"config": {"value": "model: m2"}}
    found, names = dialogs.submitted(REGISTRY, form, as_submitted(view, **new))
    assert names[:2] == ["policy", "config"]
    asked = found.parse()
    assert isinstance(asked, PolicyConfig)
    assert asked.policy == "ToolCallJudgePolicy", "as it was left"
    assert asked.secrets() == {"config": "model: m2"}
    untouched, _ = dialogs.submitted(REGISTRY, form, as_submitted(view))
    with pytest.raises(InvalidInput, match="in the place of a secret"):
        untouched.parse().checked(world.world)


async def test_a_config_too_long_for_a_form_is_not_cut() -> None:
    world = given()
    world.host.gateways.now = GatewayPolicy(JUDGE, {"judge_instructions": "x " * 2_000})
    with pytest.raises(Refused, match="too long for a form"):
        await PolicyConfig.form({"instance": "acme", "what": "set"}, world.world)


async def test_waiting_and_failing() -> None:
    wish = read(LINE, REGISTRY, escaped=False)
    await as_it_was("reading", dialogs.reading(wish))
    missing = NotFound("There is no `acme`.", why="It is gone.", next_step="/luthien list")
    await as_it_was("failed", dialogs.failed(missing, wish))


async def test_whether_it_may_wait_is_asked_here_too() -> None:
    wish = read(f"{LINE} --no-wait", REGISTRY, escaped=False)
    drawn = await Config.form(wish.raw, given().world)
    form = forms.Form("config", "C0OPS", "t1", LINE, patient=wish.patient)
    view = dialogs.view(drawn, wish, form)
    asked = next(b for b in view["blocks"] if b.get("block_id") == forms.WAIT_BLOCK)
    assert "initial_options" in asked["element"]
    on = {forms.WAIT_BLOCK: {"selected_options": [{"value": "on"}]}}
    assert not dialogs.submitted(REGISTRY, form, as_submitted(view, **on))[0].patient
    off: dict[str, Any] = {forms.WAIT_BLOCK: {"selected_options": []}}
    assert dialogs.submitted(REGISTRY, form, as_submitted(view, **off))[0].patient


async def test_only_what_was_changed_is_set() -> None:
    changed = submitted(
        await modal(),
        LOG_LEVEL={"selected_option": {"value": "error"}},
        ANTHROPIC_API_KEY={"value": f"sk-ant-{MARK}-a-new-one"},
        RATE_LIMIT_RPM={"value": None},
        **{"option no_deploy": {"selected_options": [{"value": "on"}]}},
    )
    assert changed.line() == (
        "config acme set LOG_LEVEL=error --remove RATE_LIMIT_RPM --no-deploy"
        " ANTHROPIC_API_KEY=••••••••"
    )
    assert changed.secrets() == {"ANTHROPIC_API_KEY": f"sk-ant-{MARK}-a-new-one"}


async def test_what_was_typed_stands_in_it_and_counts() -> None:
    view = await modal("config acme set LOG_LEVEL=error RATE_LIMIT_RPM=many")
    shown = {b["block_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    assert shown["LOG_LEVEL"]["initial_option"]["value"] == "error"
    assert shown["RATE_LIMIT_RPM"]["initial_value"] == "many"
    mended = submitted(view, RATE_LIMIT_RPM={"value": "70"})
    assert mended.line() == "config acme set LOG_LEVEL=error RATE_LIMIT_RPM=70"


async def test_reasons_stand_beside_their_fields() -> None:
    view = await modal("config acme set RATE_LIMIT_RPM=many")
    form = forms.Form.of_metadata(view["private_metadata"])
    wish, names = dialogs.submitted(REGISTRY, form, as_submitted(view))
    with pytest.raises(InvalidInput) as refused:
        wish.parse().checked(given().world)
    assert dialogs.errors(names, refused.value) == {"RATE_LIMIT_RPM": "Should be a whole number"}
