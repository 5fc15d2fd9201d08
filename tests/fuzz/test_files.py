"""Files that somebody wrote by hand: the policy and the blueprints."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import blueprints
from engine import blueprint
from engine.errors import NotConfigured
from engine.policy_file import BrokenPolicy, read_policy
from tests.fuzz.making import JSON, broken_text, damaged
from tests.fuzz.test_words import registry

_POLICY = Path(blueprint.__file__).with_name("default_policy.yaml").read_text()
_BLUEPRINT = Path(blueprints.__path__[0], "luthien.yaml").read_text()
_COMMANDS = {command.name: command for command in registry().commands}


def dumped(value: Any) -> str:
    return yaml.safe_dump(value, allow_unicode=True)


def texts(whole: str) -> st.SearchStrategy[str]:
    parsed = yaml.safe_load(whole)
    return st.one_of(
        broken_text(whole), damaged(parsed).map(dumped), JSON.map(dumped), st.text(max_size=300)
    )


@given(texts(_POLICY))
@example("approvals: {'': deployer}")
@example("approvals: {minimum: !!int many}")
@example("approvals: {minimum: !!bool many}")
@example("a: " + "[" * 5_000)
@example("a: &a [*a]")
def test_a_policy_is_in_force_or_its_faults_are_named(text: str) -> None:
    try:
        read_policy(text, "policy.yaml", _COMMANDS)
    except BrokenPolicy as broken:
        assert broken.faults
        assert broken.why


@given(texts(_BLUEPRINT))
@example("\ud800")
@example("name: !!int many")
@example("a: " + "[" * 5_000)
@example("a: &a [*a]")
def test_a_blueprint_is_read_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "luthien.yaml")
        path.write_bytes(text.encode(errors="surrogatepass"))
        try:
            blueprint.load(path)
        except NotConfigured as refused:
            assert "luthien.yaml" in str(refused.as_json())


def test_what_is_damaged_is_valid_otherwise() -> None:
    assert read_policy(_POLICY, "policy.yaml", _COMMANDS)
    assert blueprint.load(Path(blueprints.__path__[0], "luthien.yaml"))
    with pytest.raises(BrokenPolicy):
        read_policy("nothing: true", "policy.yaml", _COMMANDS)
