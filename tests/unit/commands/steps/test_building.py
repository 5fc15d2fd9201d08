"""The steps that fill a space: each makes one thing, however often it is tried."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from commands.steps.add_database import AddDatabase
from commands.steps.add_service import AddService
from commands.steps.connect_source import ConnectSource
from commands.steps.expose import Expose
from commands.steps.places import Place, as_result
from commands.steps.stop_following import StopFollowing
from commands.steps.write_variables import WriteVariables
from engine.blueprint import Generated
from engine.capabilities import Database, Space
from engine.errors import OutcomeUnknown
from engine.step import Ref
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import FakeHost

if TYPE_CHECKING:
    from engine.step import Step

SPACE = Place.made_by("space")


async def in_a_space(host: FakeHost) -> Space:
    return await host.create_space("luthien-acme", mark="creating r2run")


def context(host: FakeHost, space: Space, *, uncertain: bool = False) -> FakeContext:
    service = next(
        (k.service.id for k in host.held[space.id].services.values()), "service-unknown"
    )
    results = {"space": as_result(space), "service": {"id": service}}
    return FakeContext(host, results=results, uncertain=uncertain)


@pytest.mark.parametrize(
    ("step", "call"),
    [
        (
            AddDatabase(key="x", space=SPACE, database=Database.POSTGRES, name="Postgres"),
            "add_database",
        ),
        (AddService(key="x", space=SPACE, name="gateway"), "create_service"),
    ],
)
async def test_a_lost_service_is_found_again(slow_host: FakeHost, step: Step, call: str) -> None:
    space = await in_a_space(slow_host)
    await slow_host.clock.sleep(timedelta(minutes=2))
    slow_host.lost[call] = "after"
    with pytest.raises(OutcomeUnknown):
        await step.run(context(slow_host, space))
    result = await step.run(context(slow_host, space, uncertain=True))
    assert [k.service.id for k in slow_host.held[space.id].services.values()] == [result["id"]]
    assert slow_host.writes.count(call) == 1


async def test_a_domain_whose_answer_was_lost_is_found_again(host: FakeHost) -> None:
    space = await in_a_space(host)
    await host.create_service(space, "gateway")
    step = Expose(
        key="x", space=SPACE, service=Ref(ref="service.id"), service_name="gateway", port=8000
    )
    host.lost["expose"] = "after"
    with pytest.raises(OutcomeUnknown):
        await step.run(context(host, space))
    result = await step.run(context(host, space, uncertain=True))
    kept = host.service(space.id, "gateway")
    assert result == {"domain": kept.service.domain, "url": f"https://{kept.service.domain}"}
    assert kept.port == 8000
    assert host.writes.count("expose") == 1


VARIABLES = WriteVariables(
    key="variables",
    space=SPACE,
    service=Ref(ref="service.id"),
    service_name="gateway",
    values={"PORT": "8000", "RUN": "{run}", "DATABASE_URL": "${{Postgres.DATABASE_URL}}"},
    generated={"PROXY_API_KEY": Generated(prefix="sk-"), "ADMIN_API_KEY": Generated(bytes=16)},
    same_as={"CLIENT_API_KEY": "PROXY_API_KEY"},
)


class TestWriteVariables:
    @pytest.fixture
    async def space(self, host: FakeHost) -> Space:
        space = await in_a_space(host)
        await host.create_service(space, "gateway")
        return space

    async def test_all_are_set_in_one_write(self, host: FakeHost, space: Space) -> None:
        await VARIABLES.run(context(host, space))
        there = host.service(space.id, "gateway").variables
        assert there["RUN"] == "r2run"
        assert there["DATABASE_URL"] == "${{Postgres.DATABASE_URL}}"
        assert there["CLIENT_API_KEY"] == there["PROXY_API_KEY"]
        assert there["PROXY_API_KEY"].startswith("sk-")
        assert len(there["PROXY_API_KEY"]) == len("sk-") + 43
        assert there["ADMIN_API_KEY"] != there["PROXY_API_KEY"]
        assert host.writes.count("write_variables") == 1

    async def test_again_changes_nothing(self, host: FakeHost, space: Space) -> None:
        await VARIABLES.run(context(host, space))
        before = dict(host.service(space.id, "gateway").variables)
        result = await VARIABLES.run(context(host, space, uncertain=True))
        assert host.service(space.id, "gateway").variables == before
        assert result["written"] == []
        assert host.writes.count("write_variables") == 1

    async def test_what_is_there_is_kept(self, host: FakeHost, space: Space) -> None:
        kept = host.service(space.id, "gateway").variables
        kept.update({"PORT": "9000", "PROXY_API_KEY": "mine", "OTHER": "untouched"})
        result = await VARIABLES.run(context(host, space))
        assert kept["PORT"] == "9000"
        assert kept["PROXY_API_KEY"] == kept["CLIENT_API_KEY"] == "mine"
        assert kept["OTHER"] == "untouched"
        assert result["kept"] == ["PORT", "PROXY_API_KEY"]

    async def test_no_secret_leaves_the_step(self, host: FakeHost, space: Space) -> None:
        ctx = context(host, space)
        result = await VARIABLES.run(ctx)
        there = host.service(space.id, "gateway").variables
        told = f"{result} {ctx.notes} {VARIABLES.as_json()} {VARIABLES!r} {VARIABLES.describe()}"
        for name in ("PROXY_API_KEY", "ADMIN_API_KEY"):
            assert there[name] not in told

    async def test_every_instance_has_its_own_keys(self, host: FakeHost, space: Space) -> None:
        await VARIABLES.run(context(host, space))
        other = await host.create_space("luthien-other", mark="creating r2run")
        await host.create_service(other, "gateway")
        await VARIABLES.run(context(host, other))
        mine, others = (host.service(s.id, "gateway").variables for s in (space, other))
        assert mine["PROXY_API_KEY"] != others["PROXY_API_KEY"]


async def test_connecting_twice_deploys_once_and_a_push_nothing(host: FakeHost) -> None:
    space = await in_a_space(host)
    await host.create_service(space, "gateway")
    connect = ConnectSource(
        key="source",
        space=SPACE,
        service=Ref(ref="service.id"),
        service_name="gateway",
        repo="acme/proxy",
        branch="main",
    )
    stop = StopFollowing(
        key="pushes", space=SPACE, service=Ref(ref="service.id"), service_name="gateway"
    )
    host.lost["connect_source"] = "after"
    with pytest.raises(OutcomeUnknown):
        await connect.run(context(host, space))
    result = await connect.run(context(host, space, uncertain=True))
    kept = host.service(space.id, "gateway")
    assert kept.service.deployment is not None
    assert result["deployment_id"] == kept.service.deployment.id
    assert len(result["commit"]) == 40
    await stop.run(context(host, space))
    assert kept.follows_pushes is False


def test_a_known_space_and_a_made_one_say_the_same() -> None:
    host = FakeHost(FakeClock())
    space = Space(
        id="s",
        environment_id="e",
        name="luthien-acme",
        mark="ready",
        created_at=host.clock.now(),
        workspace="w",
        console_url="https://console.test/s",
    )
    ctx = FakeContext(host, results={"space": as_result(space)})
    assert Place.of(space).space(ctx) == SPACE.space(ctx)
    assert Place.of(space).space(ctx).environment_id == "e"
