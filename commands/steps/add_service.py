"""Add an empty service to a space; its variables and its source come later."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.patience import look
from commands.steps.places import Place
from engine.capabilities import HostsSpaces, RunsServices, Service
from engine.step import Result, Step, StepContext


class AddService(Step):
    """Without a source nothing is deployed, so everything can be set before the first build."""

    kind: ClassVar[str] = "add_service"

    space: Place
    name: str
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Add the service {self.name}"

    async def run(self, ctx: StepContext) -> Result:
        space = self.space.space(ctx)

        async def existing() -> Service | None:
            seen = await ctx.use(HostsSpaces).space(space.id)
            return seen.service(self.name) if seen else None

        service = await look(ctx, existing) if ctx.uncertain else None
        if service is None:
            service = await ctx.use(RunsServices).create_service(space, self.name)
        return {"id": service.id, "name": service.name}
