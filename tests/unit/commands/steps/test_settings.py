"""How a service is built and run is set once, and a deployment is checked against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.steps.check_deployment import CheckDeployment
from commands.steps.connect_source import ConnectSourceUnset
from commands.steps.places import Place
from commands.steps.write_settings import WriteSettings
from engine.capabilities import Deployment, DeployState, ServiceSettings, Space
from engine.errors import OutcomeUnknown, Rejected
from engine.step import StepFailed
from tests.unit.commands.clock import NOW
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import UNSET, FakeHost, Kept
from tests.unit.commands.worlds import REGISTRY

WANTED = ServiceSettings(dockerfile="docker/Dockerfile.gateway", health_path="/health")


async def gateway(host: FakeHost) -> tuple[Space, Kept]:
    space = await host.create_space("luthien-acme", mark="ready")
    await host.create_service(space, "gateway")
    host.calls.clear()
    return space, host.service(space.id, "gateway")


def write(space: Space, kept: Kept) -> WriteSettings:
    return WriteSettings(
        key="settings",
        space=Place.of(space),
        service=kept.service.id,
        service_name="gateway",
        settings=WANTED,
    )


async def test_settings_are_written_and_said(host: FakeHost) -> None:
    space, kept = await gateway(host)
    result = await write(space, kept).run(FakeContext(host))
    assert kept.service.settings == WANTED.over(UNSET)
    assert result["said"] == "Dockerfile docker/Dockerfile.gateway and health check /health"
    assert kept.service.deployment is None


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_lost_answer_is_settled_by_writing_the_same_again(
    host: FakeHost, how: str
) -> None:
    space, kept = await gateway(host)
    host.lost["write_settings"] = how
    with pytest.raises(OutcomeUnknown):
        await write(space, kept).run(FakeContext(host))
    await write(space, kept).run(FakeContext(host, attempt=2, uncertain=True))
    assert kept.service.settings == WANTED.over(UNSET)


async def test_what_the_host_refuses_ends_the_step(host: FakeHost) -> None:
    space, kept = await gateway(host)
    host.lost["write_settings"] = "rejected"
    with pytest.raises(Rejected):
        await write(space, kept).run(FakeContext(host))
    assert kept.service.settings == UNSET


# -- the deployment ---------------------------------------------------------------------------


def over(**told: object) -> Deployment:
    deployment = Deployment(
        id="d-1",
        state=DeployState.RUNNING,
        phase="SUCCESS",
        created_at=NOW,
        url="https://console.test/d-1",
    )
    return replace(deployment, **told)  # type: ignore[arg-type] # fields by name


def check(space: Space, kept: Kept, *, dockerfile: bool = True) -> CheckDeployment:
    return CheckDeployment(
        key="built",
        space=Place.of(space),
        service=kept.service.id,
        service_name="gateway",
        deployment="d-1",
        dockerfile=dockerfile,
        health_path="/health",
        next_step="/luthien redeploy acme",
    )


async def checked(host: FakeHost, deployment: Deployment | None) -> dict[str, object]:
    space, kept = await gateway(host)
    kept.service = replace(kept.service, deployment=deployment)
    return await check(space, kept).run(FakeContext(host))


async def test_one_built_by_its_dockerfile_and_checked_is_well(host: FakeHost) -> None:
    found = await checked(host, over(builder="dockerfile", health_path="/health"))
    assert found == {"builder": "dockerfile", "health_path": "/health"}


@pytest.mark.parametrize(
    ("told", "summary", "why"),
    [
        (
            {"builder": "railpack", "health_path": "/health"},
            "gateway was not built by its Dockerfile.",
            "The host used its own builder (railpack).",
        ),
        (
            {"builder": "dockerfile", "health_path": ""},
            "gateway was deployed without its health check /health.",
            "The host did not ask whether it is healthy.",
        ),
        (
            {"builder": "dockerfile", "health_path": "/"},
            "gateway was deployed without its health check /health.",
            "The host asked /.",
        ),
        (
            {"builder": "", "health_path": None},
            "The host does not tell how gateway was built.",
            "So nobody knows whether it used its Dockerfile and its health check.",
        ),
    ],
)
async def test_anything_else_fails_with_the_reason(
    host: FakeHost, told: dict[str, object], summary: str, why: str
) -> None:
    with pytest.raises(StepFailed) as caught:
        await checked(host, over(**told))
    assert (caught.value.summary, caught.value.why) == (summary, why)
    assert caught.value.link == "https://console.test/d-1"
    assert caught.value.next_step == "/luthien redeploy acme"


async def test_one_that_is_not_shown_is_not_said_to_be_well(host: FakeHost) -> None:
    with pytest.raises(StepFailed, match="does not tell"):
        await checked(host, None)


async def test_what_the_host_tells_late_is_waited_for(host: FakeHost) -> None:
    space, kept = await gateway(host)
    kept.service = replace(kept.service, deployment=over(builder="", health_path=None))
    began = host.clock.now()

    class Late(FakeContext):
        async def pause(self, duration: timedelta) -> None:
            await super().pause(duration)
            told = over(builder="dockerfile", health_path="/health")
            kept.service = replace(kept.service, deployment=told)

    assert (await check(space, kept).run(Late(host)))["builder"] == "dockerfile"
    assert host.clock.now() > began


async def test_a_service_without_a_dockerfile_may_be_built_by_the_host(host: FakeHost) -> None:
    space, kept = await gateway(host)
    kept.service = replace(
        kept.service, deployment=over(builder="railpack", health_path="/health")
    )
    found = await check(space, kept, dockerfile=False).run(FakeContext(host))
    assert found["builder"] == "railpack"


# -- creations planned before settings had a step ---------------------------------------------


def connect(space: Space, kept: Kept) -> ConnectSourceUnset:
    return ConnectSourceUnset(
        key="source",
        space=Place.of(space),
        service=kept.service.id,
        service_name="gateway",
        repo="acme/proxy",
        branch="main",
    )


async def test_an_old_creation_connects_no_source_to_a_service_that_knows_no_settings(
    host: FakeHost,
) -> None:
    space, kept = await gateway(host)
    with pytest.raises(StepFailed, match="does not say how gateway is built") as caught:
        await connect(space, kept).run(FakeContext(host))
    assert caught.value.next_step == "/luthien create"
    assert host.writes == []


async def test_it_goes_on_where_they_were_set_or_the_deployment_had_begun(host: FakeHost) -> None:
    space, kept = await gateway(host)
    await write(space, kept).run(FakeContext(host))
    await connect(space, kept).run(FakeContext(host))
    kept.service = replace(kept.service, settings=UNSET)
    again = await connect(space, kept).run(FakeContext(host, attempt=2))
    assert kept.service.deployment is not None
    assert again["deployment_id"] == kept.service.deployment.id


def test_the_plans_of_before_are_understood() -> None:
    """As the version before stored it."""
    stored = {
        "kind": "connect_source",
        "key": "source-gateway",
        "after": ["variables-gateway", "domain-gateway"],
        "redo": [],
        "expected": "PT4S",
        "space": Place.made_by("space").model_dump(mode="json"),
        "service": {"ref": "service-gateway.id"},
        "service_name": "gateway",
        "repo": "LuthienResearch/luthien-proxy",
        "branch": "main",
    }
    assert isinstance(REGISTRY.load_step(stored), ConnectSourceUnset)
