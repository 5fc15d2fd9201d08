"""Show and set what an instance's gateway does with the messages that pass it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr

from commands import gateway_policy_view, policy_text
from commands.gateway import gateway_of
from commands.gateway_policy_plan import Reached, before, planned, wished
from commands.instances import find_instance, instance_lock
from commands.names import KnownInstance
from commands.redaction import HIDDEN
from commands.steps.set_policy import SECRET
from engine.actor import Role
from engine.capabilities import AdministersGateways
from engine.command import Argument, Change, Completes, Confidential, Risk
from engine.errors import InvalidInput
from engine.secrecy import refuse_typed
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.policy_text import PolicyText
    from engine.answer import Answer
    from engine.form import Form
    from engine.plan import Plan
    from engine.situation import Situation
    from engine.world import World

_FILE = "policy"
_AT = "at:"
"""Before the names under which it is kept where each field stood in what was written."""


class PolicyConfig(Change):
    """Show or set the gateway's policy: at once, without a deployment.

    `policy-config acme set` opens a form with the policy's class and its config as YAML. On the
    command line both come from a file, `policy-config acme set @policy.yaml`, or the config alone
    does: `policy-config acme set ToolCallJudgePolicy --config @judge.yaml` (`-` is the command's
    input). `list` shows what there is; `undo <run>` leads back from a run.
    """

    name: ClassVar[str] = "policy-config"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = (
        "policy-config acme",
        "policy-config acme list",
        "policy-config acme set NoOpPolicy",
    )

    instance: Annotated[KnownInstance, Argument(), Completes("instance")] = Field(
        description="Name of the instance", examples=["acme"]
    )
    what: Annotated[Literal["show", "list", "set", "undo"], Argument()] = Field(
        default="show", description="What to do"
    )
    policy: Annotated[str | None, Argument()] = Field(
        default=None,
        description="Class of the policy, or the run to undo",
        examples=["NoOpPolicy"],
    )
    config: str | None = Field(
        default=None, description="Its config as YAML; none unless given", examples=["@judge.yaml"]
    )
    sealed: Annotated[dict[str, SecretStr], Confidential()] = Field(
        default_factory=dict, exclude=True, repr=False
    )

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return super().makes_sense(about) and about.deployed

    @property
    def asks(self) -> bool:
        return self.what in ("show", "list")

    @property
    def needs(self) -> Role:
        return Role.VIEWER if self.asks else self.role

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        asked = super().parse(raw)
        if not asked.asks and not asked.policy and _FILE not in asked.sealed:
            raise InvalidInput(
                f"`policy-config {asked.instance} {asked.what}` needs to know which.",
                fields={"policy": "is needed"},
                missing=True,
                why="Name the class of a policy, or a run to undo.",
                who="You can type it again.",
                next_step=typed(f"policy-config {asked.instance} list"),
            )
        return asked

    @property
    def may_wait(self) -> bool:
        return self.what != "undo"

    def locks(self) -> Sequence[str]:
        return [instance_lock(self.instance)]

    # ── before it is stored ───────────────────────────────────────────────────────────────────

    def checked(self, world: World) -> Self:  # noqa: ARG002
        """What is written is read with line and column; a secret that was typed is refused."""
        if self.what != "set":
            return self
        try:
            written = self._written()
        except policy_text.Unreadable as fault:
            field = "policy" if _FILE in self.sealed else "config"
            raise InvalidInput(
                f"The policy cannot be read: {fault}.",
                fields={field: str(fault)},
                why="Nothing was asked of any vendor yet.",
                who="You can correct it and try again.",
                next_step=typed("help policy-config"),
            ) from None
        if self.config is not None and policy_text.holds_secrets(written.config):
            raise refuse_typed(
                _secret_field(written.config),
                instead="Enter it in the form, or on the command line from a file: `luthien"
                f" {self._form} {self.policy} --config @file`.",
                next_step=typed(self._form),
            )
        if HIDDEN in json.dumps(written.config, default=str, ensure_ascii=False):
            raise InvalidInput(
                f"The config still holds {HIDDEN} in the place of a secret.",
                fields={"config": f"enter the value that stands behind {HIDDEN} again"},
                why="Secrets are not filled in, so they are to be entered whenever it is set.",
                who="You can enter it and try again.",
                next_step=typed(self._form),
            )
        kept = {} if self.config is not None else self._kept(written)
        return self.model_copy(update={"policy": written.class_ref}).with_secrets(kept)

    def _kept(self, written: PolicyText) -> dict[str, str]:
        """What was entered or read from a file, as it goes to the gateway."""
        places = {f"{_AT}{name}": place for name, place in written.places.items()}
        return {SECRET: json.dumps(written.config, default=str), **places}

    def _written(self) -> PolicyText:
        """Raises Unreadable."""
        given = self.secrets()
        whole = policy_text.read(given[_FILE]) if _FILE in given else policy_text.PolicyText()
        if _FILE in given and not whole.class_ref and not self.policy:
            raise policy_text.Unreadable("line 1, column 1: a policy file begins with `policy:`")
        text = self.config if self.config is not None else given.get(SECRET)
        alone = policy_text.read(text) if text is not None else whole
        kept = {n.removeprefix(_AT): at for n, at in given.items() if n.startswith(_AT)}
        places = kept or alone.places
        class_ref = alone.class_ref or whole.class_ref or self.policy or ""
        return policy_text.PolicyText(class_ref, alone.config, places)

    @property
    def _form(self) -> str:
        return f"policy-config {self.instance} set"

    # ── showing ───────────────────────────────────────────────────────────────────────────────

    async def answer(self, world: World) -> Answer:
        reached = await self._find(world)
        instance, gateways = reached.instance.name, world.use(AdministersGateways)
        if self.what == "list":
            return gateway_policy_view.known(instance, await gateways.policies(reached.gateway))
        return gateway_policy_view.in_force(instance, await gateways.policy(reached.gateway))

    async def _find(self, world: World) -> Reached:
        instance = await find_instance(world, self.instance)
        gateway = await gateway_of(world, instance)
        front = instance.front
        assert front is not None  # noqa: S101 - else there is no gateway to ask
        return Reached(instance, front, gateway)

    # ── the form ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:
        return bool(raw.get("instance")) and raw.get("what") == "set"

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        asked = cls(instance=str(raw["instance"]))
        reached = await asked._find(world)
        gateways = world.use(AdministersGateways)
        now = await gateways.policy(reached.gateway)
        known = [kind.class_ref for kind in await gateways.policies(reached.gateway)]
        return gateway_policy_view.form(reached.instance.name, now, known, raw)

    @classmethod
    def filled(cls, raw: Mapping[str, Any], entered: Mapping[str, str]) -> dict[str, Any]:
        fields = {k: v for k, v in raw.items() if k not in ("policy", "config")}
        return {
            **fields,
            "policy": entered.get("policy", ""),
            "sealed": {SECRET: entered.get("config", "")},
        }

    # ── changing ──────────────────────────────────────────────────────────────────────────────

    async def plan(self, world: World) -> Plan:
        reached = await self._find(world)
        now = await world.use(AdministersGateways).policy(reached.gateway)
        if self.what == "undo":
            wanted = await before(world, reached, now, self.policy or "")
            return await planned(world, reached, now, wanted, {})
        written = self._written()
        wanted = await wished(world, reached, written)
        return await planned(world, reached, now, wanted, written.places)


def _secret_field(config: Mapping[str, Any]) -> str:
    return next(name for name, value in config.items() if policy_text.holds_secrets({name: value}))
