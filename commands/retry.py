"""Go on with a run that stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import find_run, run_details_json, run_offers
from engine.actor import Role
from engine.answer import Answer, Offers, Text
from engine.command import Argument, Completes, Question, Risk
from engine.run import StepStatus

if TYPE_CHECKING:
    from engine.world import World


class Retry(Question):
    """Go on with a run that stopped, from its first unfinished step."""

    name: ClassVar[str] = "retry"
    group: ClassVar[str] = "Runs"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    steers: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("retry acme",)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run, or the name of an instance", examples=["acme"]
    )

    async def answer(self, world: World) -> Answer:
        found = await find_run(world, self.run)
        run = await world.control.retry(world.actor, found.id)
        unfinished = [step for step in run.steps if step.status != StepStatus.DONE]
        done = len(run.steps) - len(unfinished)
        text = f"{done} of {len(run.steps)} steps were done already." if done else ""
        if unfinished:
            text += f" It {'goes on' if done else 'begins again'} with: {unfinished[0].title}."
        return Answer(
            title=f"{run.title}: going on",
            parts=(
                Text(text=text.strip()),
                Offers(offers=run_offers(run, world.actor, world.now())),
            ),
            data=run_details_json(run, world.now()),
        )
