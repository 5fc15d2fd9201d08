"""A mark is replaced only where it still says what was seen."""

from __future__ import annotations

import pytest

from commands.steps.places import Place
from commands.steps.replace_mark import ReplaceMark
from engine.errors import OutcomeUnknown
from engine.step import StepFailed
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import FakeHost

AT = "deletion-scheduled:2026-06-10T12:00:00+00:00"


async def step(host: FakeHost, *, mark: str = "ready") -> tuple[ReplaceMark, str]:
    """Planned when the mark said `ready`; it says `mark` by now."""
    space = await host.create_space("luthien-acme", mark=mark)
    planned = ReplaceMark(
        key="schedule", space=Place.of(space), title="Schedule it", seen="ready", mark=AT
    )
    return planned, space.id


async def mark_of(host: FakeHost, space_id: str) -> str:
    space = await host.space(space_id)
    assert space is not None
    return space.mark


async def test_it_replaces_what_was_seen(host: FakeHost) -> None:
    schedule, space_id = await step(host)
    assert await schedule.run(FakeContext(host)) == {"mark": AT}
    assert await mark_of(host, space_id) == AT


async def test_what_anybody_else_wrote_meanwhile_stays(host: FakeHost) -> None:
    schedule, space_id = await step(host, mark="creating r2other")
    with pytest.raises(StepFailed, match="changed while this run"):
        await schedule.run(FakeContext(host))
    assert await mark_of(host, space_id) == "creating r2other"


async def test_one_that_is_gone_is_told(host: FakeHost) -> None:
    schedule, space_id = await step(host)
    await host.delete_space(space_id)
    with pytest.raises(StepFailed, match="is gone"):
        await schedule.run(FakeContext(host))


async def test_a_lost_answer_is_settled_by_reading(host: FakeHost) -> None:
    schedule, space_id = await step(host)
    host.lost["mark_space"] = "after"
    with pytest.raises(OutcomeUnknown):
        await schedule.run(FakeContext(host))
    written = list(host.writes)
    await schedule.run(FakeContext(host, attempt=2, uncertain=True))
    assert host.writes == written, "it stood there already"
    assert await mark_of(host, space_id) == AT
