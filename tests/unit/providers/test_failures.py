"""Where a deployment stopped, with a log that holds no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from providers.railway.masking import HIDDEN, mask, secrets_of
from providers.railway.models import Deployment
from providers.railway.translate import deployment
from tests.canaries import MARK
from tests.unit.providers.fakes import FakeRailway, Whole, a_deployment, edges, error

if TYPE_CHECKING:
    from providers.railway.provider import RailwayProvider


def event(step: str, second: int, *, done: bool = True, **payload: Any) -> dict[str, Any]:
    return {
        "step": step,
        "createdAt": f"2026-01-01T00:00:{second:02}Z",
        "completedAt": f"2026-01-01T00:00:{second + 1:02}Z" if done else None,
        "payload": payload or None,
    }


def story(*events: dict[str, Any], status: str = "FAILED") -> Whole:
    return Whole({"deployment": a_deployment("d-1", status), "deploymentEvents": edges(*events)})


def log(*lines: str) -> list[dict[str, str]]:
    return [
        {"timestamp": f"2026-01-01T00:00:{n:02}.5Z", "message": m} for n, m in enumerate(lines)
    ]


OURS = f"admin-hunter22-{MARK}"
SNAPSHOT = event("SNAPSHOT_CODE", 1)
BUILT = event("BUILD_IMAGE", 3)


@pytest.fixture
def failing(railway: FakeRailway) -> FakeRailway:
    railway.on("variables", {"ADMIN_API_KEY": OURS, "PORT": "8000"})
    railway.on("buildLogs", log("build 1", "build 2"))
    return railway.on("deploymentLogs", log("deploy 1", "deploy 2"))


async def test_a_failed_build_shows_the_build_log(
    provider: RailwayProvider, failing: FakeRailway
) -> None:
    broken = event("BUILD_IMAGE", 3, error="exit code 1")
    failing.on("deploymentEvents", story(SNAPSHOT, broken))
    failure = await provider.failure_of("d-1")
    assert (failure.phase, failure.reason) == ("BUILD_IMAGE", "exit code 1")
    assert failure.log == ("build 1", "build 2")
    assert failing.counts["deploymentLogs"] == 0


async def test_a_failed_health_check_shows_the_deploy_log(
    provider: RailwayProvider, failing: FakeRailway
) -> None:
    unhealthy = event("HEALTHCHECK", 6, error="1/1 replicas never became healthy!")
    failing.on("deploymentEvents", story(SNAPSHOT, BUILT, unhealthy))
    failure = await provider.failure_of("d-1")
    assert failure.phase == "HEALTHCHECK"
    assert failure.log == ("deploy 1", "deploy 2")


@pytest.mark.parametrize(
    ("events", "phase", "reason"),
    [
        ([SNAPSHOT, event("BUILD_IMAGE", 3, done=False)], "BUILD_IMAGE", "no reason"),
        ([SNAPSHOT, event("CREATE_CONTAINER", 5, reason="no memory")], "CREATE_CONTAINER", "mem"),
        ([], "FAILED", "no reason"),
    ],
)
async def test_a_failure_without_an_error_still_has_a_phase(
    provider: RailwayProvider,
    failing: FakeRailway,
    events: list[dict[str, Any]],
    phase: str,
    reason: str,
) -> None:
    failing.on("deploymentEvents", story(*events))
    failure = await provider.failure_of("d-1")
    assert failure.phase == phase
    assert reason in failure.reason


async def test_only_the_last_lines_oldest_first(
    provider: RailwayProvider, failing: FakeRailway
) -> None:
    lines = log(*(f"line {n}" for n in range(31)))  # Railway sends one more than asked for
    failing.on("deploymentEvents", story(SNAPSHOT, event("BUILD_IMAGE", 3, error="x")))
    failing.on("buildLogs", list(reversed(lines)))
    failure = await provider.failure_of("d-1", lines=30)
    assert failure.log == tuple(f"line {n}" for n in range(1, 31))
    assert failing.asked[-1].variables["limit"] == 30
    assert (await provider.failure_of("d-1", lines=0)).log == ()


@pytest.mark.parametrize("nothing", [[], error("Deployment not found")], ids=repr)
async def test_the_other_log_helps_when_the_likelier_one_has_nothing(
    provider: RailwayProvider, failing: FakeRailway, nothing: object
) -> None:
    failing.on("deploymentEvents", story(SNAPSHOT, BUILT, event("HEALTHCHECK", 6, error="x")))
    failing.on("deploymentLogs", nothing)
    assert (await provider.failure_of("d-1")).log == ("build 1", "build 2")


async def test_the_services_own_secrets_are_hidden(
    provider: RailwayProvider, failing: FakeRailway
) -> None:
    failing.on(
        "deploymentEvents",
        story(event("BUILD_IMAGE", 3, error=f"bad {OURS}")),
    )
    failing.on("buildLogs", log(f"starting with {OURS} on 8000"))
    failure = await provider.failure_of("d-1")
    assert failure.reason == f"bad {HIDDEN}"
    assert failure.log == (f"starting with {HIDDEN} on 8000",)


async def test_unreadable_variables_do_not_keep_the_log_back(
    provider: RailwayProvider, failing: FakeRailway
) -> None:
    failing.on("deploymentEvents", story(event("BUILD_IMAGE", 3, error="x")))
    failing.on("variables", error("Not Authorized"))
    assert (await provider.failure_of("d-1")).log == ("build 1", "build 2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "connect postgresql://postgres:s3cretcanary-4f7d2k9m@db.railway.internal:5432/railway",
            f"connect postgresql://postgres:{HIDDEN}@db.railway.internal:5432/railway",
        ),
        ("redis://:s3cretcanary-4f7d2k9m@host failed", f"redis://:{HIDDEN}@host failed"),
        ("Authorization: Bearer abc.def-123456", f"Authorization: Bearer {HIDDEN}"),
        ("ANTHROPIC_API_KEY=sk-ant-api03-canary-4f7d2k9m", f"ANTHROPIC_API_KEY={HIDDEN}"),
        (
            '{"password": "s3cretcanary-4f7d2k9m", "port": 5432}',
            f'{{"password": "{HIDDEN}", "port": 5432}}',
        ),
        ("using sk-ant-api03-canary-4f7d2k9m now", f"using {HIDDEN} now"),
        ("xoxb-1234567890-abc", HIDDEN),
        (
            "GET https://example.com/health 200 in 3 ms",
            "GET https://example.com/health 200 in 3 ms",
        ),
        ("Listening on 0.0.0.0:8000", "Listening on 0.0.0.0:8000"),
        ("monkey: 12345 keyboards", "monkey: 12345 keyboards"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_longer_secrets_go_first_and_short_values_are_none() -> None:
    assert mask("abcdefgh abcdef abc", ["abcdef", "abcdefgh", "abc"]) == f"{HIDDEN} {HIDDEN} abc"


def test_secrets_of_variables() -> None:
    variables = {
        "PROXY_API_KEY": "proxy-key",
        "DATABASE_URL": "postgresql://u:dbpassword@h:5432/d",
        "PORT": "8000",
        "AUTH_MODE": "both",
        "LOG_LEVEL": "information",
    }
    assert secrets_of(variables) == {"proxy-key", "dbpassword"}


@pytest.mark.parametrize("hostile", ["<!channel>", "<@U0ADA>", "<#C0OPS>", "<!subteam^S0>"])
def test_what_strangers_wrote_mentions_nobody(hostile: str) -> None:
    wire = a_deployment(meta={"commitMessage": f"fix {hostile}", "commitHash": "abc"})
    shown = deployment(Deployment.model_validate(wire)).commit_message
    assert shown == f"fix {hostile}", "it is literal, as nobody but we can mention anybody"
    assert mask(f"refused: {hostile}") == f"refused: {hostile}"
    assert mask("a < b, <none>") == "a < b, <none>"
