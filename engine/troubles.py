"""Why a step did not get done, as it is kept and told."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from engine.run import Trouble
from engine.step import StepFailed

if TYPE_CHECKING:
    from engine.errors import ProviderError, Refused, Rejected
    from engine.step import Step

_log = logging.getLogger(__name__)


def said_no(error: StepFailed | Rejected | Refused, step: Step) -> Trouble:
    """The world said no."""
    detail = error.detail if isinstance(error, StepFailed) else {}
    return Trouble(
        step=step.key,
        step_title=step.describe(),
        summary=error.summary,
        why=error.why,
        next_step=error.next_step,
        link=error.link,
        code=error.code,
        phase=str(detail.get("phase", "")),
        log=tuple(str(line) for line in detail.get("log", ())),
    )


def in_doubt(error: ProviderError, step: Step) -> Trouble:
    """We could not do it, or do not know what happened."""
    return Trouble(
        step=step.key,
        step_title=step.describe(),
        summary=error.summary,
        why=error.why or "It was tried several times; what happened at the vendor is not known.",
        next_step=error.next_step,
        code=error.code,
    )


def incident(error: Exception, run_id: str, what: str, key: str = "") -> Trouble:
    """Our bug: people get an id, the log gets the trace."""
    name = f"inc-{secrets.token_hex(4)}"
    _log.error("incident %s in run %s: %s", name, run_id, what, exc_info=error)
    return Trouble(
        step=key,
        step_title=what,
        summary="Something in luthien-ops itself went wrong.",
        why=f"An error that nobody expected ({type(error).__name__}).",
        next_step=f"Give incident {name} to whoever runs luthien-ops; the log has the trace.",
        code="bug",
        incident=name,
    )
