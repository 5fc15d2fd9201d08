"""From a wish to a run: planned, locked and committed in one transaction, then handed on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.approval import asked_anew
from engine.errors import Draining
from engine.run import RunStatus
from engine.store.transaction import DuplicateDelivery
from engine.subject import subject
from engine.telemetry import traceparent

if TYPE_CHECKING:
    from engine.actor import Actor, Origin
    from engine.approvals import Approvals
    from engine.command import Change
    from engine.execute import Executor
    from engine.permission import Permissions
    from engine.planning import Planning
    from engine.run import RunView
    from engine.store.journal import Journal

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that are misread when typed from a phone."""


@dataclass
class Submission:
    """Takes changes until `draining`."""

    journal: Journal
    executor: Executor
    permissions: Permissions
    approvals: Approvals
    planning: Planning
    draining: bool = False

    async def __call__(
        self, actor: Actor, command: Change, origin: Origin, delivery: str | None
    ) -> RunView:
        """The run, durable; the one of before for a delivery that started one already."""
        if self.draining:
            raise Draining(
                "This process is shutting down and takes no new work.",
                why="A new version or a restart is on its way.",
                next_step=f"/luthien {asked_anew(command.line())}",
            )
        actor = await self.planning.permit(actor, command)
        await self.permissions.check_name(command)
        consent = await self.permissions.consent(actor, command)
        alone = await self.permissions.agreeable(actor, command, consent)
        # What waits for somebody's word is bound to the plan that was shown, so not also in line.
        patient = origin.patient and command.may_wait and not consent.needed
        if not patient:
            await self.journal.check_locks(command.locks(), actor.person)  # before planning reads
        run_id, planned_at = new_run_id(), self.planning.clock.now()
        plan_of = self.planning.at_or_later if patient else self.planning.at
        plan = await plan_of(actor, command, origin, run_id, planned_at)
        locks, free = command.locks(), True
        try:
            async with self.journal.transaction() as tx:
                await self.permissions.recount(tx, actor, command)
                if not consent.needed:
                    by = actor.person
                    free = await tx.lock(locks, run_id, plan.title, by=by, patient=patient)
                view = await tx.add_run(
                    run_id=run_id,
                    delivery=delivery,
                    command=command.name,
                    arguments=command.model_dump(mode="json"),
                    line=asked_anew(command.line()),
                    plan=plan,
                    actor=actor,
                    origin=origin.model_copy(
                        update={
                            "trace": traceparent(),
                            "request": delivery or subject().get("request", ""),
                        }
                    ),
                    sealed=self.planning.keys.seal_all(command.secrets(), about=run_id),
                    status=RunStatus.AWAITING_APPROVAL if consent.needed else RunStatus.QUEUED,
                    waits_for=() if free else locks,
                )
                if consent.needed:
                    await self.approvals.ask(
                        tx, run_id, command, plan, consent, planned_at, alone=alone
                    )
        except DuplicateDelivery:
            known = await self.journal.by_delivery(delivery) if delivery else None
            if known is None:
                raise
            return known
        if not free or consent.needed:
            return await self.journal.run(run_id)
        await self.executor.start(run_id, 1, new=True, planned_here=True)
        return view.model_copy(update={"locks": tuple(locks)})


def new_run_id() -> str:
    return "r" + "".join(secrets.choice(_ALPHABET) for _ in range(7))
