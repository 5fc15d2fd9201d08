"""The fields of a command as doors need them: what is typed by position, what completes it, how it
is spelled as an option."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_CHOICES_IN_USAGE = 4
"""More than these are told apart from the usage line."""


@dataclass(frozen=True)
class Argument:
    """Marks a field as typed by position, in the order of definition.

    `verbatim`: words that look like options of other commands belong to it, too.
    """

    verbatim: bool = False


@dataclass(frozen=True)
class Completes:
    """Says what completes a field's value: `instance`, `service`, `deployment`, `variable`, `run`,
    `command` or `person`."""

    kind: str


@dataclass(frozen=True)
class Confidential:
    """Marks a field of secrets by name, a `dict[str, SecretStr]`: never typed, never in a line, a
    plan or a log, sealed where the command is stored, and forgotten when its run is over. A
    command has at most one; doors fill it in where nobody looks."""


@dataclass(frozen=True)
class Parameter:
    """One field of a command, as doors need it."""

    name: str
    """What it is called on every door."""
    field: str
    """The attribute that holds it; another one where the name is taken (a pydantic alias)."""
    description: str
    required: bool
    default: Any
    argument: bool
    verbatim: bool
    flag: bool
    many: bool
    choices: tuple[str, ...]
    completes: str | None
    examples: tuple[str, ...]

    @property
    def option(self) -> str:
        """`--state`: how the field is typed when it is not positional."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """`Delete after`: how a form names the field."""
        return self.name.replace("_", " ").capitalize()


def is_confidential(info: FieldInfo) -> bool:
    return any(isinstance(m, Confidential) for m in info.metadata)


def parameter_of(name: str, info: FieldInfo) -> Parameter:
    annotation = _without_none(info.annotation)
    many = get_origin(annotation) in (tuple, list)
    inner = get_args(annotation)[0] if many else annotation
    default = None if info.default is PydanticUndefined else info.default
    return Parameter(
        name=info.alias or name,
        field=name,
        description=info.description or "",
        required=info.is_required(),
        default=default,
        argument=any(isinstance(m, Argument) for m in info.metadata),
        verbatim=any(isinstance(m, Argument) and m.verbatim for m in info.metadata),
        flag=inner is bool,
        many=many,
        choices=_choices(inner),
        completes=next((m.kind for m in info.metadata if isinstance(m, Completes)), None),
        examples=tuple(str(e) for e in info.examples or ()),
    )


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        return rest[0] if len(rest) == 1 else annotation
    if get_origin(annotation) is typing.Annotated:
        return _without_none(get_args(annotation)[0])
    return annotation


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(str(a) for a in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return tuple(member.value for member in annotation)
    return ()


def usage_of(parameter: Parameter) -> str:
    metavar = parameter.name.replace("_", "-")
    if parameter.argument:
        word = f"<{metavar}>" + ("…" if parameter.many else "")
        return word if parameter.required else f"[{metavar}{'…' if parameter.many else ''}]"
    if parameter.flag:
        return f"[{parameter.option}]"
    few = len(parameter.choices) <= _CHOICES_IN_USAGE
    shown = ("|".join(parameter.choices) if few else "") or metavar.upper()
    word = f"{parameter.option} {shown}"
    return word if parameter.required else f"[{word}]"
