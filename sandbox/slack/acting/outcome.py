"""How the app took something, in the words of the controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.slack.delivery import Outcome
    from sandbox.slack.records import Json


def shown(outcome: Outcome) -> Json:
    """How the app took it, for whoever drives the sandbox."""
    return {
        "ack_ms": outcome.ack_ms,
        "status": outcome.status,
        "body": outcome.problem or outcome.body,
    }
