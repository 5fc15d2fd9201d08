"""A plan as an answer: what `--plan` shows on every door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answer import Answer, Fact, Facts, Offer, Offers, Table, Text
from engine.command import stands_in_line
from engine.words import duration

if TYPE_CHECKING:
    from engine.answer import Part
    from engine.command import Change
    from engine.plan import Plan
    from engine.registry import Registry
    from engine.store.estimates import Estimate


_AGAIN = "To do it, enter the secret values again without the preview: they were not kept."


def preview(plan: Plan, command: Change, expected: Estimate) -> Answer:
    """Steps, names, expected duration and monthly cost; nothing was changed."""
    facts = [Fact(label="Expected duration", value=f"about {duration(expected.whole)}")]
    if plan.monthly_cost_usd is not None:
        facts.append(
            Fact(label="Expected cost", value=f"about ${plan.monthly_cost_usd:.2f} a month")
        )
    numbers = {step.key: str(number) for number, step in enumerate(plan.steps, 1)}
    rows = tuple(
        (
            numbers[step.key],
            step.describe(),
            duration(expected.steps[step.key]),
            ", ".join(sorted((numbers[key] for key in step.after), key=int)),
        )
        for step in plan.steps
    )
    changes = [Text(text="\n".join(["*Changes*", *plan.changes]))] if plan.changes else []
    return Answer(
        title=f"Plan: {plan.title}. Nothing was changed.",
        parts=(
            *changes,
            Facts(facts=tuple(facts)),
            Table(columns=("#", "Step", "Takes", "After"), rows=rows),
            *(Text(text=note) for note in plan.notes),
            *_ways_on(command),
        ),
        data={"plan": plan.as_json() | {"digest": plan.digest()}},
    )


def _ways_on(command: Change) -> tuple[Part, ...]:
    if command.secrets():
        return (Text(text=_AGAIN),)
    return (Offers(offers=(Offer(label="Do it", line=command.line(), style="primary"),)),)


def impatient(said: Answer, registry: Registry) -> Answer:
    """The same, going on as it was asked: what would have to wait in line is refused."""
    parts: list[Part] = []
    for part in said.parts:
        if isinstance(part, Offers):
            kept = tuple(_impatient(offer, registry) for offer in part.offers)
            parts.append(part.model_copy(update={"offers": kept}))
        else:
            parts.append(part)
    return said.model_copy(update={"parts": tuple(parts)})


def _impatient(offer: Offer, registry: Registry) -> Offer:
    name = offer.line.partition(" ")[0]
    if not any(c.name == name and stands_in_line(c) for c in registry.commands):
        return offer
    return offer.model_copy(update={"line": f"{offer.line} --no-wait"})
