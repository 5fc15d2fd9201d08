"""Say no to a change that waits for a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import run_details_json
from engine.answer import Answer, Text
from engine.command import Argument, Completes, Question, Risk

if TYPE_CHECKING:
    from engine.world import World


class Reject(Question):
    """Reject a change that waits for another person's word, and say why.

    It never begins; whoever asked for it is told the reason.
    """

    name: ClassVar[str] = "reject"
    group: ClassVar[str] = "Approvals"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ('reject acme --reason "it is used until Friday"',)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run that waits, or its instance", examples=["acme"]
    )
    reason: str = Field(
        min_length=1,
        max_length=1000,
        description="Why; whoever asked for it is told",
        examples=["it is used until Friday"],
    )

    async def answer(self, world: World) -> Answer:
        run = await world.control.reject(world.actor, self.run, self.reason)
        return Answer(
            title=f"You rejected: {run.title}",
            parts=(Text(text=f"It never begins; {run.actor.name} is told why."),),
            data=run_details_json(run, world.now()),
        )
