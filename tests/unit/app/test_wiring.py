"""What is put together at the start: the policy over restarts, the pace of requests."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from app import checks, wiring
from app.data import DataFolder
from app.reading import Reading
from app.settings import Settings
from commands.create import CreateInstance
from engine.errors import NotAllowed, NotConfigured, OpsError
from engine.precedence import CALLS_APART
from tests.canaries import MARK
from tests.unit.commands.worlds import REGISTRY
from tests.unit.engine.house import BEN

if TYPE_CHECKING:
    from pathlib import Path


def reading(folder: Path, policy: Path) -> Reading:
    settings = Settings(
        _env_file=None,
        luthien_data_dir=folder,
        luthien_policy=policy,
        luthien_deployers=("U0BEN",),
    )
    return Reading(settings, ())


async def test_a_policy_that_broke_before_a_restart_leaves_the_last_good_one_in_force(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - may: nobody\n")
    read = reading(tmp_path / "data", policy)
    with DataFolder(tmp_path / "data").own("test", wait=timedelta()):
        async with wiring.control_plane(read, REGISTRY) as parts:
            assert await parts.plane.notices.untold() == []
        policy.write_text("rules:\n  - may: anybody\n")
        for _start in ("the first", "the next"):
            async with wiring.control_plane(read, REGISTRY) as parts:
                with pytest.raises(NotAllowed, match="needs nobody"):
                    await parts.plane.permit(BEN, CreateInstance(instance="acme"))
                [told] = await parts.plane.notices.untold()
            assert "its last good content is in force" in told.notice.text
            assert "line 2, column 5: `may, entry 1` is `anybody`" in told.notice.text
        async with wiring.throw_away_plane(read, REGISTRY) as parts:
            standing = await parts.plane.policy()
            assert standing.loaded.policy.rules[0].may == ("nobody",)
            [finding] = await checks.policy(standing)()
            assert not finding.ok
            assert "policy.yaml: line 2, column 5" in finding.detail
            assert "its last good content is in force" in finding.fix

        policy.write_text("rules: []\n")
        async with wiring.control_plane(read, REGISTRY) as parts:
            await parts.plane.permit(BEN, CreateInstance(instance="acme"))


async def test_requests_to_railway_keep_their_distance(tmp_path: Path) -> None:
    """So that acknowledgements find room between them (`engine.precedence`)."""
    came: list[float] = []

    async def refuse(_: web.Request) -> web.Response:
        came.append(time.monotonic())
        return web.json_response({"errors": [{"message": "Not Authorized"}]})

    app = web.Application()
    app.router.add_post("/", refuse)
    async with TestServer(app) as railway:
        settings = Settings(
            _env_file=None,
            luthien_data_dir=tmp_path / "data",
            luthien_pace=0.05,
            railway_api_token=f"token-{MARK}",
            railway_api_url=str(railway.make_url("/")),
        )
        with DataFolder(tmp_path / "data").own("test", wait=timedelta()):
            async with wiring.control_plane(Reading(settings, ()), REGISTRY) as parts:
                assert parts.railway is not None
                asked = (parts.railway.resolve_workspace() for _ in range(2))
                refused = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, OpsError) for one in refused)
    apart = CALLS_APART.total_seconds() / settings.luthien_pace
    first, second, *_ = came
    assert second - first > apart / 2


async def test_a_policy_that_was_never_good_starts_nothing(tmp_path: Path) -> None:
    good, broken = tmp_path / "good.yaml", tmp_path / "broken.yaml"
    good.write_text("rules: []\n")
    broken.write_text("rule: []\n")
    async with wiring.control_plane(reading(tmp_path / "data", good), REGISTRY):
        pass
    with pytest.raises(NotConfigured, match="line 1, column 1: `rule` is not known"):
        async with wiring.control_plane(reading(tmp_path / "data", broken), REGISTRY):
            pytest.fail("it started")
