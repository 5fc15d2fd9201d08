"""What is made of one listing is made once, and what the moment adds to it each time anew."""

from __future__ import annotations

import gc
import weakref
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from commands.instance_state import InstanceStatus
from commands.instances import all_instances
from commands.list import ListedState, ListInstances
from engine.capabilities import HostsSpaces
from engine.run import RunStatus
from tests.unit.commands.host import FakeHost
from tests.unit.commands.worlds import (
    Described,
    DescribedDisclosure,
    DescribedHold,
    DescribedRun,
    DescribedSpace,
    Given,
)

if TYPE_CHECKING:
    from engine.capabilities import Listing


class Showing(FakeHost):
    """Shows one listing again until told otherwise."""

    shown: Listing | None = None

    async def spaces(self, *, recent: bool = False) -> Listing:
        if self.shown is None or not recent:
            self.shown = await super().spaces()
        return self.shown


def given(*spaces: DescribedSpace, **more: Any) -> tuple[Given, Showing]:
    world = Given(Described(spaces=spaces, **more))
    host = Showing(world.clock)
    host.held = world.host.held
    world.world.toolbox.add(HostsSpaces, host)
    return world, host


async def listed(world: Given) -> dict[str, Any]:
    answer = await ListInstances().answer(world.world)
    return {one["name"]: one for one in answer.data["instances"]}


async def test_a_name_that_has_to_be_asked_for_is_asked_for_once() -> None:
    name = "another-very-long-name-of-a-tenant"
    world, _ = given(
        DescribedSpace(
            name="luthien-another-very-long-ade3fc",
            mark="deletion-scheduled:2026-06-09T16:00:05+00:00",
            variables={"LUTHIEN_INSTANCE": name},
        )
    )
    asked = world.host.calls
    for recent, times in ((True, 1), (True, 1), (False, 2)):
        [instance] = await all_instances(world.world, recent=recent)
        assert instance.name == name
        assert asked.count("variables") == times


async def test_what_only_the_moment_tells_is_told_of_a_listing_shown_again() -> None:
    world, _ = given(
        DescribedSpace(name="luthien-acme"),
        DescribedSpace(name="luthien-made", mark="creating r2made", age=timedelta(minutes=5)),
        DescribedSpace(name="luthien-stray", mark="creating r2alien", age=timedelta(minutes=50)),
        actor="ben",
        runs=(DescribedRun(id="r2made", line="create made", subject="made"),),
    )
    before = await listed(world)
    assert (before["made"]["status"], before["stray"]["status"]) == ("provisioning",) * 2
    assert before["acme"]["locked_by"] is None
    assert "credentials" not in before["acme"]["actions"]

    run = world.control.runs["r2made"]
    world.control.runs["r2made"] = run.model_copy(update={"status": RunStatus.SUCCEEDED})
    world.clock.at += timedelta(minutes=30)
    others = Given(
        Described(
            held=(DescribedHold(instance="acme", by="ada"),),
            disclosures=(DescribedDisclosure(subject="acme", to="ben"),),
        )
    )
    world.locks.known.update(others.locks.known)
    world.control.disclosed.update(others.control.disclosed)
    after = await listed(world)
    assert (after["made"]["status"], after["stray"]["status"]) == ("running", "failed")
    assert after["acme"]["locked_by"] == "slack:U0ADA"
    assert "credentials" in after["acme"]["actions"]


async def test_whoever_adds_to_an_instances_json_adds_to_their_own() -> None:
    world, _ = given(DescribedSpace(name="luthien-acme"))
    [instance] = await all_instances(world.world, recent=True)
    mine = instance.as_json()
    mine["note"] = "mine"
    assert "note" not in instance.as_json()


async def test_what_was_made_of_a_listing_goes_with_it() -> None:
    world, host = given(DescribedSpace(name="luthien-acme"))
    [instance] = await all_instances(world.world, recent=True)
    kept = weakref.ref(instance)
    del instance
    gc.collect()
    assert kept() is not None
    host.shown = None
    gc.collect()
    assert kept() is None


def test_every_state_of_an_instance_can_be_listed_by() -> None:
    states = {state.value for state in InstanceStatus}
    assert {state.value for state in ListedState} == states | {"settings_missing"}
