"""Command lines as addresses and as forms: where the page shows what a line asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from api.cli import split, typed_fields
from engine.command import LONGEST_VALUE, Change
from engine.errors import InvalidInput, OpsError
from engine.invalid_input import check_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.command import Command
    from engine.registry import Registry

_PLAN = "--plan"
_NO_WAIT = "--no-wait"
NO_WAIT = "no-wait"
"""Beside a command's own fields in a form, and in an address: no name of a field has a dash."""
_OWN_PAGES = {"list": "/", "runs": "/runs"}
_OWN_PAGE_OF_ONE = {"status": ("instance", "/instances/{}"), "run": ("run", "/runs/{}")}
"""Commands whose answer has a page of its own, by their one argument."""


@dataclass(frozen=True)
class Line:
    """A command line before validation."""

    definition: type[Command]
    fields: Mapping[str, Any]
    plan_only: bool = False
    patient: bool = True
    """It may wait in line."""

    @property
    def address(self) -> str:
        """Of the answer to a question, or of the form of a command."""
        where = address(self.definition, self.fields)
        if self.patient:
            return where
        return f"{where}{'&' if '?' in where else '?'}{NO_WAIT}=on"


def read(registry: Registry, line: str) -> Line:
    """The fields as they were typed. Raises OpsError."""
    check_length(line, LONGEST_VALUE)
    words = split(line.strip().removeprefix("/luthien ").strip())
    definition = registry.command(words[0])
    universal = (_PLAN, _NO_WAIT) if issubclass(definition, Change) else ()
    said = [word for word in words[1:] if word in universal]
    rest = [word for word in words[1:] if word not in said]
    fields = typed_fields(definition, rest)
    return Line(definition, fields, _PLAN in said, _NO_WAIT not in said)


def address(definition: type[Command], fields: Mapping[str, Any]) -> str:
    """Of the answer to a question, or of the form of a command."""
    names = [parameter.name for parameter in definition.parameters()]
    given = {n: fields[n] for n in names if fields.get(n) not in (None, (), [], False)}
    if not given and definition.name in _OWN_PAGES:
        return _OWN_PAGES[definition.name]
    argument, page = _OWN_PAGE_OF_ONE.get(definition.name, ("", ""))
    if argument and list(given) == [argument]:
        return page.format(quote(str(given[argument]), safe=""))
    query = urlencode(pairs(given))
    return f"/c/{definition.name}" + (f"?{query}" if query else "")


def pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Fields as a form sends them."""
    return [
        (name, "on" if one is True else str(one))
        for name, value in fields.items()
        for one in (value if isinstance(value, list | tuple) else [value])
    ]


def link(registry: Registry, line: str, *, form: bool = False) -> str:
    """Where a click on this line leads without doing anything: to an answer, or to a `form`; empty
    when it must be posted because it says all that a change needs, or cannot be read."""
    try:
        said = read(registry, line)
    except OpsError:
        return ""
    try:
        command = said.definition.parse(said.fields)
    except InvalidInput:
        return said.address
    return said.address if form or command.reads else ""
