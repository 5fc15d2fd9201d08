"""How Railway runs the bot itself is described in several places, which must say the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app import own_deployment
from app.settings import OwnPlace
from providers.railway.own_service import OwnService
from providers.railway.provider import RailwayProvider
from tests.unit.providers.fakes import ME, FakeClock, FakeRailway, error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.world import Finding

ROOT = Path(__file__).parents[3]

EVALUATE = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("described", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
main = module.main
print(json.dumps(main() if callable(main) else main))
"""
"""What Railway's command line tool does with the file, in a Python without our packages.
Source: railwayapp/cli, src/iac/eval.rs."""

SHAPE: dict[str, Any] = {
    "name": str,
    "variables": {"managed": bool},
    "resources": [
        {
            "address": str,
            "type": "database",
            "kind": "database",
            "engine": "postgres",
            "name": str,
            "image": str,
            "output": "DATABASE_URL",
            "source": {"type": "image", "image": str},
            "defaultMountPath": str,
        },
        {
            "address": str,
            "type": "service",
            "kind": "github",
            "name": str,
            "source": {"type": "github", "repo": str, "branch": str},
            "build": {"builder": str},
            "deploy": {
                "startCommand": str,
                "preDeployCommand": [str],
                "healthcheckPath": str,
                "healthcheckTimeout": int,
                "restartPolicyType": str,
                "overlapSeconds": int,
                "drainingSeconds": int,
            },
        },
    ],
}
"""What railway-sdk 0.7.0 makes of the same project written with its functions (a GitHub service, a
Postgres, `variables` that are not managed). Railway's tool refuses a field that it does not
know."""


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """What `.railway/railway.py` evaluates to."""
    command = [sys.executable, "-I", "-S", "-B", "-c", EVALUATE, str(ROOT / ".railway/railway.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert ran.stderr == ""
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.fixture(scope="module")
def bot(described: dict[str, Any]) -> dict[str, Any]:
    [found] = [one for one in described["resources"] if one["type"] == "service"]
    return dict(found)


def misfit(value: object, shape: object, where: str = "main") -> str:
    """Where a value has another form than it should; empty when it fits."""
    if isinstance(shape, dict):
        if not isinstance(value, dict) or value.keys() != shape.keys():
            return where
        each = [(value[key], shape[key], f"{where}.{key}") for key in shape]
    elif isinstance(shape, list):
        if not isinstance(value, list) or len(value) != len(shape):
            return where
        each = [(v, s, f"{where}[{n}]") for n, (v, s) in enumerate(zip(value, shape, strict=True))]
    else:
        fits = type(value) is shape if isinstance(shape, type) else value == shape
        return "" if fits else where
    return next((wrong for one in each if (wrong := misfit(*one))), "")


def test_it_has_the_shape_that_railways_tool_takes(described: dict[str, Any]) -> None:
    assert misfit(described, SHAPE) == ""
    for resource in described["resources"]:
        assert resource["address"] == f"{resource['type']}.{resource['name']}"


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("deploy", "healthCheckPath", "/readyz"),
        ("deploy", "healthcheckTimeout", "120"),
        ("deploy", "preDeployCommand", "python -m app migrate"),
        ("build", "buildCommand", "make"),
    ],
)
def test_a_typing_mistake_is_found(
    described: dict[str, Any], part: str, key: str, value: object
) -> None:
    wrong = json.loads(json.dumps(described))
    wrong["resources"][1][part][key] = value
    assert misfit(wrong, SHAPE).startswith(f"main.resources[1].{part}")


def test_an_apply_deletes_no_variable(described: dict[str, Any]) -> None:
    """Where variables are managed, each that is not declared is deleted: the tokens, the master
    key. Declared ones are an error beside it."""
    assert described["variables"] == {"managed": False}
    assert not any("variables" in resource for resource in described["resources"])


def test_all_descriptions_agree(bot: dict[str, Any]) -> None:
    expected = {
        "startCommand": own_deployment.START_COMMAND,
        "preDeployCommand": [own_deployment.PRE_DEPLOY_COMMAND],
        "healthcheckPath": own_deployment.HEALTH_CHECK_PATH,
        "healthcheckTimeout": own_deployment.HEALTH_CHECK_TIMEOUT_S,
        "restartPolicyType": own_deployment.RESTART_POLICY,
        "overlapSeconds": own_deployment.OVERLAP_S,
        "drainingSeconds": own_deployment.DRAINING_S,
    }
    legacy = tomllib.loads((ROOT / "railway.toml").read_text())
    assert bot["deploy"] == expected
    assert legacy["deploy"] == expected
    assert bot["build"] == legacy["build"]
    assert (ROOT / "Procfile").read_text() == f"web: {own_deployment.START_COMMAND}\n"


def test_the_old_file_says_at_once_who_reads_it() -> None:
    first = (ROOT / "railway.toml").read_text().splitlines()[0]
    assert "before autumn 2026" in first
    assert "until 2026-12-01" in first


# -- what Railway has, as `doctor` sees it --------------------------------------------------------

PLACE = OwnPlace("p-1", "e-1", "s-1")
RIGHT: dict[str, Any] = {
    "startCommand": "python -m app serve",
    "preDeployCommand": ["python -m app migrate"],
    "healthcheckPath": "/readyz",
    "healthcheckTimeout": 120,
    "restartPolicyType": "ALWAYS",
    "overlapSeconds": 0,
    "drainingSeconds": 30,
}
NEW: dict[str, Any] = dict.fromkeys(RIGHT) | {"restartPolicyType": "ON_FAILURE"}
"""A service made from the repository in December 2026: no file is read."""


@pytest.fixture
def railway() -> FakeRailway:
    return FakeRailway(FakeClock()).on("me", ME)


@pytest.fixture
async def provider(railway: FakeRailway) -> AsyncIterator[RailwayProvider]:
    opened = RailwayProvider(
        "https://railway.test/",
        "token-of-test",
        None,
        clock=railway.clock,
        transport=railway.transport(),
    )
    yield opened
    await opened.aclose()


async def found(provider: RailwayProvider) -> Finding:
    [finding] = await own_deployment.check(provider, PLACE)()
    assert finding.name == "This deployment"
    return finding


@pytest.mark.parametrize("there", [{}, {"overlapSeconds": None}])
async def test_what_is_as_it_should_be_is_well(
    provider: RailwayProvider, railway: FakeRailway, there: dict[str, Any]
) -> None:
    railway.on("ownServiceInstance", RIGHT | there)
    finding = await found(provider)
    assert finding.ok
    assert finding.detail == "set up as docs/deploy.md says"
    assert railway.asked[-1].variables == {"environmentId": "e-1", "serviceId": "s-1"}


async def test_a_start_command_may_be_that_of_the_procfile(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("ownServiceInstance", RIGHT | {"startCommand": None})
    finding = await found(provider)
    assert finding.ok
    assert "the start command is that of Procfile" in finding.detail


async def test_each_difference_is_named_with_what_is_there_and_what_should_be(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("ownServiceInstance", NEW)
    finding = await found(provider)
    assert not finding.ok
    assert finding.detail.split("; ") == [
        "pre-deploy command is not set, should be python -m app migrate",
        "health check path is not set, should be /readyz",
        "health check timeout is not set, should be 120 s",
        "restart policy is ON_FAILURE, should be ALWAYS",
        "draining is not set, should be 30 s",
    ]
    assert "`railway config apply`" in finding.fix
    assert "https://railway.com/project/p-1/service/s-1/settings?environmentId=e-1" in finding.fix
    assert "needs a paid plan" in finding.fix


async def test_one_other_value_is_said_alone(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on(
        "ownServiceInstance",
        RIGHT | {"startCommand": "luthien serve"},
    )
    finding = await found(provider)
    assert finding.detail == "start command is luthien serve, should be python -m app serve"
    assert "paid plan" not in finding.fix


@pytest.mark.parametrize("said", ["Not Authorized", "Service not found"])
async def test_a_token_that_may_not_see_the_bots_own_project_is_no_problem(
    provider: RailwayProvider, railway: FakeRailway, said: str
) -> None:
    railway.on("ownServiceInstance", error(said))
    finding = await found(provider)
    assert finding.ok
    assert finding.detail.startswith("not compared: ")
    assert "another workspace" in finding.detail


async def test_a_railway_that_refuses_otherwise_is_told(
    provider: RailwayProvider, railway: FakeRailway
) -> None:
    railway.on("ownServiceInstance", error("Your workspace has been restricted."))
    finding = await found(provider)
    assert not finding.ok
    assert "restricted" in finding.detail
    assert finding.fix


@pytest.mark.parametrize(
    ("sent", "read"), [(None, ()), ("a", ("a",)), (["a"], ("a",)), (["a", "b"], ("a", "b"))]
)
def test_a_pre_deploy_command_is_a_list_a_text_or_nothing(
    sent: object, read: tuple[str, ...]
) -> None:
    assert OwnService.model_validate(RIGHT | {"preDeployCommand": sent}).pre_deploy_command == read


def test_how_to_get_a_public_address() -> None:
    assert "LUTHIEN_PUBLIC_URL" in own_deployment.publishing(None)
    there = own_deployment.publishing(PLACE)
    assert "https://railway.com/project/p-1/service/s-1/settings?environmentId=e-1 " in there
    assert "Generate Domain" in there
    assert "deploy once more" in there
