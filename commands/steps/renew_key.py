"""Put a new key in the place of the old one."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from commands.steps.places import Place
from commands.steps.remember_key import OLD
from commands.steps.write_variables import secret_by
from engine.blueprint import Generated
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext
from engine.words import listed


class RenewKey(Step):
    """Made here, at the last moment, and held by nothing but the host. What is no longer the old
    one was written by an interrupted try, and stays."""

    kind: ClassVar[str] = "renew_key"

    space: Place
    service: str
    variables: tuple[str, ...]
    """All get the same value."""
    rule: Generated
    remembered: str
    """Key of the step that remembered the old one."""
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Write a new value of {listed(self.variables)}"

    async def run(self, ctx: StepContext) -> Result:
        services, space = ctx.use(RunsServices), self.space.space(ctx)
        old = await ctx.secret(OLD) if ctx.result(self.remembered)["known"] else ""
        there = await services.resolved_variables(space, self.service)
        now = there.get(self.variables[0], "")
        value = now if old and now not in ("", old) else secret_by(self.rule)
        if any(there.get(name) != value for name in self.variables):
            await services.write_variables(
                space, self.service, dict.fromkeys(self.variables, value)
            )
        return {"written": list(self.variables)}
