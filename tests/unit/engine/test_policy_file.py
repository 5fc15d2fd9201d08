"""The policy's file: every fault at once with its place, quotes by line, changes while it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from engine.errors import NotConfigured
from engine.policy import SelfApprove
from engine.policy_file import (
    DEFAULT,
    SCHEMA,
    BrokenPolicy,
    StandingPolicy,
    json_schema,
    read_policy,
)
from tests.unit.commands.worlds import POLICIES
from tests.unit.commands.worlds import REGISTRY as PRODUCT

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {command.name: command for command in PRODUCT.commands}


def faults(text: str) -> list[str]:
    with pytest.raises(BrokenPolicy) as broken:
        read_policy(text, "policy.yaml", COMMANDS)
    return broken.value.why.splitlines()


def test_the_committed_schema_is_the_one_of_the_code() -> None:
    assert SCHEMA.read_text() == json_schema(), "write engine.policy_file.json_schema() to it"


@pytest.mark.parametrize("path", [DEFAULT, *POLICIES.glob("*.yaml")], ids=lambda p: p.name)
def test_files_are_sound_and_fit_the_schema(path: Path) -> None:
    read_policy(path.read_text(), path.name, COMMANDS)
    jsonschema.validate(yaml.safe_load(path.read_text()), json.loads(SCHEMA.read_text()))


def test_an_empty_file_says_nothing_of_its_own() -> None:
    loaded = read_policy("", "policy.yaml", COMMANDS)
    assert loaded.policy.rules == ()
    assert loaded.policy.approvals.self_approve is SelfApprove.NEVER
    assert loaded.quote("approvals", "self_approve") is None


def test_every_fault_is_told_at_once_with_line_and_column() -> None:
    found = faults(
        """time_zone: Europe/Helsinky
aprovals:
  expire: PT4H
approvals:
  expire: never
  self_approve: sometimes
  channel: ops
rules:
  - commands: [delet, "create --fast"]
    may: [admin, bob]
    approvals: many
    approvals: 3
freezes:
  - name: nights
    from: daily 22:00
    until: fri 08:00
creations_per_day: -1
"""
    )
    assert found == [
        "line 1, column 1: `time_zone` is `Europe/Helsinky`, which is no time zone like"
        " Europe/Helsinki",
        "line 2, column 1: `aprovals` is not known here; did you mean `approvals`?",
        "line 5, column 3: `expire` is no ISO 8601 duration like PT4H",
        "line 6, column 3: `self_approve` should be one of 'never', 'when_alone' or 'always'",
        "line 7, column 3: `channel` is `ops`, which is no Slack channel id",
        "line 9, column 16: `commands, entry 1` names `delet`, which is no command; did you mean"
        " `delete`?",
        "line 9, column 23: `commands, entry 2` names `--fast`, which is no switch of `create`",
        "line 10, column 18: `may, entry 2` is `bob`, which is no role (viewer, deployer, admin)"
        " and no Slack user id",
        "line 12, column 5: `approvals` stands here twice",
        "line 14, column 5: `freezes, entry 1` must have `from` and `until` of one kind (weekly,"
        " daily or dates)",
        "line 17, column 1: `creations_per_day` should be greater than or equal to 0",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("rules: [1\nfreezes: 2", "line 2, column 8: is not YAML"),
        ("rules: {a: 1}", "line 1, column 1: `rules` should be a valid"),
        ("- rules", "line 1, column 1: `the file` should be"),
        ("rules:\n  - may: admin\n    \tapprovals: 1", "line 3, column 5: is not YAML"),
        ("rules: &all [*all]", "line 1, column 1: has a part that holds itself"),
    ],
)
def test_what_is_no_policy_at_all_is_told_too(text: str, fault: str) -> None:
    [found] = faults(text)
    assert found.startswith(fault)


def test_a_line_is_quoted_as_it_stands_in_the_file() -> None:
    loaded = read_policy("rules:\n  - commands: '*'\n    may: admin  # of us\n", "ours.yaml")
    assert str(loaded.quote("rules", 0, "may")) == "ours.yaml, line 3: `may: admin  # of us`"
    assert str(loaded.quote("rules", 0, "commands")) == "ours.yaml, line 2: `commands: '*'`"


def test_a_broken_file_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("rule: []")
    with pytest.raises(NotConfigured) as refused:
        StandingPolicy(path, COMMANDS)
    assert str(path) in refused.value.summary
    assert "line 1, column 1: `rule` is not known here; did you mean `rules`?" in refused.value.why
    with pytest.raises(NotConfigured, match="cannot be read: No such file"):
        StandingPolicy(tmp_path / "none.yaml", COMMANDS)


def test_after_a_start_the_last_good_one_is_in_force(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("creations_per_day: lots")
    standing = StandingPolicy(path, COMMANDS, "creations_per_day: 1\n")
    assert standing.look().policy.creations_per_day == 1
    assert standing.news is not None
    assert "its last good content is in force, as before this start" in standing.news.text
    assert "line 1, column 1: `creations_per_day`" in standing.news.text
    assert standing.broken is not None
    with pytest.raises(NotConfigured, match="line 1, column 1: `creations_per_day`"):
        StandingPolicy(path, COMMANDS, "rules: [{commands: a command of an older version}]")

    path.write_text("creations_per_day: 30")
    assert standing.look().policy.creations_per_day == 30
    assert standing.broken is None


def test_a_change_is_in_force_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("creations_per_day: 1")
    standing = StandingPolicy(path, COMMANDS)
    assert standing.look().policy.creations_per_day == 1
    assert standing.news is None

    _write(path, "creations_per_day: 20")
    assert standing.look().policy.creations_per_day == 20
    assert standing.news is not None
    assert "in force from now on" in standing.news.text
    changed, standing.news = standing.news, None

    _write(path, "creations_per_day: lots")
    assert standing.look().policy.creations_per_day == 20
    assert standing.look().policy.creations_per_day == 20
    assert standing.news is not None
    assert "what held before still does. 1 fault:\nline 1, column 1" in standing.news.text
    assert standing.news.key != changed.key
    assert standing.broken is not None

    path.unlink()
    assert standing.look().policy.creations_per_day == 20
    assert "cannot be read: No such file" in standing.broken.why

    path.write_text("creations_per_day: 3")
    assert standing.look().policy.creations_per_day == 3
    assert standing.broken is None


def _write(path: Path, text: str) -> None:
    """As editors do: another file takes the place of the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
