"""Which characters are text. Whatever comes from outside is held to it at its door: refused where
a person can type it again, left out where nobody can (a vendor's answer).

Source: the Unicode Standard, control characters, surrogates, noncharacters ("for internal use").
"""

from __future__ import annotations

import json
import re
from typing import Any

_NO_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""Tabs and line ends are text. Databases, terminals and clients choke on the others, or obey."""


def no_text(value: object, *, deep: int = 4) -> str:
    """The first character that is no text, in a text or in what a list or dict holds, as in
    `U+0000`; empty: there is none. Deeper than `deep` nothing of ours is nested."""
    if isinstance(value, str):
        found = _NO_TEXT.search(value)
        return f"U+{ord(found.group()):04X}" if found else ""
    if deep and isinstance(value, dict):
        return no_text([*value, *value.values()], deep=deep - 1)
    if deep and isinstance(value, list | tuple):
        return next((odd for one in value if (odd := no_text(one, deep=deep - 1))), "")
    return ""


def only_text(text: str) -> str:
    """The same without what is no text."""
    return _NO_TEXT.sub("", text)


_ESCAPED = re.compile(rb"\\u(?:00[01]|007f|00[89]|d[89a-f]|fd[de]|fff[ef])", re.IGNORECASE)
"""What JSON can spell without holding it."""


def json_of_text(content: bytes) -> Any:
    """JSON from outside, whose texts are text. Raises ValueError or RecursionError."""
    known = json.loads(only_text(content.decode()))
    return _cleaned(known) if _ESCAPED.search(content) else known


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return only_text(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    if isinstance(value, dict):
        return {only_text(key): _cleaned(one) for key, one in value.items()}
    return value
