"""Make sure that a push to the repository deploys nothing by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext, Value


class StopFollowing(Step):
    """The capability reads it back before it returns."""

    kind: ClassVar[str] = "stop_following"

    space: Place
    service: Value
    service_name: str
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Switch off deploying {self.service_name} on every push"

    async def run(self, ctx: StepContext) -> Result:
        await ctx.use(RunsServices).stop_following_pushes(
            self.space.space(ctx), ctx.value(self.service)
        )
        return {"follows_pushes": False}
