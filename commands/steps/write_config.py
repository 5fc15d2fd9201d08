"""Set and remove variables of a service that exists, in one write."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext, StepFailed
from engine.words import listed, plural


class WriteConfig(Step):
    """Nothing is deployed. Only over what was seen when the run was planned: what somebody else
    has changed since is left as it is. Its result bears values that are no secrets, so that the
    way back is known."""

    kind: ClassVar[str] = "write_config"

    space: Place
    service: str
    service_name: str
    values: dict[str, str | None] = Field(default_factory=dict)
    """Name → value that is no secret; None removes it."""
    sealed: tuple[str, ...] = ()
    """Names of secrets that the run brought."""
    seen: dict[str, str | None] = Field(default_factory=dict)
    """What the variables in `values` held before, where that is no secret."""
    said: str = ""
    """The redacted diff."""
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        count = len(self.values) + len(self.sealed)
        return f"Write {plural(count, 'variable')} of {self.service_name}"

    async def run(self, ctx: StepContext) -> Result:
        services, space = ctx.use(RunsServices), self.space.space(ctx)
        there = await services.variables(space, self.service)
        secrets = {name: await ctx.secret(name) for name in self.sealed}
        wanted: dict[str, str | None] = {**self.values, **secrets}
        if any(there.get(name) != value for name, value in wanted.items()):
            moved = [
                name
                for name, value in self.seen.items()
                if there.get(name) not in (value, wanted.get(name))
            ]
            if moved:
                raise StepFailed(
                    f"{listed(moved)} of {self.service_name} changed since this was planned.",
                    why="Somebody else set it meanwhile, so nothing was written.",
                )
            await services.write_variables(space, self.service, wanted)
        return {
            "before": dict(self.seen),
            "after": {name: self.values[name] for name in self.seen},
            "hidden": sorted({*self.sealed, *self.values} - set(self.seen)),
            "said": self.said,
        }
