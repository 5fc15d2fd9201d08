"""Where a step works: a space that an earlier step made, or one that existed before the run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from engine.capabilities import Space
from engine.step import Ref, Result, Value

if TYPE_CHECKING:
    from engine.step import StepContext


class Place(BaseModel):
    """A space as data: literal values, or references to the result of the step that made it."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    id: Value
    environment_id: Value
    name: Value
    workspace: Value
    created_at: Value
    console_url: Value

    @classmethod
    def made_by(cls, step: str) -> Self:
        """The space in the result of the step with this key."""
        return cls(**{name: Ref(ref=f"{step}.{name}") for name in cls.model_fields})

    @classmethod
    def of(cls, space: Space) -> Self:
        """A space that exists already."""
        return cls(**as_result(space))

    def space(self, ctx: StepContext) -> Space:
        """What is known of it without asking; its services and mark are to be read."""
        return Space(
            id=ctx.value(self.id),
            environment_id=ctx.value(self.environment_id),
            name=ctx.value(self.name),
            mark="",
            created_at=datetime.fromisoformat(ctx.value(self.created_at)),
            workspace=ctx.value(self.workspace),
            console_url=ctx.value(self.console_url),
        )


def as_result(space: Space) -> Result:
    """What a step's result says of a space."""
    return {
        "id": space.id,
        "environment_id": space.environment_id,
        "name": space.name,
        "workspace": space.workspace,
        "created_at": space.created_at.isoformat(),
        "console_url": space.console_url,
    }
