"""What the deployment files ask for exists: keys, values, commands, paths."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from packaging.specifiers import SpecifierSet

from app.reading import name_of
from app.settings import Settings

ROOT = Path(__file__).parents[3]
CONFIG = tomllib.loads((ROOT / "railway.toml").read_text())
SCHEMA = json.loads((ROOT / "tests/data/railway-config.schema.json").read_text())


def test_railway_knows_every_key_and_value() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(CONFIG, SCHEMA)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("build", "builder", "NIXPACKS"),
        ("deploy", "healthCheckPath", "/readyz"),
        ("deploy", "preDeployCommand", ["luthien migrate", "luthien doctor"]),
        ("deploy", "restartPolicyType", "always"),
    ],
)
def test_a_slip_of_the_pen_is_found(part: str, key: str, value: object) -> None:
    wrong = {**CONFIG, part: {**CONFIG[part], key: value}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_the_commands_and_the_path_are_ours() -> None:
    deploy = CONFIG["deploy"]
    ours = (ROOT / "app/program.py").read_text()
    for line in (deploy["startCommand"], *deploy["preDeployCommand"]):
        # What Railpack builds holds the packages of requirements.txt and our files, not `luthien`.
        *start, command = line.split()
        assert start == ["python", "-m", "app"]
        assert f'"{command}"' in ours
    assert f'"{deploy["healthcheckPath"]}"' in (ROOT / "api/server.py").read_text()
    assert (ROOT / "Procfile").read_text() == f"web: {deploy['startCommand']}\n"


def test_railpack_finds_what_to_install_and_for_which_python() -> None:
    """Source: railpack, core/providers/python: a requirements.txt at the top is installed by pip
    before anything else is copied; without one (and without a lock it knows) nothing is. A file of
    another provider at the top would be taken first."""
    locked = (ROOT / "requirements.txt").read_text()
    assert "file://" not in locked
    assert not re.search(r"^-", locked, re.MULTILINE), "what it includes would not be there"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = (ROOT / "runtime.txt").read_text().strip().removeprefix("python-")
    assert SpecifierSet(project["requires-python"]).contains(python)
    other = (
        "package.json",
        "go.mod",
        "Cargo.toml",
        "index.php",
        "Gemfile",
        "deno.json",
        "mix.exs",
    )
    assert not [name for name in (*other, "Dockerfile", "uv.lock") if (ROOT / name).exists()]


def test_the_guide_names_settings_and_commands_that_exist() -> None:
    guide = (ROOT / "docs/deploy.md").read_text()
    ours = {name_of(field) for field in Settings.model_fields}
    named = set(re.findall(r"\b(?:LUTHIEN|SLACK|RAILWAY_API)_[A-Z_]+|DATABASE_URL", guide))
    assert named, "it names none"
    assert named <= ours, named - ours
    machine = set(re.findall(r"luthien (migrate|backup|restore|move|lost-key|serve)", guide))
    assert machine == {"migrate", "backup", "restore", "move", "lost-key", "serve"}
