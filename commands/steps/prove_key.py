"""Prove against the running gateway that a new key counts and the old one does not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from commands.steps.patience import waits
from commands.steps.places import Place
from commands.steps.remember_key import OLD
from engine.capabilities import AdministersGateways, GatewayAccess, KeyKind, RunsServices
from engine.step import Result, Step, StepContext, StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = timedelta(minutes=2)
"""While both deployments answer side by side."""
_PASSES = "passthrough"


class ProveKey(Step):
    """Both keys are tried at the public address; neither is told."""

    kind: ClassVar[str] = "prove_key"
    waits: ClassVar[bool] = True

    space: Place
    service: str
    url: str
    variable: str
    opens: KeyKind
    remembered: str
    expected: timedelta = timedelta(seconds=3)

    def describe(self) -> str:
        return "Prove that the new key is accepted and the old one refused"

    async def run(self, ctx: StepContext) -> Result:
        there = await ctx.use(RunsServices).resolved_variables(self.space.space(ctx), self.service)
        new, old = there.get(self.variable, ""), await self._old(ctx)
        accepted, dead = await self._tried(ctx, new, old)
        for wait in waits(_PATIENCE, longest=timedelta(seconds=5)):
            if accepted and dead:
                break
            await ctx.note("The earlier deployment still answers")
            await ctx.pause(wait)
            accepted, dead = await self._tried(ctx, new, old)
        if not accepted:
            raise StepFailed(
                "The gateway refuses the new key.",
                why="It runs with other variables than the host has now.",
            )
        if not dead:
            raise self._alive(there)
        also = ", the old one refused" if old else "; the old one is not known and was not tried"
        return {"said": f"The new key is accepted{also}"}

    async def _old(self, ctx: StepContext) -> str:
        """Empty when nobody knows it any more."""
        if not ctx.result(self.remembered)["known"]:
            return ""
        try:
            return await ctx.secret(OLD)
        except StepFailed:  # forgotten: the run had ended and was tried again
            return ""

    async def _tried(self, ctx: StepContext, new: str, old: str) -> tuple[bool, bool]:
        gateways = ctx.use(AdministersGateways)
        accepted = await gateways.accepts(GatewayAccess(self.url, new), self.opens)
        dead = not old or not await gateways.accepts(GatewayAccess(self.url, old), self.opens)
        return accepted, dead

    def _alive(self, there: Mapping[str, str]) -> StepFailed:
        passes = self.opens is KeyKind.CLIENT and there.get("AUTH_MODE") == _PASSES
        return StepFailed(
            "The gateway still accepts the old key.",
            why="AUTH_MODE is passthrough: it passes every client's key on and checks none itself."
            if passes
            else "Something else than the new deployment answers at its address.",
        )
