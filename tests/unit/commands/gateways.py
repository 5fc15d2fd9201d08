"""Gateways in memory: each knows the variables with which it was deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.capabilities import (
    GatewayAccess,
    GatewayPolicy,
    KeyKind,
    PolicyKind,
    PolicyVerdict,
)
from engine.errors import OutcomeUnknown, Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.commands.host import FakeHost

NOOP = "luthien_proxy.policies.noop_policy:NoOpPolicy"
JUDGE = "luthien_proxy.policies.tool_call_judge_policy:ToolCallJudgePolicy"


class FakeGateways:
    """All of them have the same policy; keys count as they stand at the host."""

    def __init__(self, host: FakeHost) -> None:
        self._host = host
        self.now = GatewayPolicy(NOOP, {}, "")
        self.sets = 0
        self.loses = False
        """The next answer to a policy that is set."""
        self.faults: tuple[tuple[str, str], ...] = ()
        self.slow_to_die = 0
        """How often a dead key still opens."""

    async def policy(self, gateway: GatewayAccess) -> GatewayPolicy:
        self._admitted(gateway)
        return self.now

    async def policies(self, gateway: GatewayAccess) -> Sequence[PolicyKind]:
        self._admitted(gateway)
        return [PolicyKind(NOOP, "Passes all."), PolicyKind(JUDGE, "Judges tool calls.")]

    async def set_policy(
        self, gateway: GatewayAccess, policy: GatewayPolicy, *, by: str
    ) -> PolicyVerdict:
        self._admitted(gateway)
        self.sets += 1
        if self.faults:
            return PolicyVerdict(False, "The config is not valid", self.faults, ("Correct it",))
        self.now = GatewayPolicy(policy.class_ref, dict(policy.config), by)
        if self.loses:
            self.loses = False
            raise OutcomeUnknown("No answer came.", vendor="gateway", call="set")
        return PolicyVerdict(True, "Set")

    async def accepts(self, gateway: GatewayAccess, kind: KeyKind) -> bool:
        name = "ADMIN_API_KEY" if kind is KeyKind.ADMIN else "CLIENT_API_KEY"
        if gateway.key == self._variables(gateway).get(name):
            return True
        self.slow_to_die -= 1
        return self.slow_to_die >= 0

    def _admitted(self, gateway: GatewayAccess) -> None:
        if gateway.key != self._variables(gateway).get("ADMIN_API_KEY"):
            raise Rejected("The gateway refuses the key.", vendor="gateway", call="admin")

    def _variables(self, gateway: GatewayAccess) -> dict[str, str]:
        return next(
            kept.variables
            for held in self._host.held.values()
            for kept in held.services.values()
            if kept.service.url == gateway.url
        )
