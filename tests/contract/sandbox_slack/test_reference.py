"""Our methods against Slack's own reference: arguments, scopes, tiers, error codes.

Each test compares all methods at once and shows those that differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.slack.api.method import METHODS, TokenKind
from sandbox.slack.errors import COMMON_ERRORS

Reference = dict[str, Any]
NOT_REQUIRED_IN_TRUTH = {
    # The reference demands markdown_text, yet chunks alone are what Slack's own SDK sends.
    "chat.appendStream": {"markdown_text"},
}
KNOWN_ELSEWHERE = {
    # The same content is refused with these by chat.update and chat.postEphemeral.
    "chat.postMessage": {"msg_too_long", "invalid_attachments"},
    "chat.scheduleMessage": {"invalid_attachments"},
}


@pytest.fixture(scope="module")
def references(slack_specs: Path) -> dict[str, Reference]:
    """The reference of every method that we have; a method that Slack does not have fails here."""
    folder = slack_specs / "methods"
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in METHODS}


def test_there_are_as_many_methods_as_a_chat_ops_bot_needs() -> None:
    assert len(METHODS) >= 50


def test_required_arguments_are_those_of_the_reference(references: dict[str, Reference]) -> None:
    official = {
        name: set(reference["args"].get("required", []))
        - {"token"}
        - NOT_REQUIRED_IN_TRUTH.get(name, set())
        for name, reference in references.items()
    }
    ours = {name: set(method.required) for name, method in METHODS.items()}
    assert ours == official


def test_error_codes_exist_in_the_reference(references: dict[str, Reference]) -> None:
    invented = {
        name: METHODS[name].errors
        - set(reference.get("errors", {}))
        - COMMON_ERRORS
        - KNOWN_ELSEWHERE.get(name, set())
        for name, reference in references.items()
    }
    assert {name: codes for name, codes in invented.items() if codes} == {}


def test_scopes_are_those_of_the_reference(references: dict[str, Reference]) -> None:
    official = {name: set(ref["scope"].get("bot", [])) for name, ref in references.items()}
    for name, scopes in official.items():
        assert set(METHODS[name].scopes) <= scopes, name
        assert bool(METHODS[name].scopes) == bool(scopes), name


def test_json_bodies_are_read_where_slack_reads_them(references: dict[str, Reference]) -> None:
    official = {name: bool(ref.get("json_input_supported")) for name, ref in references.items()}
    assert {name: method.json_body for name, method in METHODS.items()} == official


def test_rate_tiers_are_those_of_the_reference(
    references: dict[str, Reference], slack_specs: Path
) -> None:
    ours = {name: method.tier for name, method in METHODS.items()}
    assert ours == {name: ref.get("rate_limits") for name, ref in references.items()}
    tiers = json.loads((slack_specs / "rate_tiers.json").read_text())
    assert ours == {name: tiers.get(name, tier) for name, tier in ours.items()}


def test_tokens_are_of_the_right_kind(references: dict[str, Reference]) -> None:
    for name, reference in references.items():
        kind = METHODS[name].token
        assert (kind is TokenKind.CONFIGURATION) == ("configuration" in reference["scope"]), name
        wanted = "token" in reference["args"].get("required", [])
        assert (kind is not TokenKind.NONE) == wanted or name == "api.test"
