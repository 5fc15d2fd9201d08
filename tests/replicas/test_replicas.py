"""Several replicas over one Postgres: killed, frozen, cut off, asked to leave, without a database.

Each run is carried out by exactly one, to its end, whatever happens to whom.
"""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.lease import EXIT_CODE, LASTS
from tests.e2e.house import until
from tests.replicas.fleet import PATIENCE, open_fleet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.fleet import Fleet, Replica

pytestmark = pytest.mark.timeout(400)

MIDDLE = "database-Postgres"
"""A step in the middle of a create."""
ADDS = "templateDeployV2"
"""What it asks of Railway."""
thorough = pytest.mark.skipif(
    not os.environ.get("REPLICAS"), reason="`make replicas` runs the longer ones"
)


async def begin(fleet: Fleet, name: str = "acme") -> tuple[str, Replica, str]:
    """A create in its middle, who carries it out, and how that one names itself. There it stands
    still until somebody else takes it over."""
    fleet.chronicle.begin()

    async def all_heard() -> bool:
        return fleet.chronicle.heard_of() >= len(fleet.replicas)

    await until(all_heard, within=PATIENCE, what=fleet.logs)
    await fleet.hold(ADDS)
    await fleet.chat.ada.types(f"/luthien create {name}")
    run_id = await fleet.run_of(name)
    await fleet.asked(ADDS)
    owner = await fleet.owner_of(run_id)
    return run_id, owner, fleet.claimant(f"run:{run_id}:%")


async def taken_over(fleet: Fleet, run_id: str, before: str) -> None:
    """Until another process than `before` has it: another replica's, or the one that was started
    in its place, if that one is quicker."""

    async def changed() -> bool:
        return bool(fleet.chronicle.heir(f"run:{run_id}:%", before))

    await until(changed, within=PATIENCE, what=lambda: f"{run_id} is taken over\n{fleet.logs()}")


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=thorough)])
async def test_a_run_goes_on_elsewhere(
    tmp_path: Path, pg: Postgres, number: signal.Signals
) -> None:
    async with open_fleet(tmp_path, pg, 2, lease=LASTS) as fleet:
        run_id, owner, before = await begin(fleet)
        owner.process.send(number)
        await taken_over(fleet, run_id, before)
        if number is signal.SIGKILL:
            fleet.chronicle.assert_in_time(f"run:{run_id}:%", before)
        assert await fleet.over(run_id) == "succeeded", fleet.logs()
        await fleet.chat.ada.sees("acme", "done in", within=PATIENCE)
        await until(owner.ready, within=PATIENCE, what=fleet.logs)
        assert (-number if number is signal.SIGKILL else 0) in owner.ends
        await fleet.nothing_doubled("acme")


async def test_who_was_frozen_leaves_and_harms_nothing(tmp_path: Path, pg: Postgres) -> None:
    async with open_fleet(tmp_path, pg, 2, lease=LASTS) as fleet:
        run_id, owner, before = await begin(fleet)
        owner.process.send(signal.SIGSTOP)
        try:
            await taken_over(fleet, run_id, before)
            fleet.chronicle.assert_in_time(f"run:{run_id}:%", before)
            assert await fleet.over(run_id) == "succeeded", fleet.logs()
        finally:
            owner.process.send(signal.SIGCONT)
        await until(partial(ended, owner), within=PATIENCE, what=fleet.logs)
        assert EXIT_CODE in owner.ends
        assert "frozen" in owner.process.log or "dead" in owner.process.log
        await until(owner.ready, within=PATIENCE, what=fleet.logs)
        await fleet.chat.ada.sees("acme", "done in", within=PATIENCE)
        fleet.chronicle.assert_silent(before)
        await fleet.nothing_doubled("acme")


async def test_who_is_cut_off_from_the_database_leaves(tmp_path: Path, pg: Postgres) -> None:
    async with open_fleet(tmp_path, pg, 2, lease=LASTS) as fleet:
        run_id, owner, before = await begin(fleet)
        owner.cable.cut()
        await until(partial(ended, owner), within=PATIENCE, what=fleet.logs)
        assert EXIT_CODE in owner.ends
        await taken_over(fleet, run_id, before)
        fleet.chronicle.assert_in_time(f"run:{run_id}:%", before)
        assert await fleet.over(run_id) == "succeeded", fleet.logs()
        owner.cable.mend()
        await fleet.all_ready()
        fleet.chronicle.assert_silent(before)
        await fleet.nothing_doubled("acme")


async def test_everybody_comes_back_after_the_database_did(tmp_path: Path, pg: Postgres) -> None:
    names = ("acme", "beta", "gamma")
    async with open_fleet(tmp_path, pg, 2, lease=LASTS) as fleet:
        await fleet.hold(ADDS)
        for name in names:
            await fleet.chat.ada.types(f"/luthien create {name}")
        runs = [await fleet.run_of(name) for name in names]
        await fleet.asked(ADDS)
        pg.stop(signal.SIGQUIT)
        try:
            await until(partial(all_ended, fleet), within=PATIENCE, what=fleet.logs)
        finally:
            pg.start()
        assert all(EXIT_CODE in replica.ends for replica in fleet.replicas), fleet.logs()
        assert await asyncio.gather(*map(fleet.over, runs)) == ["succeeded"] * 3, fleet.logs()
        await fleet.all_ready()
        await fleet.nothing_doubled(*names)


@thorough
async def test_a_cancel_by_way_of_another_process_is_heeded(tmp_path: Path, pg: Postgres) -> None:
    async with open_fleet(tmp_path, pg, 2, lease=LASTS) as fleet:
        await fleet.slow_builds(1000)
        await fleet.chat.ada.types("/luthien create acme")
        run_id = await fleet.run_of("acme")
        await fleet.step_begun(run_id, MIDDLE)
        cancelled = await fleet.house.luthien("cancel", run_id)
        assert cancelled.code == 0, cancelled.err
        assert await fleet.over(run_id) == "cancelled", fleet.logs()


@thorough
async def test_four_replicas_lose_one_after_another(tmp_path: Path, pg: Postgres) -> None:
    names = tuple(f"kunde-{number}" for number in range(6))
    async with open_fleet(tmp_path, pg, 4, lease=LASTS) as fleet:
        for name in names:
            await fleet.chat.ada.types(f"/luthien create {name}")
        runs = [await fleet.run_of(name) for name in names]
        for replica, number in zip(
            fleet.replicas, (signal.SIGKILL, signal.SIGTERM) * 2, strict=True
        ):
            replica.process.send(number)
            await until(partial(ended, replica), within=PATIENCE, what=fleet.logs)
            await until(replica.ready, within=PATIENCE, what=fleet.logs)
        over = await asyncio.gather(*(fleet.over(run, within=2 * PATIENCE) for run in runs))
        assert over == ["succeeded"] * len(names), fleet.logs()
        await fleet.nothing_doubled(*names)


async def ended(replica: Replica) -> bool:
    return bool(replica.ends)


async def all_ended(fleet: Fleet) -> bool:
    return all(replica.ends for replica in fleet.replicas)
