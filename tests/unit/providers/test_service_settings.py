"""What Railway says of how a service and a deployment are built and run, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from engine.capabilities import RestartPolicy, ServiceSettings
from providers.railway import models, translate
from tests.unit.providers.fakes import a_deployment

WHOLE = {
    "build": {"builder": "DOCKERFILE"},
    "deploy": {
        "healthcheckPath": "/health",
        "multiRegionConfig": {"us-west2": {"numReplicas": 1}},
    },
}
HALF = {"build": {"builder": "RAILPACK"}, "deploy": {"runtime": "V2"}}


def told(status: str, manifest: object) -> tuple[str, str | None]:
    wire = a_deployment(status=status, meta={"branch": "main", "serviceManifest": manifest})
    found = translate.deployment(models.Deployment.model_validate(wire))
    return found.builder, found.health_path


@pytest.mark.parametrize("status", ["INITIALIZING", "QUEUED", "BUILDING", "DEPLOYING"])
def test_what_is_not_over_tells_nothing_whatever_its_manifest_says(status: str) -> None:
    assert told(status, HALF) == ("", None)
    assert told(status, WHOLE) == ("", None)


@pytest.mark.parametrize("status", ["SUCCESS", "FAILED", "CRASHED", "REMOVED", "SLEEPING"])
def test_what_is_over_tells_what_built_it_and_where_it_was_checked(status: str) -> None:
    assert told(status, WHOLE) == ("dockerfile", "/health")
    assert told(status, HALF) == ("railpack", "")


@pytest.mark.parametrize(
    "manifest",
    [None, 5, [], {}, {"build": None}, {"build": {"builder": 7}}, {"build": {"builder": None}}],
)
def test_a_manifest_of_another_shape_tells_nothing(manifest: Any) -> None:
    assert told("SUCCESS", manifest) == ("", None)


def test_no_attempts_are_a_choice_and_not_a_default() -> None:
    found = translate.settings(models.InstanceSettings(restart_policy_max_retries=0))
    assert found.restart_retries == 0
    assert "restart_retries" in found.given_by_hand
    assert found.restart is RestartPolicy.ON_FAILURE


def test_a_deployment_fits_what_is_set_as_far_as_it_tells() -> None:
    wanted = ServiceSettings(dockerfile="Dockerfile", health_path="/health")

    def deployment(status: str, manifest: object) -> bool:
        wire = a_deployment(status=status, meta={"serviceManifest": manifest})
        found = translate.deployment(models.Deployment.model_validate(wire))
        return found.fits(wanted)

    assert deployment("SUCCESS", WHOLE)
    assert deployment("BUILDING", HALF)
    assert not deployment("SUCCESS", HALF)
    elsewhere = {**WHOLE, "deploy": {"healthcheckPath": "/"}}
    assert not deployment("SUCCESS", elsewhere)
