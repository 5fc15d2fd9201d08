"""`create` from plan to credentials on the real engine, against a host that loses answers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

from commands.create import CreateInstance
from commands.credentials import ShowCredentials
from commands.status import ShowStatus
from engine.actor import Door, Origin
from engine.capabilities import DeployState
from engine.context import Retries
from engine.plane import Plane, PlaneSettings, open_plane
from engine.roles import FixedRoles
from engine.run import EventKind, RunStatus
from engine.secrets import generate_key, parse_keys
from engine.world import Limits
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.host import FakeHost
from tests.unit.commands.worlds import BLUEPRINTS, PEOPLE, REGISTRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.run import RunView

BEN = PEOPLE["ben"]
OPS = Origin(door=Door.SLACK, channel="C0OPS")
WRITES = [
    "create_space",
    "add_database",
    "add_database",
    "create_service",
    "write_variables",
    "expose",
    "write_settings",
    "connect_source",
    "stop_following_pushes",
    "mark_space",
]


@asynccontextmanager
async def plane(
    folder: Path, host: FakeHost, *, public_url: str = "", launched: bool = True
) -> AsyncIterator[Plane]:
    """`launched` False: no run is carried out, which starts much faster."""
    opened = await open_plane(
        PlaneSettings(
            database_url=f"sqlite+aiosqlite:///{folder}/luthien.sqlite",
            dispatch_url=f"sqlite:///{folder}/dispatch.sqlite",
            keys=parse_keys(generate_key()),
            limits=Limits(timedelta(days=7), timedelta(hours=24), public_url=public_url),
            roles=FixedRoles(frozenset({"slack:U0ADA"}), frozenset({"slack:U0BEN"})),
            retries=Retries(attempts=3),
        ),
        registry=REGISTRY,
        toolbox=host.toolbox(),
        blueprints=BLUEPRINTS,
        clock=host.clock,
    )
    if launched:
        await opened.launch()
    try:
        yield opened
    finally:
        await opened.close()


async def create(opened: Plane, **asked: object) -> RunView:
    run = await opened.submit(BEN, CreateInstance.parse({"instance": "acme"} | asked), OPS)
    async for event in opened.follow(run.id):
        if event.kind == EventKind.ENDED:
            break
    return await opened.show(run.id)


async def test_from_nothing_to_credentials(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        run = await create(opened)
        assert run.status == RunStatus.SUCCEEDED
        assert sorted(host.writes) == sorted(WRITES)

        [held] = host.held.values()
        gateway = host.service(held.space.id, "gateway")
        url = gateway.service.url
        assert held.space.mark == "ready"
        assert gateway.follows_pushes is False
        assert gateway.variables["LUTHIEN_RUN"] == run.id
        assert run.result == {
            "name": "acme",
            "project_id": held.space.id,
            "url": url,
            "status": "running",
        }

        assert run.delivers == "credentials acme"
        answer = await opened.ask(BEN, ShowCredentials(instance="acme"), OPS)
        keys = {
            "proxy_api_key": gateway.variables["PROXY_API_KEY"],
            "admin_api_key": gateway.variables["ADMIN_API_KEY"],
        }
        assert run.result | answer.data | {"run": run.id} == {
            "name": "acme",
            "project_id": held.space.id,
            "url": url,
            "status": "running",
            "run": run.id,
            **keys,
        }
        status = await opened.ask(BEN, ShowStatus(instance="acme"), OPS)
        assert status.data["status"] == "running"
        told = [event async for event in opened.follow(run.id)]
        kept = f"{run.model_dump()} {status} {told}"
        assert not any(key in kept for key in keys.values())


async def test_a_lost_answer_at_any_write_still_makes_exactly_one(tmp_path: Path) -> None:
    host = FakeHost(FakeClock(), lag=timedelta(seconds=20))
    async with plane(tmp_path, host) as opened:
        for number, (call, how) in enumerate(product(dict.fromkeys(WRITES), ("before", "after"))):
            host.lost[call] = how
            run = await create(opened, instance=f"acme-{number}")
            case = f"{call}, answer lost {how} it was done: {run.trouble}"
            assert run.status == RunStatus.SUCCEEDED, case
            [held] = [h for h in host.held.values() if h.space.name == f"luthien-acme-{number}"]
            names = sorted(kept.service.name for kept in held.services.values())
            assert names == ["Postgres", "Redis", "gateway"], case
            assert held.space.mark == "ready", case


async def test_a_refusal_at_any_write_leaves_nothing(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    async with plane(tmp_path, host) as opened:
        for call in dict.fromkeys(WRITES):
            host.lost[call] = "rejected"
            run = await create(opened)
            assert run.status == RunStatus.FAILED, call
            assert host.held == {}, call


async def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.phases[-1] = ("FAILED", DeployState.FAILED)
    async with plane(tmp_path, host) as opened:
        run = await create(opened)
    assert run.status == RunStatus.FAILED
    assert run.trouble is not None
    assert run.trouble.phase == "BUILD_IMAGE"
    assert run.trouble.log == ("line 1", "line 2")
    assert host.held == {}
    assert run.left == ()


async def test_keep_keeps_what_a_failed_build_left(tmp_path: Path) -> None:
    host = FakeHost(FakeClock())
    host.phases[-1] = ("FAILED", DeployState.FAILED)
    async with plane(tmp_path, host) as opened:
        run = await create(opened, keep=True)
        assert run.status == RunStatus.FAILED
        assert [left.name for left in run.left] == ["luthien-acme"]
        [held] = host.held.values()
        assert held.space.mark == f"creating {run.id}"
