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
from engine.errors import InvalidInput
from sandbox.slack.blockkit import check_view
from tests.unit.commands.worlds import REGISTRY, Described, Given

GOLDEN = Path(__file__).parent / "modals" / "settings.json"
LINE = "config acme set"
SECRET = "sk-ant-of-a-tenant"


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
    view = await modal()
    assert check_view(view, ()) == []
    assert len(view["blocks"]) <= dialogs.MOST_BLOCKS
    assert SECRET not in json.dumps(view)
    text = json.dumps(view, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


async def test_only_what_was_changed_is_set() -> None:
    changed = submitted(
        await modal(),
        LOG_LEVEL={"selected_option": {"value": "error"}},
        ANTHROPIC_API_KEY={"value": "sk-ant-a-new-one"},
        RATE_LIMIT_RPM={"value": None},
        **{"option no_deploy": {"selected_options": [{"value": "on"}]}},
    )
    assert changed.line() == (
        "config acme set LOG_LEVEL=error --remove RATE_LIMIT_RPM --no-deploy"
        " ANTHROPIC_API_KEY=••••••••"
    )
    assert changed.secrets() == {"ANTHROPIC_API_KEY": "sk-ant-a-new-one"}


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
