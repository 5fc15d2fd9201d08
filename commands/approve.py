"""Agree to a change that waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import run_details_json, run_offers
from engine.answer import Answer, Offers, Text
from engine.command import Argument, Completes, Question, Risk
from engine.run import RunStatus
from engine.words import plural

if TYPE_CHECKING:
    from engine.world import World


class Approve(Question):
    """Approve a change that waits for another person's word.

    It is bound to the plan that was shown: if the world has changed since, nothing is done and it
    has to be asked for again. Who may approve is said by the policy.
    """

    name: ClassVar[str] = "approve"
    group: ClassVar[str] = "Approvals"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("approve acme",)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run that waits, or its instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        run = await world.control.approve(world.actor, self.run)
        approval = run.approval
        missing = approval.consent.needed - len(approval.votes) if approval else 0
        waits = run.status is RunStatus.AWAITING_APPROVAL
        return Answer(
            title=f"You approved: {run.title}",
            parts=(
                Text(
                    text=f"It waits for {plural(missing, 'more approval')} by somebody else."
                    if waits
                    else "It has begun."
                ),
                Offers(offers=run_offers(run, world.actor, world.now())),
            ),
            data=run_details_json(run, world.now()),
        )
