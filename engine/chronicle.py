"""What the product does, as lines of its log: one place for each fact, one line for each time.

A line is a few fixed words; whatever differs is in fields beside `run`, `actor` and `request`, so
that a run's whole life is found by its id, and a wish's by its own. No field holds what a person
typed in confidence: commands are named as the audit names them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.errors import OpsError

_log = logging.getLogger("luthien")

Field = str | float | bool
"""Empty text is left out."""


def _line(level: int, words: str, fields: dict[str, Field]) -> None:
    if _log.isEnabledFor(level):
        _log.log(level, words, extra={"fields": {k: v for k, v in fields.items() if v != ""}})


def accepted(*, door: str, command: str, actor: str, request: str) -> None:
    """A delivery that is durable now."""
    _line(
        logging.INFO,
        "delivery accepted",
        {"door": door, "command": command, "actor": actor, "request": request},
    )


def refused(error: OpsError, *, actor: str, command: str = "", request: str = "") -> None:
    """`command` is its name alone: what was refused may be a secret typed in the wrong place."""
    _line(
        logging.INFO,
        "command refused",
        {"command": command, "code": error.code, "actor": actor, "request": request},
    )


def run(level: int, state: str, **fields: Field) -> None:
    """It has come to this state, and that is durable."""
    _line(level, f"run {state.replace('_', ' ')}", {"state": state, **fields})


def step_begun(step: str, kind: str) -> None:
    _line(logging.DEBUG, "step begun", {"step": step, "kind": kind})


def step_ended(step: str, kind: str, **fields: Field) -> None:
    _line(logging.INFO, "step ended", {"step": step, "kind": kind, **fields})


def vendor_failed(
    vendor: str, call: str, outcome: str, seconds: float, *, passing: bool = False
) -> None:
    """A request to a vendor that was not answered as hoped; `passing`: not yet, as it happens
    whenever something new is asked for too early."""
    _line(
        logging.DEBUG if passing else logging.WARNING,
        "vendor call failed",
        {"vendor": vendor, "call": call, "outcome": outcome, "ms": round(seconds * 1000)},
    )


def answered(**fields: Field) -> None:
    """A request of the HTTP doors."""
    _line(logging.INFO, "request answered", fields)
