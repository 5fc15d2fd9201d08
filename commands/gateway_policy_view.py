"""A gateway's policy as it is shown: what is in force, what there is, the form that sets it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from commands import policy_text
from engine.answer import Answer, Code, Fact, Facts, Offer, Offers, Table, Text
from engine.errors import Refused
from engine.form import Form, Group, Input
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.capabilities import GatewayPolicy, PolicyKind

LONGEST = 3_000
"""Characters that fit into one input of a form."""


def in_force(instance: str, now: GatewayPolicy) -> Answer:
    text = policy_text.written(now.config)
    facts = [Fact(label="Policy", value=short(now.class_ref))]
    facts.append(Fact(label="Class", value=now.class_ref))
    facts += [Fact(label="Set by", value=now.set_by)] if now.set_by else []
    offers = [
        Offer(
            label="Change policy", line=f"policy-config {instance} set", form=True, style="primary"
        ),
        Offer(label="What there is", line=f"policy-config {instance} list"),
    ]
    return Answer(
        title=f"Policy of {instance}: {short(now.class_ref)}",
        parts=(
            Facts(facts=tuple(facts)),
            Code(title="Config", text=text) if text else Text(text="It has no config."),
            Offers(offers=tuple(offers)),
        ),
        data={
            "name": instance,
            "class": now.class_ref,
            "config": policy_text.hidden(now.config),
            "set_by": now.set_by or None,
        },
    )


def known(instance: str, known: Sequence[PolicyKind]) -> Answer:
    return Answer(
        title=f"Policies that the gateway of {instance} knows",
        parts=(
            Table(
                columns=("Policy", "What it does", "Class"),
                rows=tuple((short(k.class_ref), k.description, k.class_ref) for k in known),
            ),
            Offers(
                offers=(Offer(label="In force", line=f"policy-config {instance}"),),
            ),
        ),
        data={
            "name": instance,
            "policies": [{"class": k.class_ref, "about": k.description} for k in known],
        },
    )


def form(instance: str, now: GatewayPolicy, known: Sequence[str], raw: Mapping[str, Any]) -> Form:
    """Filled in with what is in force, or was typed already. Raises Refused where that is too
    long."""
    known = list(dict.fromkeys([*known, now.class_ref]))
    wanted = resolved(str(raw.get("policy") or ""), known) or now.class_ref
    text = policy_text.written(now.config) if wanted == now.class_ref else ""
    if len(text) > LONGEST:
        raise Refused(
            f"The policy's config is too long for a form: {len(text):,} characters.",
            why=f"A form takes {LONGEST:,} at most.",
            who="It can be set on the command line from a file:"
            f" `luthien policy-config {instance} set @policy.yaml`.",
            next_step=typed(f"policy-config {instance}"),
        )
    names = {ref: short(ref) if resolved(short(ref), known) else ref for ref in known}
    return Form(
        title=f"Policy of {instance}",
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


def short(class_ref: str) -> str:
    return class_ref.rpartition(":")[2]


def resolved(wanted: str, known: Sequence[str]) -> str:
    """The whole reference of a class that may be named without its module; empty: not known."""
    if wanted in known:
        return wanted
    fits = [ref for ref in known if short(ref).lower() == wanted.lower()]
    return fits[0] if len(fits) == 1 else ""
