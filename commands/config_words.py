"""Variables as they were typed or entered: checked before anything of them is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands import settings
from engine.errors import InvalidInput
from engine.secrecy import refuse_typed
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.blueprint import ServiceSpec

Values = dict[str, str | None]
"""By name; None removes."""


def read(
    spec: ServiceSpec,
    instance: str,
    words: Iterable[str],
    gone: Iterable[str],
    entered: Mapping[str, str],
) -> tuple[Values, dict[str, str]]:
    """What may stand in the open, and what must not. `words` are KEY=VALUE, `gone` names to
    remove, `entered` comes from a form or a file, so that it may be secret. Raises SecretTyped for
    a secret among the words, InvalidInput with a reason for each fault."""
    values, faults = _typed(spec, instance, words, gone)
    sealed: dict[str, str] = {}
    for word, text in entered.items():
        try:
            name = settings.known_name(spec, word)
            value = settings.normal(spec.variables.get(name), text.rstrip("\r\n"))
        except ValueError as fault:
            faults[word] = str(fault)
            continue
        where = values if settings.is_open(spec, name, value) else sealed
        where[name] = value
    for name in sorted({*values, *sealed}):
        if kept := settings.keeper(spec, name):
            faults[name] = kept
    if faults:
        raise _faulty(instance, faults)
    for name, given in list(values.items()):
        if given is not None and not settings.is_open(spec, name, given):
            sealed[name] = given
            del values[name]
    return values, sealed


def _typed(
    spec: ServiceSpec, instance: str, words: Iterable[str], gone: Iterable[str]
) -> tuple[Values, dict[str, str]]:
    """What was typed, by name, and what is wrong with it."""
    values: Values = {}
    faults: dict[str, str] = {}
    secret = ""
    removes = [(word, True) for word in gone]
    for word, removed in [*((word, False) for word in words), *removes]:
        typed_name, equals, value = word.partition("=")
        try:
            name = settings.known_name(spec, typed_name)
        except ValueError as fault:
            faults[typed_name] = str(fault)
            continue
        if equals and settings.is_secret(spec, name, value):
            secret = secret or name
        elif removed:
            values[name] = None
            if equals:
                faults[name] = "is removed by its name alone, without a value"
        elif not equals:
            faults[name] = f"needs a value: {name}=…"
        else:
            try:
                values[name] = settings.normal(spec.variables.get(name), value)
            except ValueError as fault:
                faults[name] = str(fault)
    if secret:
        form = f"config {instance} set"
        raise refuse_typed(
            secret,
            instead=f"Enter the new one in the form that `{typed(form)}` opens in Slack,"
            f" or on the command line from a file: `luthien {form} {secret}=@file`.",
            next_step=typed(form),
        )
    return values, faults


def _faulty(instance: str, faults: Mapping[str, str]) -> InvalidInput:
    told = "; ".join(f"{name} {reason}" for name, reason in faults.items())
    return InvalidInput(
        f"`config` cannot be done as typed: {told}.",
        fields=faults,
        why="Nothing was asked of any vendor yet.",
        who="You can type it again.",
        next_step=typed(f"config {instance}"),
    )
