"""A command line that is talked about rather than carried out: words to a command."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.words import PROMPT, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.command import Command, Parameter
    from engine.registry import Registry

UNIVERSAL = ("--plan", "--no-wait", "--json", "--yes", "--follow")
"""What doors add to every command; it makes no difference here."""


def parse_line(registry: Registry, words: Sequence[str]) -> Command | type[Command]:
    """The command, or only its class while arguments are missing. Raises UnknownCommand and
    InvalidInput."""
    command, raw = read_line(registry, words)
    try:
        return command.parse(raw)
    except InvalidInput as invalid:
        if invalid.missing:
            return command
        raise


def read_line(registry: Registry, words: Sequence[str]) -> tuple[type[Command], dict[str, Any]]:
    """The command and its fields as they were typed. Raises UnknownCommand, and InvalidInput for
    what has no place."""
    name, *rest = [word for word in words if word.lower() != PROMPT] or [""]
    command = registry.command(name)
    options = {p.option: p for p in command.parameters() if not p.argument}
    positional = [p for p in command.parameters() if p.argument]
    verbatim = any(p.verbatim for p in positional)
    raw: dict[str, Any] = {}
    pending = list(rest)
    while pending:
        word = pending.pop(0)
        option, equals, value = word.partition("=")
        if word in UNIVERSAL and word not in options and not verbatim:
            continue
        if not word.startswith("--") or (verbatim and option not in options):
            parameter = _place(command, positional, raw, word)
            value = word
        elif option not in options:
            raise _unknown(command, option, options)
        else:
            parameter = options[option]
            if not equals:
                value = "true" if parameter.flag else pending.pop(0) if pending else ""
        _put(raw, parameter, value)
    return command, raw


def _put(raw: dict[str, Any], parameter: Parameter, value: str) -> None:
    if parameter.many:
        raw.setdefault(parameter.name, []).append(value)
    else:
        raw[parameter.name] = value


def _place(
    command: type[Command], positional: Sequence[Parameter], raw: dict[str, Any], word: str
) -> Parameter:
    for parameter in positional:
        if parameter.many or parameter.name not in raw:
            return parameter
    raise InvalidInput(
        f"`{command.name}` has no place for `{word}`.",
        why=f"It is typed like this: `{command.usage()}`.",
        who="You can type it again.",
        next_step=typed(f"help {command.name}"),
    )


def _unknown(command: type[Command], option: str, options: dict[str, Parameter]) -> InvalidInput:
    near = difflib.get_close_matches(option, options, n=1, cutoff=0.5)
    return InvalidInput(
        f"`{command.name}` has no option `{option}`."
        + (f" Did you mean `{near[0]}`?" if near else ""),
        why=f"It is typed like this: `{command.usage()}`.",
        who="You can type it again.",
        next_step=typed(f"help {command.name}"),
    )
