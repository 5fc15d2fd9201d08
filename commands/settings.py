"""What may be set of an instance: known variables are typed and checked, secrets told apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from commands.redaction import HIDDEN, shown
from engine.form import Input
from engine.secrecy import (
    bears_a_key,
    is_harmless,
    is_reference,
    looks_secret,
    names_a_secret,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.blueprint import ServiceSpec, Variable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRUE = ("true", "on", "yes", "1")
_FALSE = ("false", "off", "no", "0")
_LONGEST_SHOWN = 60
OURS = ("{instance}", "{run}")
"""Values at creation of the variables that tell us what an instance is."""


def known_name(spec: ServiceSpec, name: str) -> str:
    """As the blueprint writes it. Raises ValueError for what no variable can be called."""
    if not _NAME.fullmatch(name):
        raise ValueError("is no name of a variable: letters, digits and _ make one")
    return name.upper() if name.upper() in spec.variables else name


def is_mark(variable: Variable | None) -> bool:
    """One that we read ourselves to know what the instance is."""
    return variable is not None and variable.value in OURS


def keeper(spec: ServiceSpec, name: str) -> str:
    """Why this variable is not set by hand; empty when it may be."""
    variable = spec.variables.get(name)
    if variable is None:
        return ""
    if variable.kept_by:
        return variable.kept_by
    if is_mark(variable):
        return "says which instance this is, so it stays as it is"
    if variable.generated is not None or variable.same_as is not None:
        return "is a generated key: `rotate` makes a new one"
    return ""


def may_be_edited(spec: ServiceSpec, name: str) -> bool:
    """Whether a form offers it: neither kept nor part of the wiring."""
    return not keeper(spec, name) and not spec.variables[name].wiring


def is_open(spec: ServiceSpec, name: str, value: str) -> bool:
    """Whether a value may stand where people read it. An unknown variable's may only when it can
    be no secret."""
    variable = spec.variables.get(name)
    if is_harmless(value):
        return True
    if variable is not None:
        return not spec.hides(name) and not bears_a_key(value)
    return False


def is_secret(spec: ServiceSpec, name: str, value: str) -> bool:
    """Whether typing this value gives a secret away; an unknown variable's does when its name or
    its looks say so."""
    if HIDDEN[0] * 3 in value:
        return True
    if name in spec.variables:
        return not is_open(spec, name, value)
    return not is_harmless(value) and (names_a_secret(name) or looks_secret(value))


def normal(variable: Variable | None, value: str) -> str:
    """The value as the gateway reads it. Raises ValueError with the reason."""
    if "\x00" in value:
        raise ValueError("must not hold a NUL character")
    if variable is None or is_reference(value):
        return value
    if not value.strip():
        raise ValueError("must not be empty; `unset` removes it")
    if variable.choices:
        return _chosen(variable.choices, value.strip())
    match variable.kind:
        case "integer":
            return _integer(value.strip(), variable.least, variable.most)
        case "url":
            return _url(value.strip())
        case "list":
            return ",".join(part.strip() for part in value.split(",") if part.strip())
        case "text":
            return value
    raise AssertionError(variable.kind)


def diff(
    spec: ServiceSpec, before: Mapping[str, str], after: Mapping[str, str | None]
) -> tuple[str, ...]:
    """One line for each variable that changes, secrets hidden."""
    return tuple(_line(spec, name, before.get(name), after[name]) for name in sorted(after))


def notes(spec: ServiceSpec, names: Iterable[str]) -> tuple[str, ...]:
    """What somebody who sets these should know."""
    said = []
    for name in names:
        variable = spec.variables.get(name)
        if variable is None:
            said.append(f"⚠️ {name} is not known here: it is set as it is, unchecked.")
        elif variable.note:
            said.append(f"⚠️ {name}: {variable.note}.")
        elif variable.wiring:
            said.append(f"⚠️ {name} is part of the wiring: a wrong value stops the instance.")
    return tuple(said)


def field(spec: ServiceSpec, name: str, value: str, present: str | None) -> Input:
    """How a form asks for a variable that holds `present` now; None: it is not set."""
    variable = spec.variables[name]
    hint = ". ".join(part for part in (variable.description, variable.note) if part)
    if not is_open(spec, name, value or "x"):
        held = "set; leave empty to keep it" if present else "not set"
        return Input(name=name, label=name, hint=hint, kind="secret", placeholder=held)
    unset = f"not set ({variable.default})" if variable.default else "not set"
    shown_as = Input(name=name, label=name, hint=hint, value=value, unset=unset, placeholder=unset)
    if variable.choices and value in ("", *variable.choices):
        return shown_as.model_copy(update={"kind": "choice", "choices": variable.choices})
    if variable.kind == "integer" and _is(value, variable):
        limits = {"least": variable.least, "most": variable.most}
        return shown_as.model_copy(update={"kind": "integer", **limits})
    if variable.kind == "url" and _is(value, variable):
        return shown_as.model_copy(update={"kind": "url"})
    return shown_as


def _is(value: str, variable: Variable) -> bool:
    """Nothing, or a value of the variable's kind as it is written."""
    try:
        return not value or (not is_reference(value) and normal(variable, value) == value)
    except ValueError:
        return False


def _line(spec: ServiceSpec, name: str, before: str | None, after: str | None) -> str:
    def say(value: str) -> str:
        text = shown(spec, name, value) or "(empty)"
        return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"

    if after is None:
        return f"- {name}" + (f" (was {say(before)})" if before is not None else "")
    if before is None:
        return f"+ {name}: {say(after)}"
    if say(before) == say(after) == HIDDEN:
        return f"~ {name}: {HIDDEN} (another value)"
    return f"~ {name}: {say(before)} → {say(after)}"


def _chosen(choices: tuple[str, ...], value: str) -> str:
    low = value.lower()
    if set(choices) == {"true", "false"} and low in _TRUE + _FALSE:
        return "true" if low in _TRUE else "false"
    found = next((choice for choice in choices if choice.lower() == low), None)
    if found is None:
        raise ValueError(f"should be one of {', '.join(choices)}")
    return found


def _integer(value: str, least: int | None, most: int | None) -> str:
    if not re.fullmatch(r"[+-]?\d{1,18}", value):
        raise ValueError("should be a whole number")
    number = int(value)
    if least is not None and number < least:
        raise ValueError(f"should be at least {least:,}")
    if most is not None and number > most:
        raise ValueError(f"should be at most {most:,}")
    return str(number)


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        raise ValueError("should be an address such as https://example.com") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in value:
        raise ValueError("should be an address such as https://example.com")
    return value
