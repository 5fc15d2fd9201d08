"""A second change of the same instance waits in line; a person's lock keeps others out."""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.chat import Chat, assert_says
from tests.e2e.house import SPEED, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def slow_builds(house: House) -> AsyncIterator[None]:
    await house.http.put("/control/state", json={"railway": {"settings": {"pace": 40.0}}})
    try:
        yield
    finally:
        await house.http.put("/control/state", json={"railway": {"settings": {"pace": 1.0}}})


async def made(people: Chat, name: str) -> None:
    await people.ada.types(f"/luthien create {name}")
    await people.ada.sees(f"*Create instance {name}*: done in", within=30)


async def test_a_line_of_three_over_a_restart(town: House, people: Chat) -> None:
    ada, ben = people.ada, people.ben
    await made(people, "queue")
    async with slow_builds(town):
        await ada.types("/luthien redeploy queue")
        first = await ben.sees("*Redeploy", "queue", "Cancel")
        await ben.types("/luthien redeploy queue --ref main")
        second = await ada.sees("redeploy queue --ref main", "It waits, 1st in line")
        assert "Its turn is expected at about" in second
        await ada.types("/luthien restart queue")
        third = await ben.sees("*restart queue*", "It waits, 2nd in line", private=False)
        await ben.types("/luthien restart queue --no-wait")
        await ben.gets("`queue` is held by run")
        await people.cleo.types("/luthien status queue")
        await people.cleo.gets("Under way", "1st in line", "2nd in line", "restart queue, by ada")

        assert town.server.stop(signal.SIGKILL) != 0
        await town.serve()
        await ben.clicks("Don't wait", third)
        await ada.sees("*restart queue*: Stopped by")
        await ada.clicks("Cancel", first)
    await ada.sees("Stopped by", "Redeploy", within=20)
    done = await ada.sees("*Redeploy", "queue", "done in", within=30)
    assert "<@U0BEN00001>" in done


async def test_an_undo_is_refused_at_the_click_while_another_run_is_at_it(
    town: House, people: Chat
) -> None:
    ada, ben = people.ada, people.ben
    await made(people, "back")
    await ada.types("/luthien config back set LOG_LEVEL=debug")
    done = await ben.sees("*Configure back*: done in", within=30)
    async with slow_builds(town):
        await ada.types("/luthien redeploy back")
        first = await ben.sees("*Redeploy", "back", "Cancel")
        await ben.clicks("Undo", done)
        await ben.gets("`back` is held by run", "Redeploy back")
        await ben.types("/luthien restart back")
        waits = await ada.sees("*restart back*", "It waits, 1st in line", private=False)
        await ben.clicks("Don't wait", waits)
        await ada.clicks("Cancel", first)
    await ada.sees("Stopped by", "Redeploy back", within=20)
    await ben.clicks("Undo", done)
    await ada.sees("*Configure back*: done in", "- LOG_LEVEL", within=30)


async def test_a_persons_lock_is_told_and_taken(town: House, people: Chat) -> None:
    ada, ben = people.ada, people.ben
    await made(people, "mine")
    await ben.types('/luthien lock mine "debugging the judge"')
    await ben.gets("mine is locked by", "Your own changes go through")
    await people.cleo.types("/luthien list mine")
    listed = await people.cleo.gets("Locked by", "ben")
    assert "Unlock mine" not in listed.buttons, "a viewer may not"
    await ben.types("/luthien status mine")
    assert "Unlock mine" in (await ben.gets("mine: running", "Locked")).buttons
    await ada.types("/luthien status mine")
    await ada.clicks("Unlock mine", await ada.gets("mine: running", "Locked"))
    form = await ada.modal()
    assert {b["block_id"] for b in form["blocks"] if b["type"] == "input"} >= {"steal"}

    await ada.types("/luthien restart mine")
    root = await ada.sees("*Restart gateway of mine*", "has locked `mine`", "debugging the judge")
    await ada.types("/luthien restart mine --no-wait")
    refusal = await ada.gets("`mine` is locked by")
    assert_says(
        refusal,
        what="debugging the judge",
        why="It is so since",
        who="unlock mine --steal",
        then="/luthien status mine",
    )
    await ada.types("/luthien restart --no-wait")
    await ada.modal()
    assert await ada.submits(instance="mine") == {}
    await ada.gets("`mine` is locked by", "debugging the judge")
    await ada.types("/luthien unlock mine")
    await ada.gets("You can, too: they are told why.")
    await ada.types('/luthien unlock mine --steal "customer is down"')
    await ada.gets("mine is unlocked", "In line: `restart mine` by ada")
    private = ben.elsewhere("@luthien")
    await private.sees("<@U0ADA00001> unlocked *mine*, which you had locked", "customer is down")
    await ada.sees("*Restart gateway of mine*: done in", within=30)
    assert root.ts


async def test_who_wants_one_does_not_wait_for_who_wants_many(town: House, people: Chat) -> None:
    """Here one project is made in two seconds; first come, first served would make it the last."""
    apart = {"railway": {"settings": {"project_interval": 2.0 * SPEED}}}
    await town.http.put("/control/state", json=apart)
    before = len(await town.projects())
    for number in range(5):
        await people.ada.types(f"/luthien create many-{number}")
    await people.ben.types("/luthien create single")

    async def stands_in_line() -> bool:
        async with town.api() as api:
            found = (await api.get("/api/v1/runs", params={"instance": "single"})).json()["runs"]
        return any("one after the other" in step["note"] for run in found for step in run["steps"])

    await until(stands_in_line, within=30)
    earlier = len(await town.projects())
    await people.ben.sees("*Create instance single*: done in", within=30)
    for number in range(5):
        await people.ada.sees(f"*Create instance many-{number}*: done in", within=30)
    made = [p["name"] for p in sorted(await town.projects(), key=lambda p: p["created_at"])]
    assert len(made) == before + 6, "no more, no fewer"
    assert made.index("luthien-single") <= earlier + 2, "after whose turn it was, and one of ada's"
    told = [entry["answer"] or "" for entry in await town.journal("railway")]
    known_from_before = 1
    assert sum("too quickly" in answer for answer in told) <= known_from_before + 1
