"""Takes secrets out of text that a vendor wrote: log lines, error messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HIDDEN = "•••"

_SECRET_NAME = (
    r"(?:(?<![a-z])keys?(?![a-z])|api_?key|token|secret|passw|pwd|credential|dsn|webhook)"
)
SECRET_NAME = re.compile(_SECRET_NAME, re.IGNORECASE)
"""Fits the name of a variable whose value is nobody's business."""

_SHORTEST = 6
"""Shorter values are no secrets, and masking them would make text unreadable."""

_USER = r"(://[^\s:/@]{0,100}:)"
"""Of an address. What repeats has a length, so that time grows with a text and not its square."""

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # postgresql://user:password@host
    (re.compile(rf"{_USER}[^\s@]{{1,200}}(@)"), rf"\1{HIDDEN}\2"),
    # Authorization: Bearer abc
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # API_KEY=abc, "password": "abc"
    (
        re.compile(
            rf"({_SECRET_NAME}[\w-]{{0,60}}[\"']?\s*[=:]\s*[\"']?)[^\s\"',;}}]{{4,}}",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # Keys that announce themselves: sk-ant-…, xoxb-…, ghp_…
    (re.compile(r"\b(?:sk|pk|rk|xox[a-z]|xapp|gh[a-z]|github_pat)[-_][\w-]{8,}"), HIDDEN),
)


_PASSWORD = re.compile(rf"{_USER}(?P<password>[^\s@]{{1,200}})@")


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without these secrets, without anything that looks like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def secrets_of(variables: Mapping[str, str]) -> set[str]:
    """The values of variables that have to be hidden, passwords inside of URLs among them."""
    found = {value for name, value in variables.items() if SECRET_NAME.search(name)}
    for value in variables.values():
        found |= {m["password"] for m in _PASSWORD.finditer(value)}
    return {value for value in found if len(value) >= _SHORTEST}
