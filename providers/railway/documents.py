"""The GraphQL documents: one operation per file, shared fragments beside them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("documents")
_OPERATION = re.compile(r"^(query|mutation)\s+(\w+)", re.MULTILINE)
_SPREAD = re.compile(r"\.\.\.\s*(?!on\b)(\w+)")


@dataclass(frozen=True)
class Document:
    name: str
    """The operation's name, and the file's."""
    text: str
    """With every fragment that it spreads."""
    writes: bool


@cache
def document(name: str) -> Document:
    """By operation name. Raises FileNotFoundError."""
    text = (FOLDER / f"{name}.graphql").read_text()
    operation = _OPERATION.search(text)
    if operation is None or operation[2] != name:
        raise ValueError(f"{name}.graphql does not hold an operation of this name")
    return Document(name, _with_fragments(text), operation[1] == "mutation")


def _with_fragments(text: str) -> str:
    parts, wanted = [text], _SPREAD.findall(text)
    included: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in included:
            continue
        included.add(name)
        fragment = (FOLDER / "fragments" / f"{name}.graphql").read_text()
        parts.append(fragment)
        wanted += _SPREAD.findall(fragment)
    return "\n".join(parts)
