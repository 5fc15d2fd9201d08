"""What to do instead of merging two instances."""

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


class Merge(Question):
    """Two instances cannot become one: this says what to do instead.

    Each has databases, keys and clients of its own.
    """

    name: ClassVar[str] = "merge"
    listed: ClassVar[bool] = False
    examples: ClassVar[tuple[str, ...]] = ("merge acme bravo",)

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="The instance that should go", examples=["acme"]
    )
    into: Annotated[tuple[str, ...], Argument(), Completes("instance")] = Field(
        default=(), description="The instance that should stay", examples=["bravo"]
    )

    async def answer(self, world: World) -> Answer:  # noqa: ARG002
        into = self.into[-1] if self.into else "another one"
        raise Refused(
            f"`{self.instance}` cannot be merged into `{into}`.",
            why="Each has its own databases and keys, and the host has no way to join them.",
            who=f"Whoever runs its clients can give them the address and the key of `{into}`;"
            f" then `{self.instance}` can be deleted. Its conversations are not taken over.",
            next_step=typed(f"status {into}" if self.into else "list"),
        )
