"""Wait until a deployment runs, telling the host's own phases."""

from __future__ import annotations

from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import Deployment, DeployState, RunsServices
from engine.errors import ProviderError
from engine.step import Result, Step, StepContext, StepFailed, Value


class WaitForDeployment(Step):
    """A deployment that fails ends the run with the phase and the log lines that tell why."""

    kind: ClassVar[str] = "wait_for_deployment"
    waits: ClassVar[bool] = True

    space: Place
    service_name: str
    deployment: Value

    def describe(self) -> str:
        return f"Wait until {self.service_name} is deployed"

    async def run(self, ctx: StepContext) -> Result:
        space = self.space.space(ctx)
        async for seen in ctx.use(RunsServices).watch(space, ctx.value(self.deployment)):
            await ctx.note(seen.phase)
            if seen.state == DeployState.RUNNING:
                return {
                    "deployment_id": seen.id,
                    "commit": seen.commit,
                    "commit_message": seen.commit_message,
                }
            if seen.state.settled:
                raise await self._failed(ctx, seen)
        raise StepFailed(f"The deployment of {self.service_name} can no longer be seen.")

    async def _failed(self, ctx: StepContext, seen: Deployment) -> StepFailed:
        if seen.state == DeployState.REMOVED:
            return StepFailed(
                f"The deployment of {self.service_name} was removed before it ran.",
                why="Somebody stopped it, or a newer deployment took its place.",
                link=seen.url,
            )
        word = "crashed" if seen.state == DeployState.CRASHED else "failed"
        summary = f"The deployment of {self.service_name} {word}"
        try:
            failure = await ctx.use(RunsServices).failure_of(seen.id)
        except ProviderError as error:
            return StepFailed(
                f"{summary}.",
                why=f"Its log could not be read: {error.summary}",
                link=seen.url,
                phase=seen.phase,
            )
        return StepFailed(
            f"{summary} in phase {failure.phase}." if failure.phase else f"{summary}.",
            why=failure.reason,
            link=seen.url,
            phase=failure.phase or seen.phase,
            log=list(failure.log),
        )
