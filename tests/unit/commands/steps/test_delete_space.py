"""A space is deleted only while it is marked so, at its time, and is seen to be gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands.steps.delete_space import DeleteSpace
from commands.steps.places import Place
from engine.errors import OutcomeUnknown
from engine.step import StepFailed
from tests.unit.commands.clock import NOW
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import FakeHost

MARK = "deletion-scheduled:2026-06-03T12:00:00+00:00"


async def step(host: FakeHost, *, mark: str = MARK, due_in: float = 0) -> DeleteSpace:
    space = await host.create_space("luthien-acme", mark=mark)
    due = NOW + timedelta(seconds=due_in)
    return DeleteSpace(key="delete", space=Place.of(space), seen=MARK, due=due)


def deletions(host: FakeHost) -> int:
    return host.writes.count("delete_space")


async def test_it_deletes_and_sees_that_it_is_gone(host: FakeHost) -> None:
    delete = await step(host)
    assert await delete.run(FakeContext(host)) == {"deleted": True}
    assert host.held == {}
    assert host.calls[-1] == "space"


async def test_one_that_was_kept_meanwhile_stays(host: FakeHost) -> None:
    delete = await step(host, mark="ready")
    with pytest.raises(StepFailed, match="not to be deleted any more"):
        await delete.run(FakeContext(host))
    assert deletions(host) == 0


@pytest.mark.parametrize("ahead", [timedelta(minutes=-6), timedelta(minutes=6), None])
async def test_clocks_that_disagree_delete_nothing(
    host: FakeHost, ahead: timedelta | None
) -> None:
    delete = await step(host)
    host.ahead = ahead
    with pytest.raises(StepFailed, match="not known what time it is"):
        await delete.run(FakeContext(host))
    assert deletions(host) == 0


async def test_the_later_clock_decides(host: FakeHost) -> None:
    delete = await step(host)
    host.ahead = timedelta(minutes=-2)
    await delete.run(FakeContext(host))
    assert host.clock.now() >= NOW + timedelta(minutes=2)
    assert deletions(host) == 1


async def test_long_before_its_time_nothing_is_deleted(host: FakeHost) -> None:
    delete = await step(host, due_in=3600)
    with pytest.raises(StepFailed, match="has not come"):
        await delete.run(FakeContext(host))
    assert deletions(host) == 0


async def test_a_lost_answer_deletes_nothing_twice(host: FakeHost) -> None:
    delete = await step(host)
    host.lost["delete_space"] = "after"
    with pytest.raises(OutcomeUnknown):
        await delete.run(FakeContext(host))
    assert await delete.run(FakeContext(host, attempt=2, uncertain=True)) == {"deleted": True}
    assert deletions(host) == 1
