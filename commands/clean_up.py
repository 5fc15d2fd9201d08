"""Remove what an unfinished run has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.run_view import find_run, run_details_json, run_offers
from engine.actor import Role
from engine.answer import Answer, Offers, Table, Text
from engine.command import Argument, Completes, Question, Risk
from engine.going_on import check_again

if TYPE_CHECKING:
    from engine.world import World


class CleanUp(Question):
    """Remove what an unfinished run has made.

    Only what this run itself created is removed, and only while it is still marked as the run's.
    """

    name: ClassVar[str] = "clean-up"
    group: ClassVar[str] = "Runs"
    risk: ClassVar[Risk] = Risk.REMOVES
    role: ClassVar[Role] = Role.DEPLOYER
    steers: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = ("clean-up acme",)

    run: Annotated[str, Argument(), Completes("run")] = Field(
        min_length=1, description="Id of the run, or the name of an instance", examples=["acme"]
    )

    async def foretell(self, world: World) -> Answer:
        run = await find_run(world, self.run)
        check_again(run, removing=True)
        made = tuple((c.kind, c.name, c.id) for c in run.left)
        return Answer(
            title=f"{run.title}: what would be removed",
            parts=(
                Table(
                    columns=("What", "Name", "Id"),
                    rows=made,
                    empty="Nothing that is known; what it may have made is looked for.",
                ),
            ),
            data=run_details_json(run, world.now()),
        )

    async def answer(self, world: World) -> Answer:
        found = await find_run(world, self.run)
        run = await world.control.clean_up(world.actor, found.id)
        made = [f"{c.kind} {c.name}" for c in run.left]
        text = f"Removing {', '.join(made)}." if made else "Looking for anything it may have made."
        return Answer(
            title=f"{run.title}: removing what was made",
            parts=(Text(text=text), Offers(offers=run_offers(run, world.actor, world.now()))),
            data=run_details_json(run, world.now()),
        )
