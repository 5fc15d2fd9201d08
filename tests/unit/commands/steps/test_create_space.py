from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.steps.create_space import CreateSpace
from engine.errors import OutcomeUnknown
from engine.step import StepFailed, Stopped
from tests.unit.commands.clock import FakeClock
from tests.unit.commands.fakes import FakeContext
from tests.unit.commands.host import FakeHost

STEP = CreateSpace(key="space", name="luthien-acme")


async def test_a_new_space_is_marked_with_its_run_and_recorded_at_once(host: FakeHost) -> None:
    ctx = FakeContext(host, run_id="r2run", actor="slack:U0BEN")
    result = await STEP.run(ctx)
    assert host.askers == ["slack:U0BEN"], "those who ask take turns"
    assert host.held[result["id"]].space.mark == "creating r2run"
    assert ctx.made == {result["id"]: "luthien-acme"}
    assert result["environment_id"] == f"env-of-{result['id']}"


async def test_a_shortened_name_stands_in_full_in_the_mark(host: FakeHost) -> None:
    step = CreateSpace(key="space", name="luthien-long-c0ffee", full_name="long-and-longer")
    result = await step.run(FakeContext(host))
    assert host.held[result["id"]].space.mark == "creating r2run long-and-longer"


async def test_waiting_for_its_turn_is_told_with_its_reason(host: FakeHost) -> None:
    host.busy_for = timedelta(seconds=60)
    ctx = FakeContext(host)
    await STEP.run(ctx)
    assert ctx.notes == [
        "the host makes new projects one after the other; ours comes in about 1 min"
    ]


async def test_twice_makes_one(host: FakeHost) -> None:
    first = await STEP.run(FakeContext(host))
    again = FakeContext(host, attempt=2, uncertain=True)
    assert await STEP.run(again) == first
    assert again.made == {first["id"]: "luthien-acme"}
    assert host.writes == ["create_space"]


async def test_a_lost_answer_is_settled_by_looking_until_it_shows(slow_host: FakeHost) -> None:
    slow_host.lost["create_space"] = "after"
    with pytest.raises(OutcomeUnknown):
        await STEP.run(FakeContext(slow_host))
    ctx = FakeContext(slow_host, attempt=2, uncertain=True)
    result = await STEP.run(ctx)
    assert slow_host.writes == ["create_space"]
    assert ctx.made == {result["id"]: "luthien-acme"}
    assert ctx.notes == ["Looking for what the interrupted try may have made"]


async def test_what_never_arrived_is_made_after_90_seconds_of_looking(host: FakeHost) -> None:
    host.lost["create_space"] = "before"
    with pytest.raises(OutcomeUnknown):
        await STEP.run(FakeContext(host))
    before = host.clock.now()
    await STEP.run(FakeContext(host, attempt=2, uncertain=True))
    assert host.clock.now() - before == timedelta(seconds=90)
    assert len(host.held) == 1


async def test_looking_ends_when_the_run_is_stopped(host: FakeHost) -> None:
    ctx = FakeContext(host, uncertain=True)
    ctx.stopping = True
    with pytest.raises(Stopped):
        await STEP.run(ctx)
    assert host.writes == []


@pytest.mark.parametrize("mark", ["creating r2other", "ready", "", "our marketing page"])
async def test_somebody_elses_space_is_refused_and_left(host: FakeHost, mark: str) -> None:
    await host.create_space("luthien-acme", mark=mark)
    ctx = FakeContext(host, run_id="r2run", uncertain=True)
    with pytest.raises(StepFailed, match="has appeared since"):
        await STEP.run(ctx)
    assert ctx.made == {}
    assert host.writes == ["create_space"]


async def test_recall_finds_what_an_interrupted_try_made(slow_host: FakeHost) -> None:
    slow_host.lost["create_space"] = "after"
    with pytest.raises(OutcomeUnknown):
        await STEP.run(FakeContext(slow_host))
    ctx = FakeContext(slow_host, attempt=2, uncertain=True)
    await STEP.recall(ctx)
    assert list(ctx.made.values()) == ["luthien-acme"]


async def test_recall_leaves_what_another_run_made(host: FakeHost) -> None:
    await host.create_space("luthien-acme", mark="creating r2other")
    ctx = FakeContext(host, run_id="r2run", uncertain=True)
    await STEP.recall(ctx)
    assert ctx.made == {}


async def test_undo_deletes_what_is_still_the_runs(host: FakeHost) -> None:
    ctx = FakeContext(host)
    await STEP.run(ctx)
    await STEP.undo(ctx, ctx.made)
    await STEP.undo(ctx, ctx.made)
    assert host.held == {}


async def test_undo_deletes_what_does_not_show_yet() -> None:
    host = FakeHost(FakeClock(), lag=timedelta(minutes=5))
    ctx = FakeContext(host)
    await STEP.run(ctx)
    await STEP.undo(ctx, ctx.made)
    assert host.held == {}


@pytest.mark.parametrize("mark", ["ready", "creating r2other", "deletion-scheduled:2026-07-01"])
async def test_undo_leaves_what_is_not_the_runs_any_more(host: FakeHost, mark: str) -> None:
    ctx = FakeContext(host)
    result = await STEP.run(ctx)
    held = host.held[result["id"]]
    held.space = replace(held.space, mark=mark)
    with pytest.raises(StepFailed, match="left alone"):
        await STEP.undo(ctx, ctx.made)
    assert result["id"] in host.held
