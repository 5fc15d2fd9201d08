"""What to do instead of moving an instance to another region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.names import KnownInstance
from engine.command import Argument, Completes, Question
from engine.errors import Refused
from engine.words import typed

if TYPE_CHECKING:
    from engine.answer import Answer
    from engine.world import World


class Move(Question):
    """An instance stays in its region: this says what to do instead.

    The volumes of its databases stay where they were made, and the gateway belongs beside them.
    """

    name: ClassVar[str] = "move"
    listed: ClassVar[bool] = False
    examples: ClassVar[tuple[str, ...]] = ("move acme europe-west4",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    region: Annotated[tuple[str, ...], Argument()] = Field(
        default=(), description="Where it should be", examples=["europe-west4"]
    )

    async def answer(self, world: World) -> Answer:  # noqa: ARG002
        where = f"to {self.region[-1]}" if self.region else "to another region"
        raise Refused(
            f"`{self.instance}` cannot be moved {where}.",
            why="The volumes of its databases stay in the region where they were made; a gateway"
            " away from them would be slow.",
            who="Whoever administers the workspace can choose its preferred region in the host's"
            " console. What is created from then on is made there: create a new instance, point"
            f" the clients at it, and then delete `{self.instance}`.",
            next_step=typed(f"create {self.instance[:60].rstrip('-')}-2"),
        )
