"""Spans of time as people type them: `10m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_LONGEST = timedelta(days=3650)


def _checked(text: str) -> str:
    short = text.strip().lower().replace(" ", "")
    found = re.fullmatch(rf"(\d{{1,9}})({'|'.join(_UNITS)})", short)
    if found is None or int(found[1]) == 0:
        raise ValueError("must be a number with a unit, e.g. 10m, 2h or 7d")
    if int(found[1]) * _UNITS[found[2]] > _LONGEST:
        raise ValueError("may be ten years at most")
    return short


Span = Annotated[str, AfterValidator(_checked)]
"""Kept as it was typed, so that a command line says it again."""


def length(span: str) -> timedelta:
    """How long a checked span is."""
    number = re.match(r"\d+", span)
    assert number, span  # noqa: S101 (it was checked when it was typed)
    return int(number[0]) * _UNITS[span[number.end() :]]
