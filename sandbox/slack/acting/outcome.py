"""How the app took something, in the words of the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.control import ControlError

if TYPE_CHECKING:
    from sandbox.slack.delivery import Outcome
    from sandbox.slack.records import Json
    from sandbox.slack.world import World


def shown(outcome: Outcome) -> Json:
    """How the app took it, for whoever drives the sandbox."""
    return {
        "ack_ms": outcome.ack_ms,
        "status": outcome.status,
        "body": outcome.problem or outcome.body,
    }


async def interact(world: World, payload: Json) -> Outcome:
    """Send an interaction, if the app's manifest switched interactivity on."""
    if not world.app.interactive:
        raise ControlError("This app is not configured to handle interactive responses.")
    return await world.deliveries.interaction(payload)
