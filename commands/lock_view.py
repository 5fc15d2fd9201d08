"""How locks and lines are shown: the same words for every command that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.answer import Fact
from engine.words import ago, moment, ordinal

if TYPE_CHECKING:
    from engine.locks import Hold
    from engine.world import World


def hold_fact(world: World, hold: Hold) -> Fact:
    value = f"by {hold.by.name} {ago(hold.since, world.now())}: {hold.reason}"
    return Fact(label="Locked", value=value)


async def line_facts(world: World, lock: str) -> list[Fact]:
    """One for each run in line."""
    facts = []
    for run in await world.locks.line(lock):
        stands = run.in_line
        if stands is None:
            continue
        when = f", expected at {stands.expected_at:%H:%M} UTC" if stands.expected_at else ""
        facts.append(
            Fact(
                label=f"{ordinal(stands.place)} in line",
                value=f"{run.line}, by {run.actor.name}{when}",
                url=run.thread_url,
            )
        )
    return facts


def hold_json(hold: Hold) -> dict[str, Any]:
    return {
        "instance": hold.subject,
        "by": hold.by.key,
        "reason": hold.reason,
        "since": hold.since.isoformat(),
        "words": f"locked by {hold.by.name} since {moment(hold.since)}: {hold.reason}",
    }
