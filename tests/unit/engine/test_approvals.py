"""Approvals: who may give them, what they are bound to, and that each is decided once."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from commands.delete import DeleteInstance
from engine.actor import Actor, Door, Origin, Role
from engine.approval import ApprovalStatus
from engine.errors import (
    AlreadyExists,
    InvalidInput,
    Locked,
    NotAllowed,
    NotFound,
    PlanStale,
    Refused,
)
from engine.policy_file import StandingPolicy
from engine.run import EventKind, RunStatus, RunView
from tests.unit.engine.house import ADA, BEN, CLEO, OPS, REGISTRY, Build, Vendor, plane
from tests.unit.engine.test_permission import NOON, Noon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.plane import Plane

ZOE = Actor(door=Door.SLACK, id="U0ZOE", name="zoe", role=Role.ADMIN)
OWNER = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)
ONE = "rules:\n  - commands: build\n    approvals: 1\n"
TWO = "rules: [{commands: build, approvals: 2, approvers: admin}]\n"


@asynccontextmanager
async def asking(
    folder: Path,
    policy: str = ONE,
    *,
    clock: Noon | None = None,
    vendor: Vendor | None = None,
    people: tuple[Actor, ...] = (ADA, BEN, ZOE),
) -> AsyncIterator[Plane]:
    path = folder / "policy.yaml"
    path.write_text(policy)
    standing = StandingPolicy(path, {c.name: c for c in REGISTRY.commands})
    async with plane(
        folder,
        vendor or Vendor(),
        admins=[person.key for person in people if person.role is Role.ADMIN],
        deployers=[person.key for person in people if person.role is Role.DEPLOYER],
        policy=standing,
        clock=clock,
    ) as opened:
        yield opened


async def over(p: Plane, run: RunView) -> RunView:
    async for _ in p.follow(run.id):
        pass
    return await p.show(run.id)


async def status_of(p: Plane, run: RunView) -> ApprovalStatus:
    approval = (await p.show(run.id)).approval
    assert approval is not None
    return approval.status


async def test_a_run_waits_until_somebody_else_agrees(tmp_path: Path) -> None:
    vendor = Vendor()
    async with asking(tmp_path, vendor=vendor) as p:
        run = await p.submit(BEN, Build(), OPS)
        assert run.status is RunStatus.AWAITING_APPROVAL
        assert run.locks == ()
        [waiting] = await p.list_approvals()
        assert waiting.run_id == run.id
        assert waiting.consent.said_by == "policy.yaml, line 3: `approvals: 1`"
        assert waiting.changes == ("+ one", "+ two")
        assert waiting.awaits(ADA, waiting.asked_at)
        assert not waiting.awaits(BEN, waiting.asked_at)
        assert not waiting.awaits(CLEO, waiting.asked_at)
        assert not waiting.lapsed(waiting.asked_at)
        assert waiting.lapsed(waiting.expires_at)
        assert not waiting.awaits(ADA, waiting.expires_at)
        assert vendor.things == {}

        assert (await p.approve(ADA, run.id)).status is RunStatus.QUEUED
        run = await over(p, run)
        assert run.status is RunStatus.SUCCEEDED
        assert await status_of(p, run) is ApprovalStatus.GRANTED
        kinds = [event.kind async for event in p.follow(run.id)]
    assert kinds[:4] == [
        EventKind.APPROVAL_ASKED,
        EventKind.APPROVED,
        EventKind.QUEUED,
        EventKind.STARTED,
    ]
    assert run.actor == BEN, "it stays the wish of whoever asked"


async def test_nothing_but_the_policy_and_roles_decide_who_may(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        run = await p.submit(BEN, Build(), OPS)
        with pytest.raises(NotAllowed, match="needs the role deployer; yours is viewer") as no:
            await p.approve(CLEO, run.id)
        assert "<@slack:U0ADA>" in no.value.who
        assert "policy.yaml, line 3" in no.value.why
        with pytest.raises(NotAllowed, match="You asked for this, so somebody else") as own:
            await p.approve(BEN, run.id)
        assert "`self_approve: never` holds" in own.value.why
        with pytest.raises(NotAllowed, match="Rejecting this needs"):
            await p.reject(CLEO, run.id, "no")
        assert await status_of(p, run) is ApprovalStatus.WAITING
        await p.approve(OWNER, run.id)
        await over(p, run)


async def test_several_have_to_agree_each_once(tmp_path: Path) -> None:
    async with asking(tmp_path, TWO) as p:
        run = await p.submit(BEN, Build(), OPS)
        assert (await p.approve(ADA, run.id)).status is RunStatus.AWAITING_APPROVAL
        with pytest.raises(Refused, match="You have approved this already"):
            await p.approve(ADA, run.id)
        assert (await p.approve(ZOE, run.id)).status is RunStatus.QUEUED
        approval = (await over(p, run)).approval
    assert approval is not None
    assert [vote.by for vote in approval.votes] == [ADA.key, ZOE.key]


async def test_whoever_comes_too_late_is_told_what_was_decided_by_whom_and_when(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path, clock=Noon()) as p:
        run = await p.submit(BEN, Build(), OPS)
        await p.reject(ADA, run.id, "  it is Friday ")
        with pytest.raises(Refused) as late:
            await p.approve(ZOE, run.id)
        assert late.value.summary == (
            "“Build acme” was rejected already by \ufdd0<@slack:U0ADA> on Sat 21 Nov 2026 12:00"
            " UTC."
        )
        assert late.value.why == "The reason: it is Friday."
        run = await p.show(run.id)
        assert run.status is RunStatus.CANCELLED
        assert run.trouble is not None
        assert "rejected (it is Friday)" in run.trouble.summary
        with pytest.raises(Refused, match="can never begin: it was not approved"):
            await p.retry(BEN, run.id)
        again = await p.submit(BEN, Build(), OPS)
        await p.approve(ADA, again.id)
        with pytest.raises(Refused, match="was approved already by \ufdd0<@slack:U0ADA>"):
            await p.reject(ZOE, again.id, "too late")
        await over(p, again)


async def test_a_rejection_needs_a_reason(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        run = await p.submit(BEN, Build(), OPS)
        with pytest.raises(InvalidInput) as asked:
            await p.reject(ADA, run.id, "  ")
        assert asked.value.missing
        assert await status_of(p, run) is ApprovalStatus.WAITING


async def test_it_can_be_found_by_the_instance_and_what_is_none_is_not_found(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path) as p:
        run = await p.submit(BEN, Build(), OPS)
        assert (await p.approve(ADA, "acme")).id == run.id
        with pytest.raises(NotFound, match="No approval of `nothing`"):
            await p.approve(ADA, "nothing")
        await over(p, run)


async def test_it_expires_by_the_tick_and_by_a_click(tmp_path: Path) -> None:
    clock = Noon()
    policy = ONE + "approvals: {expire: PT1H}\n"
    async with asking(tmp_path, policy, clock=clock) as p:
        first = await p.submit(BEN, Build(), OPS)
        second = await p.submit(BEN, Build(instance="beta"), OPS)
        clock.at = NOON + timedelta(minutes=59)
        assert await p.expire_approvals() == 0
        clock.at = NOON + timedelta(hours=1)
        with pytest.raises(Refused, match="has expired on Sat 21 Nov 2026 13:00 UTC"):
            await p.approve(ADA, second.id)
        assert await status_of(p, first) is ApprovalStatus.EXPIRED
        assert await p.expire_approvals() == 0
        assert (await p.show(first.id)).status is RunStatus.CANCELLED
        assert [event.kind async for event in p.follow(first.id)][-2:] == [
            EventKind.APPROVAL_CLOSED,
            EventKind.ENDED,
        ]


async def test_a_plan_that_has_changed_supersedes_it(tmp_path: Path) -> None:
    vendor = Vendor()
    async with asking(tmp_path, vendor=vendor) as p:
        run = await p.submit(BEN, Build(things="one,seen"), OPS)
        vendor.things["x"] = "seen"
        with pytest.raises(PlanStale, match="would not do any more what was asked for") as moved:
            await p.approve(ADA, run.id)
        assert "not any more: + seen; now: = seen" in moved.value.why
        assert await status_of(p, run) is ApprovalStatus.SUPERSEDED
        with pytest.raises(Refused, match="was superseded on"):
            await p.approve(ZOE, run.id)
        assert list(vendor.things.values()) == ["seen"]


async def test_a_wish_that_makes_no_sense_any_more_supersedes_it(tmp_path: Path) -> None:
    vendor = Vendor()
    async with asking(tmp_path, vendor=vendor) as p:
        run = await p.submit(BEN, Build(things="one,refused"), OPS)
        vendor.things["x"] = "refused"
        with pytest.raises(PlanStale) as moved:
            await p.approve(ADA, run.id)
        assert "there is one already" in moved.value.why
        assert await status_of(p, run) is ApprovalStatus.SUPERSEDED


async def test_the_same_wish_is_asked_for_once_and_a_changed_one_takes_its_place(
    tmp_path: Path,
) -> None:
    vendor = Vendor()
    async with asking(tmp_path, vendor=vendor) as p:
        first = await p.submit(BEN, Build(things="one,seen"), OPS)
        with pytest.raises(AlreadyExists, match="asked for already"):
            await p.submit(ADA, Build(things="one,seen"), OPS)
        vendor.things["x"] = "seen"
        second = await p.submit(ADA, Build(things="one,seen"), OPS)
        assert await status_of(p, first) is ApprovalStatus.SUPERSEDED
        assert await status_of(p, second) is ApprovalStatus.WAITING


async def test_whoever_asked_can_withdraw_it(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        run = await p.cancel(BEN, (await p.submit(BEN, Build(), OPS)).id)
        assert run.status is RunStatus.CANCELLED
        assert await status_of(p, run) is ApprovalStatus.WITHDRAWN
        with pytest.raises(Refused, match="was withdrawn by \ufdd0<@slack:U0BEN>"):
            await p.approve(ADA, run.id)


async def test_alone_is_told_before_anything_waits(tmp_path: Path) -> None:
    async with asking(tmp_path, people=(BEN,)) as p:
        with pytest.raises(Refused, match="Nobody but you could approve `build`") as alone:
            await p.submit(BEN, Build(), OPS)
        assert "policy.yaml, line 3: `approvals: 1`" in alone.value.why
        assert "`self_approve: never` holds (policy.yaml says nothing else)" in alone.value.why
        assert "`self_approve: when_alone`" in alone.value.who
        assert await p.list_approvals() == []


async def test_alone_is_told_before_anything_is_shown_and_is_explained(tmp_path: Path) -> None:
    never = "approvals:\n  self_approve: never\n"
    at_once = DeleteInstance(instance="beta", force=True)
    async with asking(tmp_path, never, people=(BEN,)) as p:
        with pytest.raises(Refused, match="could approve `delete beta --force`") as alone:
            await p.perform(BEN, at_once, OPS)
        assert alone.value.next_step == "/luthien policy explain delete beta --force"
        with pytest.raises(Refused) as late:
            await p.submit(BEN, at_once.model_copy(update={"confirm": "e5d9"}), OPS)
        assert (late.value.summary, late.value.next_step) == (
            alone.value.summary,
            alone.value.next_step,
        )
        ruling = {r.about: r for r in await p.explain(BEN, at_once)}["approval"]
        assert not ruling.allowed
        assert ruling.text == "Nobody but ben could approve it."
        assert str(ruling.quote) == "policy.yaml, line 2: `self_approve: never`"
        assert ruling.who == alone.value.who
        await p.permit(BEN, at_once)  # what was agreed to goes on, whoever has left since
    async with asking(tmp_path, never) as p:
        assert all(r.allowed for r in await p.explain(BEN, at_once))


async def test_too_few_is_told_before_anything_waits(tmp_path: Path) -> None:
    async with asking(tmp_path, TWO, people=(BEN, ADA)) as p:
        with pytest.raises(Refused, match="Only 1 other person could approve"):
            await p.submit(BEN, Build(), OPS)


WHEN_ALONE = ONE + "    self_approve: when_alone\n"


async def test_alone_one_may_agree_oneself_where_the_policy_says_so(tmp_path: Path) -> None:
    async with asking(tmp_path, WHEN_ALONE, people=(BEN,)) as p:
        run = await p.submit(BEN, Build(), OPS)
        [waiting] = await p.list_approvals()
        assert waiting.awaits(BEN, waiting.asked_at)
        await p.approve(BEN, run.id)
        assert (await over(p, run)).status is RunStatus.SUCCEEDED


async def test_who_is_not_alone_may_not_agree_oneself(tmp_path: Path) -> None:
    async with asking(tmp_path, WHEN_ALONE) as p:
        run = await p.submit(BEN, Build(), OPS)
        with pytest.raises(NotAllowed, match="You asked for this"):
            await p.approve(BEN, run.id)


async def test_one_may_always_agree_oneself_where_the_policy_says_so(tmp_path: Path) -> None:
    async with asking(tmp_path, ONE + "approvals: {self_approve: always}\n") as p:
        run = await p.submit(BEN, Build(), OPS)
        await p.approve(BEN, run.id)
        assert (await over(p, run)).status is RunStatus.SUCCEEDED


async def test_what_the_asker_may_not_do_any_more_is_not_begun(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        run = await p.submit(BEN, Build(), OPS)
        (tmp_path / "policy.yaml").write_text(ONE + "    may: admin\n")
        with pytest.raises(NotAllowed, match="needs the role admin"):
            await p.approve(ADA, run.id)
        assert await status_of(p, run) is ApprovalStatus.WAITING


async def test_while_something_else_is_done_to_the_instance_it_waits(tmp_path: Path) -> None:
    async with asking(tmp_path, "rules: [{commands: build --keep, approvals: 1}]") as p:
        run = await p.submit(BEN, Build(keep=True), OPS)
        busy = await p.submit(BEN, Build(things="three", takes_ms=300), OPS)
        with pytest.raises(Locked):
            await p.approve(ADA, run.id)
        assert await status_of(p, run) is ApprovalStatus.WAITING
        await over(p, busy)
        await p.approve(ADA, run.id)
        await over(p, run)


async def test_it_outlives_the_process(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        run = await p.submit(BEN, Build(), OPS)
    async with asking(tmp_path) as p:
        assert (await p.show(run.id)).status is RunStatus.AWAITING_APPROVAL
        await p.approve(ADA, run.id)
        assert (await over(p, run)).status is RunStatus.SUCCEEDED


async def test_of_a_thousand_clicks_at_once_one_wins(tmp_path: Path) -> None:
    crowd = [
        Actor(door=Door.SLACK, id=f"U{number:04}", name=f"u{number}", role=Role.DEPLOYER)
        for number in range(1000)
    ]
    vendor = Vendor()
    async with asking(tmp_path, vendor=vendor, people=(BEN, *crowd)) as p:
        run = await p.submit(BEN, Build(), OPS)

        async def click(number: int, actor: Actor) -> str:
            try:
                if number % 3 == 2:
                    await p.reject(actor, run.id, f"reason of {actor.name}")
                else:
                    await p.approve(actor, run.id)
            except Refused as refused:
                losers.append(refused.summary)
                return ""
            return actor.key

        losers: list[str] = []
        winners = [w for w in await asyncio.gather(*(click(*c) for c in enumerate(crowd))) if w]
        assert len(winners) == 1
        assert len(losers) == 999
        assert all(" already by \ufdd0<@slack:U" in said for said in losers), set(losers)
        approval = (await over(p, run)).approval
        assert approval is not None
        assert approval.decided_by == winners[0]
        entries = await p.audit.entries(subject="acme", limit=100)
        decisions = [e for e in entries if e.action in ("approval.given", "approval.rejected")]
        assert [e.actor for e in decisions] == winners
        began = (await p.show(run.id)).started_at is not None
        assert began == (approval.status is ApprovalStatus.GRANTED)
        assert vendor.calls["last"] == int(began)


async def test_a_timer_needs_nobodys_word(tmp_path: Path) -> None:
    timer = Actor(door=Door.TIMER, id="scheduler", name="scheduler", role=Role.ADMIN)
    async with asking(tmp_path) as p:
        run = await p.submit(timer, Build(), Origin(door=Door.TIMER))
        assert (await over(p, run)).status is RunStatus.SUCCEEDED


async def test_what_was_told_of_it_is_kept(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        book = p.approvals.book
        run = await p.submit(BEN, Build(), OPS)
        assert await book.untold() == [run.id]
        await book.tell(run.id, 1)
        assert await book.untold() == []
        await p.reject(ADA, run.id, "no")
        await book.tell(run.id, 1)
        assert await book.untold() == [run.id], "what came since is not told yet"
        await book.tell(run.id, 2)
        assert await book.untold() == []
