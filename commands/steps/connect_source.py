"""Connect a service to its repository: the last write, which starts the first deployment."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext, Value


class ConnectSource(Step):
    """The capability adopts the one deployment that this starts, so it is safe to repeat."""

    kind: ClassVar[str] = "connect_source"

    space: Place
    service: Value
    service_name: str
    repo: str
    branch: str
    expected: timedelta = timedelta(seconds=4)

    def describe(self) -> str:
        return f"Deploy {self.service_name} from {self.repo}@{self.branch}"

    async def run(self, ctx: StepContext) -> Result:
        deployment = await ctx.use(RunsServices).connect_source(
            self.space.space(ctx), ctx.value(self.service), repo=self.repo, branch=self.branch
        )
        return {
            "deployment_id": deployment.id,
            "commit": deployment.commit,
            "branch": deployment.branch or self.branch,
            "url": deployment.url,
        }
