"""Each write, with each kind of lost reply: afterwards it happened once, and we know it did.

What an engine does with OutcomeUnknown or Unreachable is to look again later; here that is a
second call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.capabilities import Database, Space
from engine.errors import OutcomeUnknown, Unreachable
from tests.contract.railway.conftest import GATEWAY, REPO

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from providers.railway.provider import RailwayProvider
    from tests.contract.railway.conftest import Sandbox

DONE = ("lost-after", "504-after", "truncated")
NOT_DONE = ("lost-before", "500", "html")
WAITED_FOR = ("429", "1015", "throttle")

pytestmark = pytest.mark.parametrize("kind", [*DONE, *NOT_DONE, *WAITED_FOR])


async def certainly(call: Callable[[], Awaitable[object]], kind: str) -> None:
    """Call until it is certain: once, but twice when it was lost before anything was done."""
    try:
        await call()
    except (OutcomeUnknown, Unreachable):
        assert kind in NOT_DONE, "what was done is found by reading"
        await call()


@pytest.fixture
async def space(provider: RailwayProvider, sandbox: Sandbox) -> Space:
    return await provider.create_space("luthien-acme", mark="creating r-1")


async def services(provider: RailwayProvider, space: Space) -> list[str]:
    seen = await provider.space(space.id)
    assert seen is not None
    return sorted(s.name for s in seen.services)


async def test_create_space(provider: RailwayProvider, sandbox: Sandbox, kind: str) -> None:
    sandbox.fault("projectCreate", kind)
    mark = "creating r-1"
    await certainly(lambda: provider.create_space("luthien-acme", mark=mark), kind)
    assert [(s.name, s.mark) for s in await provider.spaces()] == [("luthien-acme", mark)]


async def test_mark_space(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    sandbox.fault("projectUpdate", kind)
    await certainly(lambda: provider.mark_space(space.id, "ready"), kind)
    seen = await provider.space(space.id)
    assert seen is not None
    assert seen.mark == "ready"


async def test_delete_space(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    sandbox.fault("projectDelete", kind)
    await certainly(lambda: provider.delete_space(space.id), kind)
    assert not await provider.spaces()


async def test_create_service(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    sandbox.fault("serviceCreate", kind)
    await certainly(lambda: provider.create_service(space, "gateway"), kind)
    assert await services(provider, space) == ["gateway"]


@pytest.mark.parametrize("call", ["variableCollectionUpsert", "serviceInstanceUpdate"])
async def test_write_settings(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str, call: str
) -> None:
    service = await provider.create_service(space, "gateway")
    sandbox.fault(call, kind)
    await certainly(lambda: provider.write_settings(space, service.id, GATEWAY), kind)
    seen = await provider.space(space.id)
    assert seen is not None
    shown = seen.service("gateway")
    assert shown is not None
    assert shown.settings is not None
    assert not GATEWAY.missing_from(shown.settings).given
    variables = await provider.variables(space, service.id)
    assert variables == {"RAILWAY_DOCKERFILE_PATH": GATEWAY.dockerfile}
    done = sandbox.asked().count(call)
    assert done == (1 if kind in DONE else 2), "once more only where nothing was done"


@pytest.mark.parametrize("database", Database)
async def test_add_database(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str, database: Database
) -> None:
    sandbox.fault("templateDeployV2", kind)
    name = database.value.capitalize()
    await certainly(lambda: provider.add_database(space, database, name=name), kind)
    assert await services(provider, space) == [name]


async def test_write_variables(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    gateway = await provider.create_service(space, "gateway")
    await provider.write_variables(space, gateway.id, {"KEPT": "1"})
    sandbox.fault("variableCollectionUpsert", kind)
    await certainly(lambda: provider.write_variables(space, gateway.id, {"PORT": "8000"}), kind)
    assert await provider.variables(space, gateway.id) == {"KEPT": "1", "PORT": "8000"}


async def test_expose(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    gateway = await provider.create_service(space, "gateway")
    sandbox.fault("serviceDomainCreate", kind)
    await certainly(lambda: provider.expose(space, gateway.id, port=8000), kind)
    assert len(sandbox.state()["domains"]) == 1


async def test_expose_elsewhere(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str
) -> None:
    gateway = await provider.create_service(space, "gateway")
    await provider.expose(space, gateway.id, port=3000)
    sandbox.fault("serviceDomainUpdate", kind)
    await certainly(lambda: provider.expose(space, gateway.id, port=8000), kind)
    [domain] = sandbox.state()["domains"]
    assert domain["target_port"] == 8000


@pytest.mark.parametrize("operation", ["serviceConnect", "serviceInstanceAutoDeployUpdate"])
async def test_connect_source_and_stop_following(
    provider: RailwayProvider, sandbox: Sandbox, space: Space, kind: str, operation: str
) -> None:
    gateway = await provider.create_service(space, "gateway")
    sandbox.fault(operation, kind)

    async def connect() -> None:
        await provider.connect_source(space, gateway.id, repo=REPO, branch="main")
        await provider.stop_following_pushes(space, gateway.id)

    await certainly(connect, kind)
    sandbox.control("railway/push", repo=REPO, branch="main")
    assert len(sandbox.state()["deployments"]) == 1
