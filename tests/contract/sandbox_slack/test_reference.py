"""Our methods against Slack's own reference: arguments, scopes, tiers, error codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.slack.api.method import METHODS, TokenKind
from sandbox.slack.errors import COMMON_ERRORS

NOT_REQUIRED_IN_TRUTH = {
    # The reference demands markdown_text, yet chunks alone are what Slack's own SDK sends.
    "chat.appendStream": {"markdown_text"},
}
KNOWN_ELSEWHERE = {
    # The same content is refused with these by chat.update and chat.postEphemeral.
    "chat.postMessage": {"msg_too_long", "invalid_attachments"},
    "chat.scheduleMessage": {"invalid_attachments"},
}


@pytest.fixture(scope="session", params=sorted(METHODS))
def reference(request: pytest.FixtureRequest, slack_specs: Path) -> tuple[str, dict[str, Any]]:
    name: str = request.param
    return name, json.loads((slack_specs / "methods" / f"{name}.json").read_text())


def test_required_arguments_are_those_of_the_reference(
    reference: tuple[str, dict[str, Any]],
) -> None:
    name, official = reference
    required = set(official["args"].get("required", [])) - {"token"}
    assert set(METHODS[name].required) == required - NOT_REQUIRED_IN_TRUTH.get(name, set())


def test_error_codes_exist_in_the_reference(reference: tuple[str, dict[str, Any]]) -> None:
    name, official = reference
    known = set(official.get("errors", {})) | COMMON_ERRORS | KNOWN_ELSEWHERE.get(name, set())
    assert METHODS[name].errors <= known


def test_scopes_are_those_of_the_reference(reference: tuple[str, dict[str, Any]]) -> None:
    name, official = reference
    assert set(METHODS[name].scopes) <= set(official["scope"].get("bot", []))
    assert bool(METHODS[name].scopes) == bool(official["scope"].get("bot"))


def test_json_bodies_are_read_where_slack_reads_them(
    reference: tuple[str, dict[str, Any]],
) -> None:
    name, official = reference
    assert METHODS[name].json_body == bool(official.get("json_input_supported"))


def test_rate_tiers_are_those_of_the_reference(
    reference: tuple[str, dict[str, Any]], slack_specs: Path
) -> None:
    name, official = reference
    tier = METHODS[name].tier
    assert tier == official.get("rate_limits")
    tiers = json.loads((slack_specs / "rate_tiers.json").read_text())
    assert tier == tiers.get(name, tier)


def test_tokens_fit(reference: tuple[str, dict[str, Any]]) -> None:
    name, official = reference
    kind = METHODS[name].token
    assert (kind is TokenKind.CONFIGURATION) == ("configuration" in official["scope"])
    needs_token = "token" in official["args"].get("required", [])
    assert (kind is not TokenKind.NONE) == needs_token or name == "api.test"
