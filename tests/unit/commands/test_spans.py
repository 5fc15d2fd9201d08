"""Spans of time as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from commands.spans import Span, length

CHECKED: TypeAdapter[str] = TypeAdapter(Span)


@pytest.mark.parametrize(
    ("typed", "kept", "long"),
    [
        ("10m", "10m", timedelta(minutes=10)),
        (" 90S ", "90s", timedelta(seconds=90)),
        ("5 min", "5min", timedelta(minutes=5)),
        ("2h", "2h", timedelta(hours=2)),
        ("7d", "7d", timedelta(days=7)),
        ("2w", "2w", timedelta(weeks=2)),
    ],
)
def test_understood(typed: str, kept: str, long: timedelta) -> None:
    assert CHECKED.validate_python(typed) == kept
    assert length(kept) == long


@pytest.mark.parametrize("typed", ["", "7", "d", "0d", "-1d", "1.5h", "yesterday", "99999d", "1y"])
def test_not_understood(typed: str) -> None:
    with pytest.raises(ValidationError):
        CHECKED.validate_python(typed)
