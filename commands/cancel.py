"""Stop a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import find_run, run_details_json, run_offers
from engine.actor import Role
from engine.answer import Answer, Offers, Text
from engine.command import Argument, Completes, Question, Risk
from engine.run import RunStatus

if TYPE_CHECKING:
    from engine.world import World


class Cancel(Question):
    """Stop a run before its next step.

    Nothing is removed by that: afterwards the run can go on, or what it made can be removed.
    """

    name: ClassVar[str] = "cancel"
    group: ClassVar[str] = "Runs"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    examples: ClassVar[tuple[str, ...]] = ("cancel acme",)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run, or the name of an instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        found = await find_run(world, self.run)
        run = await world.control.cancel(world.actor, found.id)
        stopped = run.status == RunStatus.CANCELLED
        return Answer(
            title=f"{run.title}: {'cancelled' if stopped else 'stopping'}",
            parts=(
                Text(
                    text="It was stopped before it began."
                    if stopped and not run.left
                    else "What it made so far is still there; it can go on or be removed."
                    if stopped
                    else "The step under way is finished first, then nothing more is started."
                ),
                Offers(offers=run_offers(run, world.actor, world.now())),
            ),
            data=run_details_json(run, world.now()),
        )
