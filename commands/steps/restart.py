"""Start once more what is deployed."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext, StepFailed


class Restart(Step):
    """Without a build. When an earlier try is in doubt, a deployment that changed since the plan
    was restarted by it."""

    kind: ClassVar[str] = "restart"

    space: Place
    service: str
    service_name: str
    deployment: str
    changed_at: str
    """When the deployment's state last changed before the plan, in ISO form."""
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Restart {self.service_name}"

    async def run(self, ctx: StepContext) -> Result:
        services, space = ctx.use(RunsServices), self.space.space(ctx)
        known = await services.deployments(space, self.service)
        current = next((d for d in known if d.id == self.deployment), None)
        if current is None:
            raise StepFailed(
                f"The deployment of {self.service_name} that was to be restarted is gone.",
                why="A newer one took its place, or somebody removed it.",
            )
        changed = current.updated_at.isoformat() if current.updated_at else ""
        if not (ctx.uncertain and changed != self.changed_at):
            await services.restart(space, self.deployment)
        return {"deployment_id": self.deployment, "url": current.url}
