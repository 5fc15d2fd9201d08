"""See that a deployment was built and checked as its settings say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from commands.steps.patience import waits
from commands.steps.places import Place
from engine.capabilities import DOCKERFILE, RunsServices
from engine.step import Result, Step, StepContext, StepFailed, Value

if TYPE_CHECKING:
    from engine.capabilities import Deployment

_TOLD_WITHIN = timedelta(seconds=30)
"""The host fills in what it built with once the deployment is over."""


class CheckDeployment(Step):
    """Asked of a deployment that is over: before that the host tells only half of it."""

    kind: ClassVar[str] = "check_deployment"

    space: Place
    service: Value
    service_name: str
    deployment: Value
    dockerfile: bool = False
    """It must have been built by a Dockerfile."""
    health_path: str = ""
    """Where the host must have checked its health; empty: anywhere, or not at all."""
    next_step: str = ""
    """What to type where that is not so: checked again, the same deployment fails again."""
    expected: timedelta = timedelta(seconds=1)

    def describe(self) -> str:
        wanted = [
            *(["built by its Dockerfile"] if self.dockerfile else []),
            *([f"checked at {self.health_path}"] if self.health_path else []),
        ]
        return f"Check that {self.service_name} was {' and '.join(wanted)}"

    async def run(self, ctx: StepContext) -> Result:
        found = await self._found(ctx)
        for wait in waits(_TOLD_WITHIN):
            if found is not None and found.builder:
                break
            await ctx.pause(wait)
            found = await self._found(ctx)
        if found is None or not found.builder:
            raise StepFailed(
                f"The host does not tell how {self.service_name} was built.",
                why="So nobody knows whether it used its Dockerfile and its health check.",
                link=found.url if found else "",
                next_step=self.next_step,
            )
        if self.dockerfile and found.builder != DOCKERFILE:
            raise StepFailed(
                f"{self.service_name} was not built by its Dockerfile.",
                why=f"The host used its own builder ({found.builder}).",
                link=found.url,
                next_step=self.next_step,
            )
        if self.health_path and found.health_path != self.health_path:
            raise StepFailed(
                f"{self.service_name} was deployed without its health check {self.health_path}.",
                why=f"The host asked {found.health_path}."
                if found.health_path
                else "The host did not ask whether it is healthy.",
                link=found.url,
                next_step=self.next_step,
            )
        return {"builder": found.builder, "health_path": found.health_path}

    async def _found(self, ctx: StepContext) -> Deployment | None:
        wanted = ctx.value(self.deployment)
        known = await ctx.use(RunsServices).deployments(
            self.space.space(ctx), ctx.value(self.service)
        )
        return next((d for d in known if d.id == wanted), None)
