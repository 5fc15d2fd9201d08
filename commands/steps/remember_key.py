"""Keep a key that is about to be replaced, until the run has ended."""

from __future__ import annotations

from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext

OLD = "the old key"
"""The name under which the run keeps it, sealed."""


class RememberKey(Step):
    """So that it can be proved dead afterwards. Sealed, and forgotten with the run's end."""

    kind: ClassVar[str] = "remember_key"

    space: Place
    service: str
    variables: tuple[str, ...]
    """Any of them holds it."""

    def describe(self) -> str:
        return "Remember the old key until it is proved dead"

    async def run(self, ctx: StepContext) -> Result:
        there = await ctx.use(RunsServices).resolved_variables(self.space.space(ctx), self.service)
        old = next((there[name] for name in self.variables if there.get(name)), "")
        if old:
            await ctx.keep_secret(OLD, old)
        return {"known": bool(old)}
