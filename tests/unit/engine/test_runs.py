"""What happens to runs: ends, retries, clean-up, cancel, locks, restarts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from engine.control_plane import Request
from engine.errors import Locked, NotAllowed, NotFound, Refused
from engine.run import EventKind, RunStatus, RunView, StepStatus
from tests.unit.engine.house import ADA, BEN, CLEO, HOURS_SPENT, OPS, Build, Look, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane


async def over(p: Plane, run: RunView) -> RunView:
    """The run at its end."""
    async for _ in p.follow(run.id):
        pass
    return await p.show(run.id)


async def until(p: Plane, run: RunView, kind: EventKind, step: str) -> None:
    async for event in p.follow(run.id):
        if event.kind == kind and event.step == step:
            return


async def test_independent_steps_run_side_by_side_and_the_result_is_resolved(
    tmp_path: Path,
) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(things="a,b,c", takes_ms=80), OPS))
    assert run.status == RunStatus.SUCCEEDED
    assert vendor.most_at_once == 3
    assert run.result["name"] == "acme"
    assert vendor.things[run.result["last"]] == "last"
    assert run.locks == ()
    assert [s.status for s in run.steps] == [StepStatus.DONE] * 4


async def test_events_can_be_followed_from_the_start_and_from_any_point(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await p.submit(ADA, Build(), OPS)
        live = [event async for event in p.follow(run.id)]
        again = [event async for event in p.follow(run.id)]
        rest = [event async for event in p.follow(run.id, after=live[3].seq)]
    assert live == again
    assert rest == live[4:]
    assert live[0].kind == EventKind.QUEUED
    assert live[-1].kind == EventKind.ENDED
    assert live[-1].data == {"status": "succeeded"}


async def test_a_vendor_that_does_not_answer_at_first_is_asked_again(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await p.submit(ADA, Build(trouble="unreachable"), OPS)
        events = [event async for event in p.follow(run.id)]
        run = await p.show(run.id)
    assert run.status == RunStatus.SUCCEEDED
    retried = [e for e in events if e.kind == EventKind.STEP_RETRIED]
    assert [e.data["reason"] for e in retried] == ["nobody answers"]
    assert vendor.calls["last"] == 2


async def test_a_vendor_whose_requests_are_used_up_is_waited_for_however_often(
    tmp_path: Path,
) -> None:
    """It is no trouble of the step, so its tries are not counted: here there are three."""
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="spent"), OPS))
    assert run.status == RunStatus.SUCCEEDED
    assert vendor.calls["last"] == HOURS_SPENT + 1


async def test_a_lost_answer_makes_the_step_look_before_it_repeats(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="lost"), OPS))
    assert run.status == RunStatus.SUCCEEDED
    assert list(vendor.things.values()).count("last") == 1
    assert run.steps[-1].result["uncertain"] is True


@pytest.mark.parametrize("trouble", ["failed", "rejected"])
async def test_failed_means_the_world_said_no_and_what_was_made_is_removed(
    tmp_path: Path, trouble: str
) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble=trouble), OPS))
    assert run.status == RunStatus.FAILED
    assert vendor.things == {}
    assert run.left == ()
    assert run.locks == ()
    assert run.trouble is not None
    if trouble == "failed":
        assert run.trouble.phase == "BUILD_IMAGE"
        assert run.trouble.log == ("line 1", "line 2")


async def test_keep_skips_the_clean_up_and_keeps_the_lock(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="failed", keep=True), OPS))
        assert run.status == RunStatus.FAILED
        assert sorted(vendor.things.values()) == ["one", "two"]
        assert run.locks == ("instance:acme",)
        run = await over(p, await p.clean_up(ADA, run.id))
        assert run.status == RunStatus.ROLLED_BACK
        assert vendor.things == {}


async def test_what_cannot_be_removed_is_listed_and_the_lock_stays(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="always unreachable"), OPS))
        assert run.status == RunStatus.ERRORED
        assert run.locks == ("instance:acme",)
        assert sorted(vendor.things.values()) == ["one", "two"]
        run = await over(p, await p.clean_up(ADA, run.id))
    assert run.status == RunStatus.ROLLED_BACK
    assert vendor.things == {}


async def test_a_bug_ends_errored_with_an_incident_and_no_trace_for_people(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="bug"), OPS))
        events = [e async for e in p.follow(run.id)]
    assert run.status == RunStatus.ERRORED
    assert run.trouble is not None
    assert run.trouble.incident.startswith("inc-")
    assert "secret-in-a-traceback" not in run.model_dump_json()
    assert not any("secret-in-a-traceback" in e.model_dump_json() for e in events)


async def test_retry_goes_on_from_the_first_unfinished_step(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="always unreachable"), OPS))
        tries = vendor.calls["last"]
        run = await over(p, await p.retry(ADA, run.id))
    assert run.status == RunStatus.ERRORED
    assert vendor.calls["one"] == 1
    assert vendor.calls["last"] == 2 * tries


async def test_retry_redoes_what_the_failed_step_waits_for(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        asked = Build(trouble="failed", keep=True, redo="two")
        run = await over(p, await p.submit(ADA, asked, OPS))
        await over(p, await p.retry(ADA, run.id))
    assert (vendor.calls["one"], vendor.calls["two"], vendor.calls["last"]) == (1, 2, 2)


async def test_retry_after_a_clean_up_begins_afresh(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await over(p, await p.submit(ADA, Build(trouble="failed"), OPS))
        assert vendor.things == {}
        run = await over(p, await p.retry(ADA, run.id))
    assert vendor.calls["one"] == 2
    assert run.status == RunStatus.FAILED
    assert vendor.things == {}


async def test_cancel_stops_before_the_next_step_and_offers_removal(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await p.submit(ADA, Build(takes_ms=60_000), OPS)
        await until(p, run, EventKind.STEP_NOTE, "two")
        assert (await p.cancel(ADA, run.id)).status == RunStatus.CANCELLING
        run = await over(p, run)
        assert run.status == RunStatus.CANCELLED
        assert run.cancelled_by == "ada"
        assert "last" not in vendor.calls
        assert len(run.left) == 2
        assert run.locks == ("instance:acme",)
        run = await over(p, await p.clean_up(ADA, run.id))
        assert (run.status, vendor.things, run.locks) == (RunStatus.ROLLED_BACK, {}, ())
        with pytest.raises(Refused):
            await p.cancel(ADA, run.id)


async def test_a_second_run_on_the_same_instance_is_refused_with_the_first_ones_id(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor()) as p:
        run = await p.submit(ADA, Build(takes_ms=60_000), OPS)
        with pytest.raises(Locked) as refused:
            await p.submit(ADA, Build(), OPS.model_copy(update={"patient": False}))
        assert run.id in refused.value.summary
        assert refused.value.next_step == f"/luthien run {run.id}"
        await p.cancel(ADA, run.id)
        await over(p, run)


async def test_roles_are_checked_and_the_refusal_names_who_can_help(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        with pytest.raises(NotAllowed) as refused:
            await p.submit(CLEO, Build(), OPS)
        assert "<@slack:U0ADA>" in refused.value.who
        assert (await p.ask(CLEO, Look(), OPS)).title == "cleo looks"


async def test_while_nobody_is_admin_the_refusal_shows_the_line_to_set(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor(), admins=()) as p:
        with pytest.raises(NotAllowed) as refused:
            await p.submit(CLEO, Build(), OPS)
    assert "`LUTHIEN_ADMINS=U0CLEO`" in refused.value.who
    assert "`luthien role grant U0CLEO admin`" in refused.value.who


async def test_those_of_a_period_are_read_at_once(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        first = await over(p, await p.submit(ADA, Build(), OPS))
        second = await over(p, await p.submit(ADA, Build(things="two"), OPS))
        assert await p.runs_since(second.created_at + timedelta(microseconds=1)) == []
        [newer] = await p.runs_since(second.created_at)
        both = await p.runs_since(first.created_at)
        known = await p.known_runs([first.id, "rnothere", second.id])
        assert await p.known_runs([]) == {}
    assert newer.model_dump() == {key: getattr(second, key) for key in newer.model_dump()} | {
        "actor": second.actor.model_dump()
    }
    assert [run.id for run in both] == [second.id, first.id]
    assert known == {run.id: run for run in both}


async def test_an_unknown_run_is_a_clean_refusal(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        with pytest.raises(NotFound):
            await p.cancel(ADA, "rnothere")


async def test_a_second_delivery_starts_nothing(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        request = Request("slack:t1", ADA, Build(), OPS, reply="https://hooks.example/secret")
        assert await p.accept(request)
        assert not await p.accept(request)
        assert await p.unhandled() == [], "it is ours"
        outcome = await p.handle("slack:t1")
        assert outcome is not None
        assert outcome.run is not None
        await over(p, outcome.run)
        assert await p.handle("slack:t1") is None
        assert await p.unhandled() == []
        assert len(await p.list_runs()) == 1
        async with p.database.read() as session:
            kept = await session.execute(text("SELECT * FROM deliveries"))
            assert "hooks.example" not in repr(kept.all())


async def test_an_accepted_request_survives_a_restart_and_runs_once(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        reply = "https://hooks.example/secret"
        await p.accept(Request("slack:t1", ADA, Build(), OPS, reply=reply))
        async with p.database.read() as session:
            kept = await session.execute(text("SELECT * FROM deliveries"))
            assert "hooks.example" not in repr(kept.all())
    async with plane(tmp_path, vendor) as p:
        [request] = await p.unhandled()
        assert request.reply == reply
        outcome = await p.handle(request.delivery)
        assert outcome is not None
        assert outcome.run is not None
        assert (await over(p, outcome.run)).status == RunStatus.SUCCEEDED


async def test_a_run_goes_on_by_itself_after_a_restart(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await p.submit(ADA, Build(things="one", takes_ms=600), OPS)
        await until(p, run, EventKind.STEP_NOTE, "one")
    assert "last" not in vendor.calls
    async with plane(tmp_path, vendor) as p:
        run = await asyncio.wait_for(over(p, run), 20)
    assert run.status == RunStatus.SUCCEEDED
    assert sorted(vendor.things.values()) == ["last", "one"]


async def test_a_walk_that_broke_off_is_taken_up_by_the_next_resumption(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        run = await p.submit(ADA, Build(things="one", takes_ms=300), OPS)
        async with p.database.write() as session:
            await session.execute(text("ALTER TABLE events RENAME TO hidden"))
        while p._executor._walks:  # noqa: ASYNC110 - nothing tells that a walk broke
            await asyncio.sleep(0.01)
        async with p.database.write() as session:
            await session.execute(text("ALTER TABLE hidden RENAME TO events"))
        assert not (await p.show(run.id)).status.over
        await p.resume()
        run = await asyncio.wait_for(over(p, run), 20)
    assert run.status == RunStatus.SUCCEEDED
    assert sorted(vendor.things.values()) == ["last", "one"]


async def test_success_opens_a_disclosure_that_can_be_closed(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        assert await p.disclosure("acme") is None
        await over(p, await p.submit(ADA, Build(), OPS))
        opened = await p.disclosure("acme")
        assert opened is not None
        assert opened.open
        assert opened.actor == "slack:U0ADA"
        await over(p, await p.submit(BEN, Build(), OPS))
        newest = await p.disclosures()
        assert {name: d.actor for name, d in newest.items()} == {"acme": BEN.key}
        await p.close_disclosure(ADA, "acme")
        closed = await p.disclosure("acme")
        assert closed is not None
        assert not closed.open


async def test_plan_only_shows_the_steps_and_changes_nothing(tmp_path: Path) -> None:
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        outcome = await p.perform(ADA, Build(), OPS, plan_only=True)
        assert await p.list_runs() == []
    assert outcome.answer is not None
    assert "Nothing was changed" in outcome.answer.title
    assert [s["key"] for s in outcome.answer.data["plan"]["steps"]] == ["one", "two", "last"]
    assert vendor.calls == {}
