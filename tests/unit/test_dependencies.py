"""What can be said of the dependencies without asking anybody: each is locked to one version and
to hashes, comes from the index alone, and has a licence that we may use. Known vulnerabilities are
looked up by `make audit`, which needs the network."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements", "requirements-dev")
LICENCES = re.compile(
    r"\b(MIT|MIT-0|Apache|BSD|PSF|Python Software Foundation|MPL|Mozilla|ISC|LGPL|Unlicense|0BSD"
    r"|Zero-Clause|Public Domain|CC0)\b",
    re.IGNORECASE,
)
"""LGPL (psycopg) is linked to, not changed."""
_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE
)


def entries(lock: str) -> dict[str, str]:
    """Each requirement as a whole, by name."""
    text = (ROOT / f"{lock}.txt").read_text()
    body = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    return {
        canonicalize_name(found["name"]): entry
        for entry in re.split(r"\n(?=\S)", body.strip())
        if (found := _ENTRY.match(entry))
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_locked_to_a_version_and_to_hashes(lock: str) -> None:
    text = (ROOT / f"{lock}.txt").read_text()
    found = entries(lock)
    starts = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(found) == len(starts), "a line that is no locked requirement"
    for name, entry in found.items():
        hashes = re.findall(r"--hash=(\w+):([0-9a-f]+)", entry)
        assert hashes, name
        assert all(kind == "sha256" and len(value) == 64 for kind, value in hashes), name
    assert not re.search(r"://|^-|\bgit\+|@ ", re.sub(r"--hash=\S+|#.*", "", text), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS)
def test_no_version_is_a_trial(lock: str) -> None:
    """But parts of OpenTelemetry, which its stable releases ask for."""
    found = {name: _ENTRY.match(entry) for name, entry in entries(lock).items()}
    trials = {name for name, at in found.items() if at and Version(at["version"]).is_prerelease}
    assert {name for name in trials if not name.startswith("opentelemetry-")} == set()


def test_what_we_ask_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {canonicalize_name(Requirement(r).name) for r in project["dependencies"]}
    extra = project["optional-dependencies"]["dev"]
    dev = {canonicalize_name(Requirement(r).name) for r in extra}
    assert base <= entries("requirements").keys()
    assert base | dev <= entries("requirements-dev").keys()


@pytest.mark.parametrize("name", sorted(entries("requirements")))
def test_its_licence_may_be_used(name: str) -> None:
    try:
        about = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("is for another system")
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    stated = [*(about.get_all("License-Expression") or []), *(about.get_all("License") or [])]
    said = [text[:200] for text in (*classifiers, *stated)]
    assert any(LICENCES.search(text) for text in said), said
    assert not any(re.search(r"\bA?GPL\b", text) for text in said), said
