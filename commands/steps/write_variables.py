"""Give a service its first variables, in one write."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from commands.steps.patience import look
from commands.steps.places import Place
from engine.blueprint import Generated
from engine.capabilities import RunsServices
from engine.step import Result, Step, StepContext, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWS_WITHIN = timedelta(seconds=15)


class WriteVariables(Step):
    """Variables that are there already are kept, so a repeated write changes nothing. Secrets are
    made here, at the last moment: no plan, result or event ever holds one."""

    kind: ClassVar[str] = "write_variables"

    space: Place
    service: Value
    service_name: str
    values: dict[str, str] = Field(default_factory=dict)
    """Literal text; `{run}` is filled in."""
    generated: dict[str, Generated] = Field(default_factory=dict)
    same_as: dict[str, str] = Field(default_factory=dict)
    """Name → the variable whose value it shares."""
    expected: timedelta = timedelta(seconds=2)

    def describe(self) -> str:
        return f"Set {len(self._names)} variables of {self.service_name}"

    async def run(self, ctx: StepContext) -> Result:
        services, space = ctx.use(RunsServices), self.space.space(ctx)
        service_id = ctx.value(self.service)

        async def complete() -> Mapping[str, str] | None:
            found = await services.variables(space, service_id)
            return found if self._names <= set(found) else None

        there = await look(ctx, complete, within=_SHOWS_WITHIN) if ctx.uncertain else None
        if there is None:
            there = await services.variables(space, service_id)
        missing = self._missing(ctx.run_id, there)
        if missing:
            await services.write_variables(space, service_id, missing)
        return {"written": sorted(missing), "kept": sorted(self._names & set(there))}

    @property
    def _names(self) -> set[str]:
        return {*self.values, *self.generated, *self.same_as}

    def _missing(self, run_id: str, there: Mapping[str, str]) -> dict[str, str]:
        wanted = {name: text.replace("{run}", run_id) for name, text in self.values.items()}
        wanted |= {name: secret_by(rule) for name, rule in self.generated.items()}
        wanted |= dict(there)
        wanted |= {name: wanted[source] for name, source in self.same_as.items()}
        return {name: wanted[name] for name in self._names - set(there)}


def secret_by(rule: Generated) -> str:
    """A new random value."""
    random = base64.urlsafe_b64encode(secrets.token_bytes(rule.bytes)).decode().rstrip("=")
    return rule.prefix + random
