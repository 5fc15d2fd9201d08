"""Approvals: asked for, given, rejected, expired, superseded. Nothing waits in here: each is a
row, and whatever becomes of it commits together with what becomes of its run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from engine.actor import Door
from engine.approval import (
    Approval,
    ApprovalStatus,
    Consent,
    asked_anew,
    may_agree_oneself,
    others,
)
from engine.command import Change
from engine.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound, PlanStale, Refused
from engine.mentions import mention
from engine.permission import mentions, somebody
from engine.policy import SelfApprove, includes
from engine.roles import mention_actor
from engine.store import approvals as stored
from engine.words import moment, plural, typed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from engine.actor import Actor, Origin
    from engine.execute import Executor
    from engine.permission import Permissions
    from engine.plan import Plan
    from engine.registry import Registry
    from engine.run import RunView
    from engine.secrets import SealKeys
    from engine.store.journal import Journal, Wish
    from engine.store.transaction import Transaction

S = ApprovalStatus


class Plans(Protocol):
    """Plans a command again, as it would have been at a time."""

    async def __call__(
        self, actor: Actor, command: Change, origin: Origin, run_id: str, at: datetime
    ) -> Plan: ...


class Approvals:
    """`current` is the actor with the role of this moment. Raises NotAllowed for strangers."""

    def __init__(
        self,
        journal: Journal,
        book: stored.StoredApprovals,
        executor: Executor,
        registry: Registry,
        permissions: Permissions,
        keys: SealKeys,
        *,
        plan: Plans,
        current: Callable[[Actor], Awaitable[Actor]],
    ) -> None:
        self._journal = journal
        self.book = book
        self._executor = executor
        self._registry = registry
        self._permissions = permissions
        self._keys = keys
        self._plan = plan
        self._current = current
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # ── asking ────────────────────────────────────────────────────────────────────────────────

    async def ask(
        self,
        tx: Transaction,
        run_id: str,
        command: Change,
        plan: Plan,
        consent: Consent,
        planned_at: datetime,
        *,
        alone: bool,
    ) -> None:
        """In the place of an earlier wish for the same that is not true any more. Raises
        AlreadyExists while the same waits already."""
        for waiting, digest in await stored.same_wish(tx, command.name, plan.subject):
            if waiting == run_id:
                continue
            if digest == plan.digest():
                raise AlreadyExists(
                    f"An approval for `{asked_anew(command.line())}` is asked for already.",
                    why=f"It waits as run `{waiting}`.",
                    who=f"It waits for {somebody(consent.approvers)}.",
                    next_step=typed("approvals"),
                )
            row = await stored.waiting(tx, waiting)
            if row is not None:
                reason = f"it was asked for anew as run {run_id}"
                await stored.close(tx, row, S.SUPERSEDED, reason=reason)
        await stored.ask(tx, run_id, consent, planned_at, alone=alone)

    # ── deciding ──────────────────────────────────────────────────────────────────────────────

    async def approve(self, actor: Actor, wanted: str) -> RunView:
        run_id = (await self.find(wanted)).run_id
        async with self._turns.setdefault(run_id, asyncio.Lock()):
            # One after the other, so that only the first one asks the vendor.
            approval = await self._open(run_id)
            actor = await self._current(actor)
            await self._may_decide(actor, approval)
            wish = await self._journal.wish(run_id)
            command = self._command(wish, approval)
            await self._unmoved(actor, approval, command, wish.origin)
            async with self._journal.transaction() as tx:
                row = await stored.waiting(tx, run_id)
                begun = False
                if row is not None:
                    begun = await stored.agree(tx, row, actor)
                    if begun:
                        by = approval.asker.person
                        await tx.lock(command.locks(), run_id, approval.title, by=by)
            if row is None:
                raise decided(await self.book.get(run_id))
        if begun:
            await self._executor.start(run_id, 1, new=True)
        return await self._journal.run(run_id)

    async def reject(self, actor: Actor, wanted: str, reason: str) -> RunView:
        """Raises InvalidInput without a reason."""
        approval = await self._open((await self.find(wanted)).run_id)
        if not reason.strip():
            raise InvalidInput(
                "Why is it rejected? Whoever asked for it is told.",
                fields={"reason": "is needed"},
                missing=True,
                why="Nothing was decided yet.",
                who="You can say so.",
                next_step=typed(f'reject {approval.run_id} --reason "…"'),
            )
        actor = await self._current(actor)
        await self._may_decide(actor, approval, rejecting=True)
        await self._close(approval.run_id, S.REJECTED, actor, reason=reason.strip())
        return await self._journal.run(approval.run_id)

    async def expire(self, now: datetime) -> int:
        """Close what nobody decided in time; returns how many."""
        count = 0
        for run_id in await self.book.overdue(now):
            async with self._journal.transaction() as tx:
                row = await stored.waiting(tx, run_id)
                if row is not None:
                    await stored.close(tx, row, S.EXPIRED)
                    count += 1
        return count

    async def listed(
        self, statuses: Sequence[ApprovalStatus], *, subject: str, limit: int
    ) -> list[Approval]:
        return await self.book.listed(statuses, subject=subject, limit=limit)

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    async def find(self, wanted: str) -> Approval:
        """By the run's id, or what waits about the instance of this name. Raises NotFound."""
        try:
            return await self.book.get(wanted)
        except NotFound:
            found = await self.book.listed((S.WAITING,), subject=wanted.lower(), limit=1)
            if found:
                return found[0]
            raise

    async def _open(self, run_id: str) -> Approval:
        """Raises Refused when it is decided, and expires it when its time is over."""
        approval = await self.book.get(run_id)
        if approval.status is S.WAITING and approval.expires_at <= self._permissions.clock.now():
            await self.expire(self._permissions.clock.now())
            approval = await self.book.get(run_id)
        if approval.status is not S.WAITING:
            raise decided(approval)
        return approval

    async def _may_decide(
        self, actor: Actor, approval: Approval, *, rejecting: bool = False
    ) -> None:
        consent = approval.consent
        verb = "Rejecting" if rejecting else "Approving"
        roles = self._permissions.roles
        asker = await roles.person(approval.asker)
        able = others(await self._permissions.people(consent.approvers), asker)
        who = f"{mentions(able)} can decide." if able else "Nobody else here could."
        if not includes(consent.approvers, actor):
            raise NotAllowed(
                f"{verb} this needs {somebody(consent.approvers)}; yours is {actor.role.label}.",
                why=f"{consent.said_by}.",
                who=who,
                next_step=typed("approvals"),
            )
        given = [vote.person or await roles.person_behind(vote.by) for vote in approval.votes]
        if actor.person in given and not rejecting:
            raise Refused(
                "You have approved this already.",
                why=f"It needs {plural(consent.needed, 'approval')} by different people.",
                who=who,
                next_step=typed("approvals"),
            )
        if actor.person != asker or rejecting:
            return
        if not may_agree_oneself(consent, alone=not able):
            key = Door.API in (actor.door, approval.asker.door)
            raise NotAllowed(
                "You asked for this, so somebody else has to approve it."
                + (" What an API key does, whoever made it does." if key else ""),
                why=f"`self_approve: {consent.self_approve}` holds ({consent.self_said_by}).",
                who=who
                if consent.self_approve is not SelfApprove.NEVER or able
                else ("Whoever keeps the policy can write `self_approve: when_alone` there."),
                next_step=typed("approvals"),
            )

    def _command(self, wish: Wish, approval: Approval) -> Change:
        secrets = self._keys.open_all(wish.sealed, about=approval.run_id)
        command = self._registry.load_command(wish.command, wish.arguments).with_secrets(secrets)
        assert isinstance(command, Change)  # noqa: S101 (only changes become runs)
        return command

    async def _unmoved(
        self, actor: Actor, approval: Approval, command: Change, origin: Origin
    ) -> None:
        """What the asker may do, and what would be done, is still what people were shown. Raises
        PlanStale, and the approval is superseded, when it is not."""
        asker = await self._current(approval.asker)
        await self._permissions.permit(asker, command, approval.subject)
        try:
            plan = await self._plan(asker, command, origin, approval.run_id, approval.planned_at)
        except Refused as refused:
            moved = refused.summary.rstrip(".")
        else:
            if plan.digest() == approval.digest:
                return
            gone = [f"not any more: {c}" for c in approval.changes if c not in plan.changes]
            new = [f"now: {c}" for c in plan.changes if c not in approval.changes]
            moved = "; ".join([*gone, *new]) or "it was changed since it was shown"
        await self._close(approval.run_id, S.SUPERSEDED, actor, reason=moved)
        raise PlanStale(
            f"`{approval.line}` would not do any more what was asked for.",
            why=f"Nothing was done: {moved}.",
            who=f"{mention_actor(approval.asker)} can ask again.",
            next_step=typed(f"run {approval.run_id}"),
        )

    async def _close(self, run_id: str, to: ApprovalStatus, actor: Actor, *, reason: str) -> None:
        async with self._journal.transaction() as tx:
            row = await stored.waiting(tx, run_id)
            if row is not None:
                await stored.close(tx, row, to, actor=actor, reason=reason)
        if row is None:
            raise decided(await self.book.get(run_id))


def decided(approval: Approval) -> Refused:
    """What whoever comes too late is told: what was decided, by whom, when."""
    at = f" on {moment(approval.decided_at)}" if approval.decided_at else ""
    by = f" by {mention(approval.decided_by)}" if approval.decided_by else ""
    words = {
        S.GRANTED: f"was approved already{by}{at}",
        S.REJECTED: f"was rejected already{by}{at}",
        S.EXPIRED: f"has expired{at}, because nobody decided",
        S.SUPERSEDED: f"was superseded{at}",
        S.WITHDRAWN: f"was withdrawn{by}{at}",
    }
    return Refused(
        f"“{approval.title}” {words.get(approval.status, 'waits')}.",
        why=f"The reason: {approval.reason}." if approval.reason else "It is decided only once.",
        who="Anybody may look at the run."
        if approval.status is S.GRANTED
        else f"{mention_actor(approval.asker)} can ask again.",
        next_step=typed(f"run {approval.run_id}"),
    )
