"""What is offered for an instance whose deletion is scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.actor import Role
from engine.answer import Offer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from commands.instances import Instance
    from engine.actor import Actor

MOST_OFFERS = 5
"""Buttons that do not crowd an answer out."""


def keep_offer(name: str, *, label: str = "Keep it") -> Offer:
    return Offer(label=label, line=f"cancel-delete {name}", style="primary")


def keep_offers(
    instances: Iterable[Instance], actor: Actor, *, most: int = MOST_OFFERS
) -> tuple[Offer, ...]:
    """One for each scheduled instance, the next to be deleted first; none for whoever may not."""
    if actor.role < Role.DEPLOYER:
        return ()
    scheduled = [(i.deletion_at, i.name) for i in instances if i.deletion_at is not None]
    return tuple(keep_offer(name, label=f"Keep {name}") for _, name in sorted(scheduled)[:most])
