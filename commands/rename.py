"""What to do instead of renaming an instance."""

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


class Rename(Question):
    """An instance keeps its name: this says what to do instead.

    Its project, its address and its variables bear the name, and clients are pointed at the
    address.
    """

    name: ClassVar[str] = "rename"
    listed: ClassVar[bool] = False
    examples: ClassVar[tuple[str, ...]] = ("rename acme bravo",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    to: Annotated[tuple[str, ...], Argument()] = Field(
        default=(), description="The name it should have", examples=["bravo"]
    )

    async def answer(self, world: World) -> Answer:  # noqa: ARG002
        to = self.to[-1] if self.to else f"{self.instance[:60].rstrip('-')}-2"
        raise Refused(
            f"`{self.instance}` cannot be renamed to `{to}`.",
            why="Its project, address and variables bear its name, and a domain of the host cannot"
            " change without the old one dying at once.",
            who=f"Whoever may create can make `{to}` beside it, point the clients there, and"
            f" then delete `{self.instance}`; its data does not come along.",
            next_step=typed(f"create {to}"),
        )
