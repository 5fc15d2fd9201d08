"""Put a policy into force in a running gateway."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import Field

from commands.policy_text import holds_secrets
from commands.steps.places import Place
from engine.capabilities import (
    AdministersGateways,
    GatewayAccess,
    GatewayPolicy,
    RunsServices,
)
from engine.step import Result, Step, StepContext, StepFailed

SECRET = "config"
"""Under which the run brings the config."""


class SetPolicy(Step):
    """At once, without a deployment. Only over the policy that was seen when the run was planned;
    one that is in force already is left. The admin key is read from the host for each try."""

    kind: ClassVar[str] = "set_policy"

    space: Place
    service: str
    url: str
    key_variable: str
    class_ref: str
    config: dict[str, Any] | None = None
    """None: the run brought it, sealed."""
    seen_class: str
    before: dict[str, Any] | None = None
    """What was in force, where it holds no secret."""
    places: dict[str, str] = Field(default_factory=dict)
    """Field → where it stands in what was written."""
    by: str
    said: str = ""
    expected: timedelta = timedelta(seconds=3)

    def describe(self) -> str:
        return f"Set the policy {self.class_ref.rpartition(':')[2]}"

    async def run(self, ctx: StepContext) -> Result:
        config = self.config
        if config is None:
            config = json.loads(await ctx.secret(SECRET))
        wanted = GatewayPolicy(self.class_ref, config)
        there = await ctx.use(RunsServices).resolved_variables(self.space.space(ctx), self.service)
        gateway = GatewayAccess(self.url, there.get(self.key_variable, ""))
        gateways = ctx.use(AdministersGateways)
        now = await gateways.policy(gateway)
        if (now.class_ref, dict(now.config)) != (wanted.class_ref, dict(wanted.config)):
            if now.class_ref != self.seen_class:
                raise StepFailed(
                    "The gateway's policy was changed since this was planned.",
                    why=f"It is {now.class_ref} now, and was left as it is.",
                )
            verdict = await gateways.set_policy(gateway, wanted, by=self.by)
            if not verdict.accepted:
                raise self._refused(verdict.message, verdict.faults, verdict.advice)
        return {
            "before": self.before,
            "after": None if holds_secrets(config) else _json(wanted),
            "said": self.said,
        }

    def _refused(
        self, message: str, faults: tuple[tuple[str, str], ...], advice: tuple[str, ...]
    ) -> StepFailed:
        lines = []
        for name, reason in faults:
            place = self.places.get(name.split(".")[0], "")
            lines.append(f"{place}: {name} {reason}" if place else f"{name} {reason}")
        return StepFailed(
            f"The gateway refuses the policy: {message or 'it does not say why'}.".replace(
                "..", "."
            ),
            why="\n".join([*lines, *advice]),
        )


def _json(policy: GatewayPolicy) -> dict[str, Any]:
    return {"class": policy.class_ref, "config": dict(policy.config)}
