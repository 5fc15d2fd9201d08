"""Faults in what was typed, in people's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import InvalidInput

if TYPE_CHECKING:
    from pydantic import ValidationError

    from engine.command import Command

_REASONS = {
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "bool_parsing": "is on or off",
    "string_type": "should be text",
    "string_too_short": "should have at least {min_length} characters",
    "string_too_long": "should have at most {max_length} characters",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
    "greater_than": "should be more than {gt}",
    "less_than": "should be less than {lt}",
    "literal_error": "should be one of {expected}",
    "enum": "should be one of {expected}",
    "string_pattern_mismatch": "is not of the right form",
}
"""Faults in people's words, by pydantic's own name for them."""


def invalid_input(cls: type[Command], error: ValidationError) -> InvalidInput:
    fields: dict[str, str] = {}
    missing = True
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else "command"
        if fault["type"] == "missing":
            reason = "is needed"
        elif fault["type"] == "extra_forbidden":
            reason, missing = "is not an argument of this command", False
        else:
            context = fault.get("ctx", {})
            known = _REASONS.get(fault["type"], "").format(**context)
            reason = known or str(context.get("error") or fault["msg"].replace("Input ", ""))
            missing = False
        fields.setdefault(name, reason)
    listed = "; ".join(f"{name} {reason}" for name, reason in fields.items())
    return InvalidInput(
        f"`{cls.name}` cannot be done as typed: {listed}.",
        fields=fields,
        missing=missing,
        why="Nothing was asked of any vendor yet.",
        who="You can type it again.",
        next_step=f"/luthien {cls.examples[0] if cls.examples else cls.usage()}",
    )


def check_length(line: str, most: int, *, instead: str = "") -> None:
    """Before a line is understood: that takes longer the longer it is. `instead`: a sentence on
    what can be done with more. Raises InvalidInput."""
    if len(line) > most:
        raise InvalidInput(
            f"This is longer than a command line may be: {len(line):,} characters.",
            why=f"At most {most:,} are read, so nothing was done.",
            who=f"You can type a shorter one. {instead}".strip(),
            next_step="/luthien help",
        )
