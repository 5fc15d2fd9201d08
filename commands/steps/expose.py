"""Make a service reachable from outside."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.patience import look
from commands.steps.places import Place
from engine.capabilities import HostsSpaces, RunsServices, Service
from engine.step import Result, Step, StepContext, Value


class Expose(Step):
    """One public domain that leads to one port."""

    kind: ClassVar[str] = "expose"

    space: Place
    service: Value
    service_name: str
    port: int
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Give {self.service_name} a public domain (port {self.port})"

    async def run(self, ctx: StepContext) -> Result:
        space, service_id = self.space.space(ctx), ctx.value(self.service)

        async def exposed() -> Service | None:
            seen = await ctx.use(HostsSpaces).space(space.id)
            services = seen.services if seen else ()
            return next((s for s in services if s.id == service_id and s.domain), None)

        service = await look(ctx, exposed) if ctx.uncertain else None
        if service is None:
            service = await ctx.use(RunsServices).expose(space, service_id, port=self.port)
        return {"domain": service.domain, "url": service.url}
