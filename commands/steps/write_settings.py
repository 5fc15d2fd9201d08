"""Set how a service is built and run from its next deployment on."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import RunsServices, ServiceSettings
from engine.step import Result, Step, StepContext, Value
from engine.words import listed


class WriteSettings(Step):
    """Nothing is deployed. The capability writes only what differs and reads it back, so it is
    safe to repeat."""

    kind: ClassVar[str] = "write_settings"

    space: Place
    service: Value
    service_name: str
    settings: ServiceSettings
    expected: timedelta = timedelta(seconds=3)

    def describe(self) -> str:
        return f"Set how {self.service_name} is built and run"

    async def run(self, ctx: StepContext) -> Result:
        await ctx.use(RunsServices).write_settings(
            self.space.space(ctx), ctx.value(self.service), self.settings
        )
        return {"settings": list(self.settings.words), "said": listed(self.settings.words)}
