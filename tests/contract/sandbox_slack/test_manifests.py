"""Which manifests make an app."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.slack import manifest_rules
from tests.contract.sandbox_slack.conftest import Sandbox


def test_published_manifests_are_accepted(slack_specs: Path) -> None:
    for name in ("example.chatops.manifest", "tests__manifests__v2__manifest.valid"):
        given = json.loads((slack_specs / "manifest" / f"{name}.json").read_text())
        assert manifest_rules.check(given) == [], name


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"display_information": {}}, "/display_information"),
        ({"display_information": {"name": "x" * 36}}, "/display_information/name"),
        ({"nonsense": 1}, ""),
        (
            {"features": {"slash_commands": [{"command": "x", "description": "d"}]}},
            "/features/slash_commands/0/command",
        ),
        ({"settings": {"interactivity": {"is_enabled": True}}}, "/settings/interactivity"),
        (
            {"settings": {"event_subscriptions": {"bot_events": ["app_mention"]}}},
            "/settings/event_subscriptions",
        ),
    ],
)
async def test_a_wrong_manifest_is_refused(
    sandbox: Sandbox, change: dict[str, Any], pointer: str
) -> None:
    given = {"display_information": {"name": "Ops"}} | change
    answer = await sandbox.api(
        "apps.manifest.validate",
        token="xoxe.xoxp-sandbox",
        data={"manifest": json.dumps(given)},
    )
    assert answer["error"] == "invalid_manifest"
    assert answer["errors"][0]["pointer"] == (pointer or "/")
