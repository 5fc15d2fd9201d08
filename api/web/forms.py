"""A form for a command, generated from the same fields as its grammar, and what it brings back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.datastructures import FormData, QueryParams

    from engine.command import Command, Parameter


@dataclass(frozen=True)
class Input:
    """One field as the template draws it."""

    name: str
    label: str
    kind: str
    """text, lines, several, choice, choices, flag or secrets."""
    hint: str = ""
    value: str = ""
    chosen: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    placeholder: str = ""
    required: bool = False
    suggestions: tuple[str, ...] = ()
    wrong: str = ""


_ROOM = 3
"""Lines for a field of several values, one of them empty at least."""


def inputs(
    definition: type[Command],
    fields: Mapping[str, Any],
    *,
    suggestions: Mapping[str, Sequence[str]],
    wrong: Mapping[str, str],
) -> list[Input]:
    """`suggestions` by what completes a value; `wrong` says what is wrong with which field."""
    found = [_input(p, fields.get(p.name), suggestions, wrong) for p in definition.parameters()]
    if name := definition.confidential():
        info = definition.model_fields[name]
        found.append(
            Input(
                name=name,
                label=name.replace("_", " ").capitalize(),
                kind="secrets",
                hint=(info.description or "Secret values").rstrip(".")
                + ". One NAME=value a line; they are shown nowhere again.",
                wrong=wrong.get(name, ""),
            )
        )
    return found


def _input(
    parameter: Parameter,
    value: object,
    suggestions: Mapping[str, Sequence[str]],
    wrong: Mapping[str, str],
) -> Input:
    values = tuple(map(str, value)) if isinstance(value, list | tuple) else ()
    text = "\n".join(values) if values else "" if value in (None, True, False) else str(value)
    kind = "lines" if parameter.many else "text"
    if parameter.flag:
        kind = "flag"
    elif parameter.choices:
        kind = "choices" if parameter.many else "choice"
    default = "" if parameter.default in (None, "", (), False) else str(parameter.default)
    chosen = values or ((text,) if text else ())
    if parameter.flag:
        chosen = ("on",) if str(value).lower() in ("true", "on", "1") else ()
    elif kind == "choice" and not chosen and default:
        chosen = (default,)
    known = tuple(suggestions.get(parameter.completes or "", ()))
    if kind == "lines" and known:
        kind = "several"  # one line each, so that each can be completed
        chosen = (*values, *([""] * max(1, _ROOM - len(values))))
    hint = parameter.description.rstrip(".")
    if default and kind not in ("choice", "flag"):
        hint += f"; {default} unless given"
    if kind == "lines":
        hint += "; one a line"
    return Input(
        name=parameter.name,
        label=parameter.label,
        kind=kind,
        hint=hint,
        value=text,
        chosen=chosen,
        choices=parameter.choices,
        placeholder=f"e.g. {parameter.examples[0]}" if parameter.examples else "",
        required=parameter.required,
        suggestions=known,
        wrong=wrong.get(parameter.name, ""),
    )


def filled(definition: type[Command], given: FormData | QueryParams) -> dict[str, Any]:
    """The command's fields as somebody filled them in; empty ones are left out. Raises
    InvalidInput for secrets that are not written as NAME=value."""
    fields: dict[str, Any] = {}
    for parameter in definition.parameters():
        values = [str(v).strip() for v in given.getlist(parameter.name) if str(v).strip()]
        if parameter.flag and values:
            fields[parameter.name] = values[-1].lower() in ("on", "true", "1")
        elif parameter.many and values:
            fields[parameter.name] = [w for v in values for w in v.splitlines() if w.strip()]
        elif values:
            fields[parameter.name] = values[-1]
    if name := definition.confidential():
        text = str(given.get(name) or "")
        if secrets := _secrets(definition, name, text):
            fields[name] = secrets
    return fields


ENTERED, BEFORE = "in.", "was."
"""Begin the names of what a command's own form asks for, and of what stood there before."""


def entered(given: FormData) -> dict[str, str]:
    """What was entered into a command's own form, where it differs from what stood there."""
    found = {}
    for name in given:
        if name.startswith(ENTERED):
            plain = name.removeprefix(ENTERED)
            value = str(given.get(name) or "").replace("\r\n", "\n")
            if value != str(given.get(BEFORE + plain) or "").replace("\r\n", "\n"):
                found[plain] = value
    return found


def _secrets(definition: type[Command], field: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(
                f"`{definition.name}` cannot be done: a secret is not written as NAME=value.",
                fields={field: "has a line that is not NAME=value"},
                why="Nothing was done, and the line is kept nowhere.",
                who="You can fill it in again.",
                next_step=typed(f"help {definition.name}"),
            )
        found[name.strip()] = value
    return found
