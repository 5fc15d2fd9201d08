"""Which text may be a secret, told from names and looks alone. In doubt it is one. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import SecretTyped

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(
    r"(^|_)(API_?KEYS?|KEY|TOKENS?|SECRETS?|PASS(WORD|WD|PHRASE)?|PWD|CREDENTIALS?|DSN|PRIVATE"
    r"|SALT|COOKIE|SIGNATURE)(_|$)"
    r"|(DATABASE|REDIS|POSTGRES|PG|MYSQL|MONGO(DB)?|AMQP|WEBHOOK)_(URL|URI)$",
    re.IGNORECASE,
)
_VENDORS = re.compile(
    r"\b(sk-|sk_(live|test)_|rk_live_|pk-lf-|xox[a-z]-|xapp-|gh[pousr]_|github_pat_|glpat-|AKIA"
    r"|AIza|hf_|ya29\.|npm_|pypi-|dckr_pat_)[A-Za-z0-9_-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,400}\.[A-Za-z0-9_-]{8,}\."
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@]*:[^/\s@{}]+@"
    r"|hooks\.slack\.com/(services|workflows|triggers)/\w"
)
"""Prefixes that vendors give to their keys, so that scanners find them."""
_LONG_WORD = re.compile(r"[A-Za-z0-9+=]{20,}")
"""With a digit and a letter no word of any language, and no model's or branch's name: those have
hyphens."""
NAMELESS = "?"

_HARMLESS = re.compile(r"true|false|on|off|yes|no|\d{1,7}(\.\d{1,4})?", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{\{[^{}$]+\}\}")
_ASSIGNED = re.compile(r"(?<!\w)(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)


def is_reference(value: str) -> bool:
    """One whole reference, as the host writes them: it names a value and is none."""
    return _REFERENCE.fullmatch(value) is not None


def is_harmless(value: str) -> bool:
    """Nothing, a switch, a number or a reference: no secret whatever its name."""
    return not value or is_reference(value) or _HARMLESS.fullmatch(value) is not None


def names_a_secret(name: str) -> bool:
    """`FOO_API_KEY`, `password`, `WEBHOOK_URL`."""
    return _NAME.search(name) is not None


def bears_a_key(value: str) -> bool:
    """A vendor's key, or a password in an address."""
    return not is_reference(value) and _VENDORS.search(value) is not None


def looks_secret(value: str) -> bool:
    """It bears a key, or a long opaque word."""
    if is_harmless(value):
        return False
    return bears_a_key(value) or any(map(_opaque, _LONG_WORD.findall(value)))


def _opaque(word: str) -> bool:
    return any(c.isdigit() for c in word) and any(c.isalpha() for c in word)


def secret_in(words: Iterable[str]) -> str:
    """The name under which the first of these words may hold a secret, NAMELESS where it has
    none; empty when none does."""
    for word in words:
        assigned = _ASSIGNED.fullmatch(word)
        if assigned is None:
            if _VENDORS.search(word):
                return NAMELESS
            continue
        name, value = assigned["name"], assigned["value"]
        if is_harmless(value):
            continue
        if looks_secret(value) or (name.isupper() and names_a_secret(name)):
            return name
    return ""


def refuse_typed(name: str, *, instead: str, next_step: str) -> SecretTyped:
    """The refusal. `instead` says where the value is to be given, `next_step` leads there."""
    what = f"The value of `{name}`" if name != NAMELESS else "What you typed"
    return SecretTyped(
        f"{what} may be a secret, and it was typed in the open.",
        why="It was not kept, not logged and sent nowhere. But it may stay in the history of your"
        " client or shell: take it for leaked, revoke it where it was issued, and make a new one.",
        who=instead,
        next_step=next_step,
    )
