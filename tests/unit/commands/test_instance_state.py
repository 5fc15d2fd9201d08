from __future__ import annotations

from datetime import timedelta

import pytest

from commands.instance_state import state_of
from commands.instances import BLUEPRINT
from engine.capabilities import DeployState, Space
from engine.run import RunStatus
from tests.unit.commands.clock import NOW
from tests.unit.commands.worlds import (
    BLUEPRINTS,
    DescribedRun,
    DescribedService,
    described_run,
    described_service,
)

S = DeployState
HOUR = timedelta(hours=1)


def space(
    mark: str,
    *,
    gateway: DeployState | None = S.RUNNING,
    postgres: DeployState | None = S.RUNNING,
    domain: str = "gateway.host.test",
    age: timedelta = HOUR,
) -> Space:
    described = [DescribedService(name="Redis")]
    if gateway is not None:
        described.append(DescribedService(name="gateway", state=gateway, domain=domain))
    if postgres is not None:
        described.append(DescribedService(name="Postgres", state=postgres))
    return Space(
        id="s",
        environment_id="e",
        name="luthien-acme",
        mark=mark,
        created_at=NOW - age,
        services=tuple(described_service(1, service) for service in described),
    )


def state(of: Space, run: RunStatus | None = None) -> tuple[str, str]:
    known = (
        described_run(DescribedRun(id="r2", line="create acme", subject="acme", status=run))
        if run
        else None
    )
    status, reason = state_of(of, BLUEPRINTS[BLUEPRINT], run=known, now=NOW)
    return status.value, reason


@pytest.mark.parametrize(
    ("mark", "gateway", "postgres", "expected"),
    [
        ("ready", S.RUNNING, S.RUNNING, ("running", "")),
        ("", S.RUNNING, S.RUNNING, ("running", "")),
        ("Luthien Proxy instance: acme", S.RUNNING, S.RUNNING, ("running", "")),
        ("ready", S.BUILDING, S.RUNNING, ("running", "gateway being deployed anew")),
        ("", S.BUILDING, S.RUNNING, ("provisioning", "gateway being deployed")),
        ("", S.DEPLOYING, S.PENDING, ("provisioning", "gateway and Postgres being deployed")),
        ("ready", S.FAILED, S.RUNNING, ("unhealthy", "gateway: the last deployment failed")),
        ("", S.FAILED, S.RUNNING, ("failed", "gateway: the last deployment failed")),
        ("ready", S.CRASHED, S.RUNNING, ("unhealthy", "gateway: the last deployment crashed")),
        ("ready", S.RUNNING, S.CRASHED, ("unhealthy", "Postgres: the last deployment crashed")),
        ("ready", S.REMOVED, S.RUNNING, ("unhealthy", "gateway: the last deployment was removed")),
        ("ready", None, S.RUNNING, ("failed", "gateway missing")),
        ("ready", S.RUNNING, None, ("unhealthy", "Postgres missing")),
        ("ready", S.NONE, S.RUNNING, ("unknown", "gateway was never deployed")),
        ("deletion-scheduled:2026-07-01T00:00:00Z", S.CRASHED, None, ("deletion_scheduled", "")),
        ("deletion-scheduled:whenever", S.RUNNING, S.RUNNING, ("running", "")),
    ],
)
def test_by_mark_and_services(
    mark: str,
    gateway: DeployState | None,
    postgres: DeployState | None,
    expected: tuple[str, str],
) -> None:
    assert state(space(mark, gateway=gateway, postgres=postgres)) == expected


def test_what_nobody_can_reach_is_not_running() -> None:
    assert state(space("ready", domain="")) == ("unhealthy", "gateway has no public address")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (RunStatus.QUEUED, ("provisioning", "being made by run r2")),
        (RunStatus.CANCELLING, ("provisioning", "being made by run r2")),
        (RunStatus.FAILED, ("failed", "run r2 failed")),
        (RunStatus.ERRORED, ("failed", "run r2 errored")),
        (RunStatus.CANCELLED, ("failed", "run r2 cancelled")),
        (RunStatus.SUCCEEDED, ("running", "")),
    ],
)
def test_while_it_is_made_its_run_tells(run: RunStatus, expected: tuple[str, str]) -> None:
    assert state(space("creating r2"), run) == expected


def test_a_run_that_nobody_knows_has_an_hour() -> None:
    young, old = (space("creating r2", age=age) for age in (HOUR / 2, HOUR * 2))
    assert state(young) == ("provisioning", "being made by run r2")
    assert state(old) == ("failed", "run r2 never finished it")
