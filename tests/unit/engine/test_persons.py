"""An API key is whoever made it, wherever people are counted or told apart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from engine.actor import Actor, Door, Role
from engine.approval import ApprovalStatus
from engine.errors import Locked, NotAllowed, Refused
from engine.roles import Somebody
from engine.run import RunStatus
from engine.store import approvals as stored
from engine.store.models import ApprovalRow, RunRow
from tests.unit.engine.house import ADA, BEN, CLEO, OPS, Build, Vendor, plane
from tests.unit.engine.test_approvals import ONE, OWNER, TWO, ZOE, asking, over, status_of
from tests.unit.engine.test_permission import Noon, ruled

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane
    from engine.run import RunView

AT_ONCE = OPS.model_copy(update={"patient": False})
ALONE = "approvals: {self_approve: when_alone}\n" + ONE


async def key_of(p: Plane, maker: Actor, name: str = "ci") -> Actor:
    """As the HTTP API knows whoever asks with a key."""
    ends = p.permissions.clock.now() + timedelta(days=30)
    key, _ = await p.keys.create(name, maker.role, maker, ends)
    return Actor(door=Door.API, id=key.id, name=name, role=key.role, behalf=maker.key)


async def forget_whose(p: Plane, run: RunView) -> None:
    """As an earlier version stored it: without whose the keys are."""
    async with p.database.write() as session:
        row = await session.scalar(select(RunRow).where(RunRow.id == run.id))
        asked = await session.get_one(ApprovalRow, run.id)
        assert row is not None
        row.actor = {name: v for name, v in row.actor.items() if name != "behalf"}
        asked.votes = [{"by": vote["by"], "at": vote["at"]} for vote in asked.votes]


@pytest.mark.parametrize("old", [False, True], ids=["", "stored by an earlier version"])
@pytest.mark.parametrize(
    ("asker", "approver"), [("ben", "ci"), ("ci", "ben"), ("ci", "nightly"), ("ci", "ci")]
)
async def test_nobody_approves_what_they_asked_for_themselves_by_a_key(
    tmp_path: Path, asker: str, approver: str, old: bool
) -> None:
    async with asking(tmp_path) as p:
        keys = {name: await key_of(p, BEN, name) for name in ("ci", "nightly")}
        who = {"ben": BEN} | keys
        run = await p.submit(who[asker], Build(), OPS)
        assert run.status is RunStatus.AWAITING_APPROVAL
        if old:
            await forget_whose(p, run)
        else:
            [waiting] = await p.list_approvals()
            assert not waiting.awaits(who[approver], waiting.asked_at)
        with pytest.raises(NotAllowed, match="You asked for this, so somebody else") as refused:
            await p.approve(who[approver], run.id)
        assert "an API key does, whoever made it does" in refused.value.summary
        assert "<@slack:U0BEN>" not in refused.value.who
        assert await status_of(p, run) is ApprovalStatus.WAITING
        ada = await key_of(p, ADA, "adas")
        assert (await p.approve(ada, run.id)).status is RunStatus.QUEUED
        await over(p, run)
        [given] = [e for e in await p.audit.entries() if e.action == "approval.given"]
        assert (given.actor, given.detail["on_behalf_of"]) == (ada.key, ADA.key)
        assert given.seq in [e.seq for e in await p.audit.entries(actor="U0ADA")]


@pytest.mark.parametrize("old", [False, True], ids=["", "stored by an earlier version"])
async def test_a_person_and_their_keys_give_one_approval(tmp_path: Path, old: bool) -> None:
    async with asking(tmp_path, TWO) as p:
        one, two = await key_of(p, ADA, "one"), await key_of(p, ADA, "two")
        run = await p.submit(BEN, Build(), OPS)
        assert (await p.approve(one, run.id)).status is RunStatus.AWAITING_APPROVAL
        if old:
            await forget_whose(p, run)
        for again in (two, ADA, one):
            with pytest.raises(Refused, match="You have approved this already"):
                await p.approve(again, run.id)
        assert (await p.approve(await key_of(p, ZOE), run.id)).status is RunStatus.QUEUED
        await over(p, run)


async def test_words_given_at_the_same_moment_in_two_processes_are_counted_once(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path, TWO) as p:
        key = await key_of(p, ADA)
        run = await p.submit(BEN, Build(), OPS)
        for actor in (ADA, key):  # as after both have looked whether they may
            async with p.journal.transaction() as tx:
                row = await stored.waiting(tx, run.id)
                assert row is not None
                assert not await stored.agree(tx, row, actor)
        approval = (await p.show(run.id)).approval
        assert approval is not None
        assert [vote.by for vote in approval.votes] == [ADA.key]


async def test_a_key_is_nobody_else_where_its_maker_is_alone(tmp_path: Path) -> None:
    async with asking(tmp_path, people=(BEN,)) as p:
        with pytest.raises(Refused, match="Nobody but you could approve"):
            await p.submit(await key_of(p, BEN), Build(), OPS)
    (tmp_path / "alone").mkdir()
    async with asking(tmp_path / "alone", ALONE, people=(BEN,)) as p:
        run = await p.submit(await key_of(p, BEN), Build(), OPS)
        assert (await p.approve(BEN, run.id)).status is RunStatus.QUEUED
        await over(p, run)


async def test_a_policy_that_names_a_key_counts_whose_it_is(tmp_path: Path) -> None:
    async with asking(tmp_path) as p:
        key = await key_of(p, BEN)
        (tmp_path / "policy.yaml").write_text(
            f"rules:\n  - commands: build\n    approvals: 1\n    approvers: ['{key.key}']\n"
        )
        with pytest.raises(Refused, match="Nobody but you could approve"):
            await p.submit(BEN, Build(), OPS)
        run = await p.submit(ADA, Build(), OPS)
        assert (await p.approve(key, run.id)).status is RunStatus.QUEUED
        await over(p, run)


async def test_on_the_bots_machine_everybody_is_its_owner(tmp_path: Path) -> None:
    ada = OWNER.model_copy(update={"id": "ada", "name": "ada"})
    async with asking(tmp_path) as p:
        key = await key_of(p, OWNER)
        for asker, approver in ((OWNER, ada), (ada, key), (key, OWNER)):
            run = await p.submit(asker, Build(), OPS)
            with pytest.raises(NotAllowed, match="You asked for this"):
                await p.approve(approver, run.id)
            await p.reject(ADA, run.id, "next")


async def test_keys_have_no_creations_of_their_own(tmp_path: Path) -> None:
    async def build(p: Plane, actor: Actor) -> RunView:
        return await over(p, await p.submit(actor, Build(), OPS))

    async with ruled(tmp_path, "creations_per_day: 2\n", Noon()) as p:
        one, two = await key_of(p, BEN, "one"), await key_of(p, BEN, "two")
        await build(p, BEN)
        await build(p, one)
        with pytest.raises(NotAllowed, match=r"<@slack:U0BEN> and their API keys created 2"):
            await build(p, two)
        with pytest.raises(NotAllowed, match="ben created 2 instances today"):
            await build(p, BEN)
        await build(p, await key_of(p, ADA, "adas"))
        owner = await key_of(p, OWNER, "owners")
        await build(p, OWNER)
        await build(p, owner)
        with pytest.raises(NotAllowed, match="2 instances today"):
            await build(p, OWNER.model_copy(update={"id": "ada"}))


async def test_a_lock_lets_its_holders_own_keys_through(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        bens, adas = await key_of(p, BEN), await key_of(p, ADA, "adas")
        await p.locks.hold(BEN, "instance:acme", "I am looking into it")
        with pytest.raises(Locked):
            await p.submit(adas, Build(), AT_ONCE)
        waits = await p.submit(adas, Build(), OPS)
        assert waits.status is RunStatus.WAITING
        await p.cancel(ADA, waits.id)
        assert (await over(p, await p.submit(bens, Build(), AT_ONCE))).status.over
        with pytest.raises(Locked):
            await p.locks.release(adas, "instance:acme")
        await p.locks.release(bens, "instance:acme")
        assert [e.action for e in await p.audit.entries(limit=1)] == ["lock.released"]


async def test_a_key_is_worth_no_more_than_its_maker_is_now(tmp_path: Path) -> None:
    """Also for what it asked for before."""
    cleo = Somebody("slack:U0CLEO", "cleo")
    async with asking(tmp_path) as p:
        now = p.permissions.clock.now()
        await p.people.grant(ADA, cleo, Role.DEPLOYER, now)
        key = await key_of(p, CLEO.model_copy(update={"role": Role.DEPLOYER}))
        run = await p.submit(key, Build(), OPS)
        await p.people.revoke(ADA, cleo)
        with pytest.raises(NotAllowed, match="needs the role deployer; yours is viewer"):
            await p.submit(key, Build(), OPS)
        with pytest.raises(NotAllowed, match="yours is viewer"):
            await p.approve(BEN, run.id)
        assert await status_of(p, run) is ApprovalStatus.WAITING
        unknown = Actor(door=Door.API, id="nobodys", name="old", role=Role.ADMIN)
        with pytest.raises(NotAllowed, match="The key old may do nothing any more"):
            await p.submit(unknown, Build(), OPS)


async def test_a_run_in_line_begins_only_if_its_keys_maker_may_still(tmp_path: Path) -> None:
    cleo = Somebody("slack:U0CLEO", "cleo")
    vendor = Vendor()
    async with plane(tmp_path, vendor) as p:
        await p.people.grant(ADA, cleo, Role.DEPLOYER, p.permissions.clock.now())
        key = await key_of(p, CLEO.model_copy(update={"role": Role.DEPLOYER}))
        await p.locks.hold(ADA, "instance:acme", "wait")
        run = await p.submit(key, Build(), OPS)
        assert run.status is RunStatus.WAITING
        await p.people.revoke(ADA, cleo)
        await p.locks.release(ADA, "instance:acme")
        async with asyncio.timeout(30):
            run = await over(p, run)
        assert not vendor.things
        assert run.trouble is not None
        assert "yours is viewer" in run.trouble.summary
