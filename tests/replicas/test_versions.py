"""A rolling upgrade: two versions of the code over one Postgres, each with runs under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.house import until
from tests.replicas.fleet import PATIENCE, open_fleet
from tests.replicas.newer import IN_THE_NEW_WAY, newer_version
from tests.replicas.test_replicas import ADDS, begin, thorough

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.postgres import Postgres
    from tests.replicas.fleet import Fleet, Replica

pytestmark = pytest.mark.timeout(600)

POLLS = "deployment"
"""What a step asks that waits for a deployment."""
FAST = 100.0


async def test_each_goes_on_with_its_own_runs_and_with_what_both_know(
    tmp_path: Path, pg: Postgres
) -> None:
    async with open_fleet(tmp_path, pg, 2, speed=FAST) as fleet:
        old = list(fleet.replicas)
        acme, owner, _ = await begin(fleet, "acme")
        new, carried_out = await upgraded(fleet, tmp_path)
        beta = await begun(fleet, new[0], "create", "beta", held=ADDS)
        for one in (owner, await fleet.owner_of(beta)):
            await fleet.fall(one)
        assert [await fleet.over(run) for run in (acme, beta)] == ["succeeded"] * 2, fleet.logs()
        assert carried_out(acme) == ["old", "old"]
        assert carried_out(beta) == ["new", "new"]
        assert (titles(fleet, acme), titles(fleet, beta)) == (
            {"Mark it ready"},
            {IN_THE_NEW_WAY},
        )

        restart = await begun(fleet, old[0], "restart", "acme", held=POLLS)
        assert await asyncio.gather(*(one.retire() for one in old)) == [0, 0], fleet.logs()
        assert await fleet.over(restart) == "succeeded", fleet.logs()
        assert carried_out(restart) == ["old", "new"]
        await fleet.nothing_doubled("acme", "beta")


@thorough
async def test_what_only_the_old_one_knows_waits_for_it_or_for_people(
    tmp_path: Path, pg: Postgres
) -> None:
    async with open_fleet(tmp_path, pg, 2, speed=FAST) as fleet:
        old = list(fleet.replicas)
        acme, _, _ = await begin(fleet, "acme")
        new, carried_out = await upgraded(fleet, tmp_path)
        beta = await begun(fleet, old[1], "create", "beta", held=ADDS)
        assert await asyncio.gather(*(one.retire() for one in old)) == [0, 0], fleet.logs()
        assert [await fleet.over(run) for run in (acme, beta)] == ["errored"] * 2, fleet.logs()
        told = await fleet.chat.ada.sees("does not know this step", f"/luthien retry {acme}")
        assert "Start that version again" in told

        assert (await fleet.luthien(new[0], "clean-up", beta, "--yes"))[0] == 0, fleet.logs()
        assert await fleet.over(beta) == "rolled_back", fleet.logs()

        again = await fleet.add()
        await until(again.ready, within=PATIENCE, what=fleet.logs)
        assert (await fleet.luthien(new[0], "retry", acme, "--yes"))[0] == 0, fleet.logs()
        assert await fleet.over(acme) == "succeeded", fleet.logs()
        assert carried_out(acme)[-1] == "old"
        assert titles(fleet, acme) == {"Mark it ready"}
        await fleet.nothing_doubled("acme")


async def upgraded(fleet: Fleet, folder: Path) -> tuple[list[Replica], Callable[[str], list[str]]]:
    """The database migrated by the new code while the old serves, and as many new replicas; and
    what says which versions had a run, in order."""
    source = newer_version(folder / "newer")
    old = list(fleet.replicas)
    code, said = await fleet.luthien(old[0], "migrate", source=source)
    assert code == 0, said
    assert fleet.rows("SELECT version_num FROM alembic_version") == [("9999",)]
    [[before]] = fleet.rows("SELECT DISTINCT version FROM replicas")
    new = [await fleet.add(source) for _ in old]
    await fleet.all_ready()
    assert not any(replica.ends for replica in fleet.replicas), fleet.logs()
    [[after]] = fleet.rows(f"SELECT DISTINCT version FROM replicas WHERE version <> '{before}'")
    names = {before: "old", after: "new"}

    def carried_out(run_id: str) -> list[str]:
        return [names[version] for version in fleet.chronicle.versions(f"run:{run_id}:%")]

    return new, carried_out


async def begun(fleet: Fleet, by: Replica, command: str, instance: str, *, held: str) -> str:
    """A run that one replica planned and carries out, and that stands still at a call."""
    already = await fleet.times_asked(held)
    await fleet.hold(held)
    async with by.api() as http:
        path = f"/api/v1/commands/{command}"
        answer = await http.post(path, json={"instance": instance})
    assert answer.status_code == 202, answer.text
    await fleet.asked(held, more_than=already)
    return str(answer.json()["run"]["id"])


def titles(fleet: Fleet, run_id: str) -> set[str]:
    """Of the step that is another one in the newer version."""
    asked = f"SELECT title FROM steps WHERE run_id = '{run_id}' AND key = 'ready'"
    return {title for [title] in fleet.rows(asked)}
