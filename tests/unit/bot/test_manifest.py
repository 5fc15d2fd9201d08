"""The app's manifest: valid for Slack, and no wider than what we use and explain."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot import forms
from bot.checks import MANIFEST, scopes_of_manifest
from bot.explaining import EXPLAIN

ROOT = Path(__file__).parents[3]
SETUP = ROOT / "docs" / "slack-setup.md"


@pytest.fixture
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(MANIFEST.read_text("utf-8"))
    return loaded


def test_slack_takes_it(manifest: dict[str, Any]) -> None:
    specs = os.environ.get("LUTHIEN_SPECS")
    if not specs:
        pytest.skip("LUTHIEN_SPECS is not set: Slack's manifest schema is not at hand")
    folder = Path(specs) / "slack" / "manifest"
    schema = json.loads((folder / "schemas__manifest.schema.2.0.0.json").read_text("utf-8"))
    jsonschema.validate(manifest, schema)


def test_people_and_channels_arrive_as_ids(manifest: dict[str, Any]) -> None:
    [command] = manifest["features"]["slash_commands"]
    assert (command["command"], command["should_escape"]) == ("/luthien", True)
    assert manifest["settings"]["socket_mode_enabled"]
    assert manifest["settings"]["interactivity"]["is_enabled"]


def test_every_shortcut_has_a_form(manifest: dict[str, Any]) -> None:
    for shortcut in manifest["features"]["shortcuts"]:
        if shortcut["type"] == "message":
            assert shortcut["callback_id"] == EXPLAIN
            continue
        assert shortcut["callback_id"].startswith(f"{forms.CALLBACK}:")


def test_every_scope_is_explained_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z:_.]+)` \| (.+) \|$", SETUP.read_text("utf-8"), re.MULTILINE)
    assert {scope for scope, _ in rows} == scopes_of_manifest()
    assert all(len(why) > 20 for _, why in rows)


def test_the_setup_takes_eight_steps_at_most() -> None:
    steps = re.findall(r"^(\d+)\. ", SETUP.read_text("utf-8"), re.MULTILINE)
    assert 3 <= len(steps) <= 8
    assert steps == [str(n) for n in range(1, len(steps) + 1)]
