"""Connect a service to its repository: the last write, which starts the first deployment."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from typing_extensions import override

from commands.steps.places import Place
from engine.capabilities import HostsSpaces, RunsServices
from engine.step import Result, Step, StepContext, StepFailed, Value
from engine.words import typed


class ConnectSource(Step):
    """The capability adopts the one deployment that this starts, so it is safe to repeat. How the
    service is built and run has been set by an earlier step."""

    kind: ClassVar[str] = "connect_source_as_set"

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


class ConnectSourceUnset(ConnectSource):
    """Of creations planned before settings had a step of their own: nothing in their plan sets how
    the service is built and run. Kept for one version, for the runs that are stored."""

    kind: ClassVar[str] = "connect_source"

    @override
    async def run(self, ctx: StepContext) -> Result:
        seen = await ctx.use(HostsSpaces).space(ctx.value(self.space.id))
        service = seen.service(self.service_name) if seen else None
        settings = service.settings if service else None
        begun = service is not None and service.deployment is not None
        if settings is not None and not settings.given_by_hand and not begun:
            raise StepFailed(
                f"The plan of this run does not say how {self.service_name} is built.",
                why="An earlier version made it, when the host still read the repository's"
                " configuration file. A new creation sets all of that.",
                next_step=typed("create"),
            )
        return await super().run(ctx)
