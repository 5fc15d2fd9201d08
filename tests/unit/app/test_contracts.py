"""The import contracts hold on this tree, and each of them catches a planted breach."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

BREACHES = [
    # module, what it wrongly imports, the contract that must say so
    ("engine/words.py", "commands.create", "layers"),
    ("commands/list.py", "providers.railway.provider", "layers"),
    ("bot/desk.py", "api.server", "layers"),
    ("api/cli.py", "commands.create", "doors"),
    ("scheduler/housekeeping.py", "providers.web.probe", "doors"),
    ("providers/web/probe.py", "providers.railway.client", "vendors"),
    ("sandbox/traffic.py", "engine.errors", "sandbox-alone"),
    ("app/demo.py", "sandbox.server", "sandbox-apart"),
    ("commands/status.py", "slack_sdk", "slack"),
    ("bot/voice.py", "httpx", "http-client"),
    ("api/server.py", "httpx", "http-client"),
    ("scheduler/housekeeping.py", "apscheduler", "timer"),
    ("engine/plane.py", "dbos", "durable-engine"),
    ("engine/plane.py", "sqlalchemy", "database"),
    ("api/server.py", "pydantic_settings", "settings"),
    ("api/server.py", "jinja2", "web-page"),
    ("commands/status.py", "prometheus_client", "seen"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source tree that may be broken."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / ".importlinter", copy)
    for package in _contracts()["importlinter"]["root_packages"].split():
        shutil.copytree(ROOT / package, copy / package, ignore=lambda _, names: _not_python(names))
    return copy


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    linted = _lint(tree)
    assert linted.returncode == 0, linted.stdout


def test_every_contract_is_tried_with_a_breach() -> None:
    names = {name.removeprefix("importlinter:contract:") for name in _contracts().sections()}
    assert names - {"importlinter"} == {contract for _, _, contract in BREACHES}


@pytest.mark.parametrize(("module", "imported", "contract"), BREACHES)
def test_a_breach_is_caught(tree: Path, module: str, imported: str, contract: str) -> None:
    path = tree / module
    whole = path.read_text()
    path.write_text(f"{whole}\nimport {imported}\n")
    try:
        linted = _lint(tree)
    finally:
        path.write_text(whole)
    assert linted.returncode != 0
    name = _contracts()[f"importlinter:contract:{contract}"]["name"]
    broken = linted.stdout.split("Broken contracts")[1]
    assert name in " ".join(broken.split())


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def _contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def _not_python(names: list[str]) -> set[str]:
    return {name for name in names if "." in name and not name.endswith(".py")} | {"__pycache__"}
