"""Dashboard, alerts and runbook speak of what is really there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

import engine.telemetry
from api.errors import IDIOMS, Bug
from commands.runbook import PAGES
from engine.errors import EXPLAINED

DOCS = Path(__file__).parents[2] / "docs" / "observability"
KNOWN = {
    sample
    for metric in REGISTRY.collect()
    if metric.name.startswith("luthien_")
    for sample in (metric.name, *(f"{metric.name}_{s}" for s in ("bucket", "count", "total")))
}


@pytest.mark.parametrize("name", ["grafana.json", "alerts.yaml", "README.md"])
def test_only_metrics_that_exist_are_named(name: str) -> None:
    assert engine.telemetry.ACK
    named = set(re.findall(r"\bluthien_[a-z_]+", (DOCS / name).read_text()))
    assert named
    assert named <= KNOWN


def test_every_metric_is_on_the_dashboard() -> None:
    text = json.dumps(json.loads((DOCS / "grafana.json").read_text()))
    for metric in REGISTRY.collect():
        assert not metric.name.startswith("luthien_") or metric.name in text


def test_every_alert_has_a_page() -> None:
    rules = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
    for rule in rules:
        page = rule["annotations"]["runbook"].removeprefix("/luthien runbook ")
        assert (PAGES / f"{page}.md").is_file()


def test_every_page_is_of_an_error_or_an_alert_and_what_is_offered_has_one() -> None:
    rules = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"][0]["rules"]
    alerts = {rule["annotations"]["runbook"].removeprefix("/luthien runbook ") for rule in rules}
    codes = {kind.code for kind in IDIOMS} | {Bug.code}
    assert {path.stem for path in PAGES.glob("*.md")} == alerts | codes
    assert codes >= EXPLAINED


@pytest.mark.parametrize("code", sorted({kind.code for kind in IDIOMS} | {Bug.code}))
def test_every_error_has_a_page(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text()
    assert text.startswith("# ")
    assert "\n- " in text
