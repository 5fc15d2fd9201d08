"""Show and set what an instance's gateway does with the messages that pass it."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SecretStr

from commands import policy_text
from commands.gateway import ADMIN_KEY, gateway_of
from commands.instances import BLUEPRINT, find_instance, instance_lock
from commands.names import KnownInstance
from commands.redaction import HIDDEN
from commands.steps.places import Place
from commands.steps.set_policy import SECRET, SetPolicy
from engine.actor import Role
from engine.answer import Answer, Code, Fact, Facts, Offer, Offers, Table, Text
from engine.capabilities import AdministersGateways, GatewayPolicy, RunsServices
from engine.command import Argument, Change, Completes, Confidential, Risk
from engine.errors import InvalidInput, NotFound, PlanStale, Refused
from engine.form import Form, Group, Input
from engine.plan import Plan, critical_path
from engine.secrecy import refuse_typed
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.instances import Instance
    from commands.policy_text import PolicyText
    from engine.capabilities import GatewayAccess, PolicyKind, Service
    from engine.situation import Situation
    from engine.world import World

_SET = "policy"
_FILE = "policy"
_AT = "at:"
"""Before the names under which it is kept where each field stood in what was written."""
_LONGEST = 3_000
"""Characters that fit into one input of a form."""
_LASTS = "POLICY_SOURCE is file: the gateway reads its own file again when it starts anew."


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
        instance, _, gateway = await self._find(world)
        gateways = world.use(AdministersGateways)
        if self.what == "list":
            return self._listed(instance, await gateways.policies(gateway))
        now = await gateways.policy(gateway)
        text = policy_text.written(now.config)
        facts = [Fact(label="Policy", value=_short(now.class_ref))]
        facts.append(Fact(label="Class", value=now.class_ref))
        facts += [Fact(label="Set by", value=now.set_by)] if now.set_by else []
        offers = [
            Offer(label="Change policy", line=self._form, form=True, style="primary"),
            Offer(label="What there is", line=f"policy-config {instance.name} list"),
        ]
        return Answer(
            title=f"Policy of {instance.name}: {_short(now.class_ref)}",
            parts=(
                Facts(facts=tuple(facts)),
                Code(title="Config", text=text) if text else Text(text="It has no config."),
                Offers(offers=tuple(offers)),
            ),
            data={
                "name": instance.name,
                "class": now.class_ref,
                "config": policy_text.hidden(now.config),
                "set_by": now.set_by or None,
            },
        )

    def _listed(self, instance: Instance, known: Sequence[PolicyKind]) -> Answer:
        return Answer(
            title=f"Policies that the gateway of {instance.name} knows",
            parts=(
                Table(
                    columns=("Policy", "What it does", "Class"),
                    rows=tuple((_short(k.class_ref), k.description, k.class_ref) for k in known),
                ),
                Offers(
                    offers=(Offer(label="In force", line=f"policy-config {instance.name}"),),
                ),
            ),
            data={
                "name": instance.name,
                "policies": [{"class": k.class_ref, "about": k.description} for k in known],
            },
        )

    async def _find(self, world: World) -> tuple[Instance, Service, GatewayAccess]:
        blueprint = world.blueprint(BLUEPRINT)
        instance = await find_instance(world, self.instance)
        gateway = await gateway_of(world, instance, blueprint)
        front = instance.front(blueprint)
        assert front is not None  # noqa: S101 - else there is no gateway to ask
        return instance, front, gateway

    # ── the form ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:
        return bool(raw.get("instance")) and raw.get("what") == "set"

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        asked = cls(instance=str(raw["instance"]))
        instance, _, gateway = await asked._find(world)
        gateways = world.use(AdministersGateways)
        now = await gateways.policy(gateway)
        known = [k.class_ref for k in await gateways.policies(gateway)]
        known = list(dict.fromkeys([*known, now.class_ref]))
        wanted = _resolved(str(raw.get("policy") or ""), known) or now.class_ref
        text = policy_text.written(now.config) if wanted == now.class_ref else ""
        if len(text) > _LONGEST:
            raise Refused(
                f"The policy's config is too long for a form: {len(text):,} characters.",
                why=f"A form takes {_LONGEST:,} at most.",
                who="It can be set on the command line from a file:"
                f" `luthien policy-config {instance.name} set @policy.yaml`.",
                next_step=typed(f"policy-config {instance.name}"),
            )
        names = {ref: _short(ref) if _resolved(_short(ref), known) else ref for ref in known}
        return Form(
            title=f"Policy of {instance.name}",
            intro="It is in force as soon as the gateway has taken it; nothing is deployed.",
            groups=(
                Group(
                    title="",
                    inputs=(
                        Input(
                            name="policy",
                            label="Policy",
                            kind="choice",
                            value=names[wanted],
                            choices=tuple(names.values()),
                            required=True,
                            always=True,
                        ),
                        Input(
                            name="config",
                            label="Config",
                            hint="YAML, one “name: value” a line. Empty: no config.",
                            kind="lines",
                            value=str(raw.get("config") or text),
                            placeholder="probability_threshold: 0.7",
                            always=True,
                        ),
                    ),
                ),
            ),
        )

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
        instance, front, gateway = await self._find(world)
        gateways = world.use(AdministersGateways)
        now = await gateways.policy(gateway)
        if self.what == "undo":
            wanted, written = await self._back(world, instance, now), policy_text.PolicyText()
        else:
            written = self._written()
            known = [k.class_ref for k in await gateways.policies(gateway)]
            class_ref = _resolved(written.class_ref, known)
            if not class_ref:
                raise self._unknown(written.class_ref, known)
            wanted = GatewayPolicy(class_ref, written.config)
        changes = _changes(now, wanted)
        if not changes:
            raise Refused(
                f"Nothing would change: `{instance.name}` has this policy already.",
                why=f"{_short(now.class_ref)} is in force with the same config.",
                who="Anybody may look at it.",
                next_step=typed(f"policy-config {instance.name}"),
            )
        secret = policy_text.holds_secrets(wanted.config)
        before_secret = policy_text.holds_secrets(now.config)
        step = SetPolicy(
            key=_SET,
            space=Place.of(instance.space),
            service=front.id,
            url=front.url,
            key_variable=ADMIN_KEY,
            class_ref=wanted.class_ref,
            config=None if secret else dict(wanted.config),
            seen_class=now.class_ref,
            before=None if before_secret else _json(now),
            places=written.places,
            by=world.actor.key,
            said="; ".join(changes),
        )
        there = await world.use(RunsServices).resolved_variables(instance.space, front.id)
        notes = [_LASTS] if there.get("POLICY_SOURCE") == "file" else []
        if before_secret or secret:
            notes.append("There is no Undo: the config holds secrets, which are kept nowhere.")
        undo = "" if before_secret or secret else f"{self.name} {instance.name} undo"
        return Plan(
            title=f"Set the policy of {instance.name}",
            subject=instance.name,
            steps=(step,),
            changes=tuple(changes),
            risk=self.risk,
            expected=critical_path((step,)),
            notes=(*notes, "It is in force at once; nothing is deployed."),
            outcome={
                "name": instance.name,
                "project_id": instance.space.id,
                "policy": wanted.class_ref,
                "summary": "; ".join(changes),
            },
            undo=f"{undo} {world.run_id}" if undo else "",
            closing=" ".join(notes),
        )

    async def _back(self, world: World, instance: Instance, now: GatewayPolicy) -> GatewayPolicy:
        run = await world.control.show(self.policy or "")
        done = next((s.result for s in run.steps if s.kind == SetPolicy.kind), {})
        before, after = done.get("before"), done.get("after")
        if run.subject != instance.name or not before or not after:
            raise NotFound(
                f"Run `{run.id}` leaves nothing to undo in the policy of `{instance.name}`.",
                why=f"It is about {run.subject or 'something else'}."
                if run.subject != instance.name
                else "It has set no policy, or one with secrets, which are kept nowhere.",
                who="Anybody may look at it.",
                next_step=typed(f"run {run.id}"),
            )
        if _json(now) != after:
            raise PlanStale(
                "That can no longer be undone: the policy was changed since.",
                why=f"{_short(now.class_ref)} is in force now.",
                who="Whoever may deploy can set it anew.",
                next_step=typed(f"policy-config {instance.name}"),
            )
        return GatewayPolicy(before["class"], before["config"])

    def _unknown(self, wanted: str, known: Sequence[str]) -> NotFound:
        shorts = [_short(ref) for ref in known]
        near = difflib.get_close_matches(_short(wanted), shorts, n=3, cutoff=0.5) or shorts[:5]
        return NotFound(
            f"The gateway of `{self.instance}` knows no policy `{wanted}`.",
            why=f"It knows {listed([f'`{name}`' for name in near])}."
            if near
            else "It tells of none.",
            who="Anybody may list them.",
            next_step=typed(f"policy-config {self.instance} list"),
        )


def _secret_field(config: Mapping[str, Any]) -> str:
    return next(name for name, value in config.items() if policy_text.holds_secrets({name: value}))


def _short(class_ref: str) -> str:
    return class_ref.rpartition(":")[2]


def _resolved(wanted: str, known: Sequence[str]) -> str:
    """The whole reference of a class that may be named without its module; empty: not known."""
    if wanted in known:
        return wanted
    fits = [ref for ref in known if _short(ref).lower() == wanted.lower()]
    return fits[0] if len(fits) == 1 else ""


def _changes(now: GatewayPolicy, wanted: GatewayPolicy) -> list[str]:
    lines = []
    if now.class_ref != wanted.class_ref:
        lines.append(f"~ policy: {_short(now.class_ref)} → {_short(wanted.class_ref)}")
    return lines + policy_text.difference(now.config, wanted.config)


def _json(policy: GatewayPolicy) -> dict[str, Any]:
    return {"class": policy.class_ref, "config": dict(policy.config)}
