"""Put an earlier deployment of a service back in place."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.adopt import goes_out, started_already
from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext


class RollBack(Step):
    """The host makes a new deployment of it; one that this run has started already is adopted."""

    kind: ClassVar[str] = "roll_back"

    space: Place
    service: str
    service_name: str
    deployment: str
    commit: str
    newest: str
    """The newest deployment there was when this was planned."""
    replaces: str = ""
    """The commit that runs so far."""
    expected: timedelta = timedelta(seconds=4)

    def describe(self) -> str:
        return f"Roll {self.service_name} back to {self.commit[:7] or self.deployment}"

    async def run(self, ctx: StepContext) -> Result:
        space = self.space.space(ctx)
        found = await started_already(
            ctx, space, self.service, after=self.newest, commit=self.commit
        )
        if found is None:
            found = await ctx.use(RunsServices).roll_back(
                space, self.service, self.deployment, after=self.newest
            )
        said = goes_out(found, self.replaces)
        await ctx.note(said)
        return {
            "deployment_id": found.id,
            "commit": found.commit,
            "said": said,
            "url": found.url,
        }
