"""What the deployment files ask for exists: keys, values, commands, paths."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from packaging.specifiers import SpecifierSet

from app import own_deployment
from app.reading import name_of
from app.settings import Settings

ROOT = Path(__file__).parents[3]
CONFIG = tomllib.loads((ROOT / "railway.toml").read_text())
GUIDE = (ROOT / "docs/deploy.md").read_text()
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
    ours = {name_of(field) for field in Settings.model_fields}
    named = set(re.findall(r"\b(?:LUTHIEN|SLACK|RAILWAY_API)_[A-Z_]+|DATABASE_URL", GUIDE))
    assert named, "it names none"
    assert named <= ours, named - ours
    machine = set(re.findall(r"luthien (migrate|backup|restore|move|lost-key|serve)", GUIDE))
    assert machine == {"migrate", "backup", "restore", "move", "lost-key", "serve"}


def in_the_guide(language: str) -> str:
    """The one block of this language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def test_what_the_guide_has_one_type_in_is_what_doctor_compares_with() -> None:
    typed = dict(re.findall(r"^\| ([A-Z][\w -]+) \| ([^|]+?) \|$", GUIDE, re.MULTILINE))
    assert typed["Custom start command"].startswith(f"`{own_deployment.START_COMMAND}`")
    assert typed["Pre-deploy command"] == f"`{own_deployment.PRE_DEPLOY_COMMAND}`"
    assert typed["Healthcheck path"] == f"`{own_deployment.HEALTH_CHECK_PATH}`"
    assert typed["Healthcheck timeout"] == f"{own_deployment.HEALTH_CHECK_TIMEOUT_S} seconds"
    assert typed["Restart policy"].upper().startswith(f"{own_deployment.RESTART_POLICY} ")
    assert typed["Overlap"] == f"{own_deployment.OVERLAP_S} seconds"
    assert typed["Draining"] == f"{own_deployment.DRAINING_S} seconds"


def test_the_guides_dockerfile_copies_what_is_there_and_starts_it() -> None:
    lines = [line.split(maxsplit=1) for line in in_the_guide("dockerfile").splitlines()]
    said: dict[str, list[str]] = {}
    for instruction, rest in lines:
        said.setdefault(instruction, []).append(rest)
    python = (ROOT / "runtime.txt").read_text().strip().replace("python-", "python:")
    assert said["FROM"] == [f"{python}-slim"]
    copied = {source for source, _ in (line.split() for line in said["COPY"])}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {
        name.strip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert copied == (packages - {"sandbox"}) | {"requirements.txt", "manifest.json"}
    [command] = said["CMD"]
    assert json.loads(command) == own_deployment.START_COMMAND.split()
    [health] = said["HEALTHCHECK"]
    port = said["EXPOSE"][0]
    assert f"127.0.0.1:{port}{own_deployment.HEALTH_CHECK_PATH}" in health
    assert f"LUTHIEN_LISTEN=0.0.0.0:{port}" in said["ENV"][0]
    [folder] = said["VOLUME"]
    assert f"LUTHIEN_DATA_DIR={folder} " in said["ENV"][0]
    assert f"--stop-timeout {own_deployment.DRAINING_S} " in GUIDE


def test_systemd_takes_the_guides_unit(tmp_path: Path) -> None:
    text = in_the_guide("ini")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    service = dict(unit["Service"])
    start, pre = own_deployment.START_COMMAND, own_deployment.PRE_DEPLOY_COMMAND
    here = service["WorkingDirectory"]
    assert service["ExecStart"] == f"{here}/.venv/bin/{start}"
    assert service["ExecStartPre"] == f"{here}/.venv/bin/{pre}"
    assert service["Restart"] == "always"
    assert int(service["TimeoutStopSec"]) == own_deployment.DRAINING_S
    assert service["Environment"] == f"LUTHIEN_DATA_DIR=/var/lib/{service['StateDirectory']}"
    assert service["EnvironmentFile"].startswith("/etc/")
    assert unit["Install"]["WantedBy"] == "multi-user.target"
    if analyze := shutil.which("systemd-analyze"):
        file = tmp_path / "luthien-ops.service"
        file.write_text(text.replace(f"{here}/.venv/bin/python", sys.executable))
        checked = subprocess.run(
            [analyze, "verify", str(file)], capture_output=True, text=True, timeout=60
        )
        assert checked.returncode == 0, checked.stderr


def test_a_backup_arrives_whole_when_a_terminal_ends_its_lines_in_its_own_way() -> None:
    """As the guide has it: `base64` there, `tr` and `base64 -d` here."""
    assert "| tr -d '\\r' | base64 -d >" in GUIDE
    given = bytes(range(256)) * 40
    sent = subprocess.run(["base64"], input=given, capture_output=True, check=True).stdout
    through = sent.replace(b"\n", b"\r\n")
    plain = subprocess.run(["tr", "-d", "\\r"], input=through, capture_output=True, check=True)
    got = subprocess.run(["base64", "-d"], input=plain.stdout, capture_output=True, check=True)
    assert got.stdout == given
