"""Secrets that people type where everybody's client keeps them are not taken. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import grammar
from engine.errors import OpsError
from engine.secrecy import refuse_typed, secret_in
from engine.words import typed

if TYPE_CHECKING:
    from engine.registry import Registry


def refuse_secrets(said: str, registry: Registry) -> None:
    """Raises SecretTyped for words that may hold a secret, before they are understood: a misspelt
    command gives nothing away either. What comes next is the same line without them, as a form."""
    try:
        words = [word.text for word in grammar.split(said)]
    except OpsError:  # a quote that is never closed
        words = said.split()
    name = secret_in(words)
    if not name:
        return
    rest = [word for word in words if not secret_in([word])]
    line = " ".join(word for word in rest if "=" not in word and not word.startswith("-"))
    line = line.removeprefix("/luthien").strip()
    if _takes_secrets(line, registry):
        raise refuse_typed(name, instead="Enter the new one in the form.", next_step=typed(line))
    raise refuse_typed(
        name,
        instead="Secrets are entered in the form of `config`.",
        next_step=typed("help config"),
    )


def _takes_secrets(line: str, registry: Registry) -> bool:
    try:
        wish = grammar.read(line, registry, escaped=False)
    except OpsError:
        return False
    return bool(wish.command.confidential()) and wish.command.has_form(wish.raw)
