"""A command is defined once, as a class: frozen, validated, stored and replayed as JSON.

The docstring is the help text on every door; the fields are Slack form inputs, CLI options, JSON
schema and the grammar of the slash command. A field marked `Argument()` is typed by position, the
others as `--kebab-case` options.
"""

from __future__ import annotations

import functools
import types
import typing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.actor import Role
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.answer import Answer
    from engine.form import Form
    from engine.plan import Plan
    from engine.world import World


_CHOICES_IN_USAGE = 4
"""More than these are told apart from the usage line."""


LONGEST_VALUE = 20_000
"""Characters in one value; the longest that make sense are YAML texts and certificates."""
MOST_VALUES = 100
"""In one list."""


class Risk(StrEnum):
    """What a command can do to the world, mildest first."""

    READS = "reads"
    ADDS = "adds"
    CHANGES = "changes"
    REMOVES = "removes"


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
        return "--" + self.name.rstrip("_").replace("_", "-")

    @property
    def label(self) -> str:
        """`Delete after`: how a form names the field."""
        return self.name.rstrip("_").replace("_", " ").capitalize()


class Undecided(Exception):
    """A change cannot be planned before something is chosen: the answer shows what there is and
    offers each choice. The control plane gives it instead of a run."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.title)
        self.answer = answer


class Command(BaseModel):
    """What is asked. Subclass `Question` or `Change`, never this."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        serialize_by_alias=True,
        str_max_length=LONGEST_VALUE,
    )

    name: ClassVar[str]
    """What is typed; lowercase, unique."""
    risk: ClassVar[Risk]
    role: ClassVar[Role]
    """The least role that may ask."""
    group: ClassVar[str] = "Instances"
    """The heading under which help lists it."""
    listed: ClassVar[bool] = True
    """Whether help and completion offer it; else it is only understood when typed."""
    examples: ClassVar[tuple[str, ...]] = ()
    """Command lines without the leading `/luthien`."""

    @property
    def needs(self) -> Role:
        """The least role that may ask this, typed as it is."""
        return self.role

    @property
    def asks(self) -> bool:
        """Typed as it is, it is answered at once and makes no run."""
        return True

    @property
    def reads(self) -> bool:
        """Typed as it is, it changes nothing anywhere, so that following a link may do it."""
        return self.risk is Risk.READS

    async def answer(self, world: World) -> Answer:
        """Of a command that only asks. Raises OpsError."""
        raise NotImplementedError(type(self).__name__)

    def checked(self, world: World) -> Self:  # noqa: ARG002
        """The command as it may be stored. Refuses what must not even be kept; asks no vendor, and
        changes nothing when it is done twice."""
        return self

    @classmethod
    def has_form(cls, raw: Mapping[str, Any]) -> bool:  # noqa: ARG003
        """Whether `form` draws what these fields ask for; else the fields are the form."""
        return False

    @classmethod
    async def form(cls, raw: Mapping[str, Any], world: World) -> Form:
        """What to enter. Reads only. Raises OpsError."""
        raise NotImplementedError(cls.__name__)

    @classmethod
    def filled(cls, raw: Mapping[str, Any], entered: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG003
        """The fields, with what was entered into the form."""
        return dict(raw)

    def secrets(self) -> dict[str, str]:
        """What must never stand in the clear, by name."""
        name = self.confidential()
        held: Mapping[str, SecretStr] = getattr(self, name) if name else {}
        return {key: secret.get_secret_value() for key, secret in held.items()}

    def with_secrets(self, secrets: Mapping[str, str]) -> Self:
        """The same command holding these."""
        name = self.confidential()
        if not name:
            return self
        return self.model_copy(update={name: {k: SecretStr(v) for k, v in secrets.items()}})

    def wire(self) -> dict[str, Any]:
        """Every field as JSON, secrets in the clear: for another process that carries it out."""
        name = self.confidential()
        return self.model_dump(mode="json") | ({name: self.secrets()} if name else {})

    @classmethod
    def confidential(cls) -> str:
        """The field that holds secrets; empty: there is none."""
        return next((n for n, i in cls.model_fields.items() if _is_confidential(i)), "")

    @field_validator("*")
    @classmethod
    def _not_endless(cls, value: Any) -> Any:
        if isinstance(value, tuple) and len(value) > MOST_VALUES:
            raise ValueError(f"may have at most {MOST_VALUES} values")
        return value

    @classmethod
    def summary(cls) -> str:
        """The first line of the help text."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def help_text(cls) -> str:
        """The whole help text, one line per paragraph."""
        import inspect

        paragraphs = (inspect.getdoc(cls) or "").split("\n\n")
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

    @classmethod
    @functools.cache
    def parameters(cls) -> tuple[Parameter, ...]:
        """The fields in order of definition, positional ones included; confidential ones are
        left out."""
        fields = cls.model_fields.items()
        return tuple(_parameter(n, info) for n, info in fields if not _is_confidential(info))

    @classmethod
    def usage(cls) -> str:
        """`create <instance> [--repo REPO] [--keep]`."""
        return " ".join([cls.name, *(_usage(p) for p in cls.parameters())])

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Validate loosely typed input. Raises InvalidInput with a reason per faulty field."""
        try:
            return cls.model_validate(dict(raw))
        except ValidationError as error:
            raise _invalid_input(cls, error) from None

    @property
    def subject(self) -> str:
        """The instance that it is about; empty when it is about none."""
        return getattr(self, "instance", None) or ""

    def line(self) -> str:
        """The command line that says this, without `/luthien`; defaults are left out."""
        words: list[str] = [self.name]
        for parameter in self.parameters():
            value = getattr(self, parameter.field)
            if value == parameter.default or value is None:
                continue
            values = [str(v) for v in value] if parameter.many else [str(value)]
            quoted = [f'"{v}"' if " " in v or not v else v for v in values]
            if parameter.argument:
                words += quoted
            elif parameter.flag:
                words.append(parameter.option)
            else:
                words += [word for v in quoted for word in (parameter.option, v)]
        return " ".join(words)


class Question(Command):
    """A command that answers at once and makes no run.

    Its `answer` may use the control plane's verbs (cancel, retry); it never writes to a vendor.
    """

    risk: ClassVar[Risk] = Risk.READS
    role: ClassVar[Role] = Role.VIEWER


class Change(Command):
    """A command that changes something: it is planned, then carried out as a run.

    One that can also be typed as a question says so in `asks`, and then answers.
    """

    role: ClassVar[Role] = Role.DEPLOYER
    patient: ClassVar[bool] = True
    """Whether it makes sense to wait in line for its locks; else it is refused."""

    @property
    def asks(self) -> bool:
        return False

    @property
    def reads(self) -> bool:
        return self.asks

    @property
    def settled(self) -> bool:
        """Nothing is shown and asked first any more: submitted, it begins."""
        return True

    @property
    def approvals(self) -> int:
        """How many other people have to agree, unless the policy says otherwise."""
        return 0

    def locks(self) -> Sequence[str]:
        """Names of what no other run may touch meanwhile, e.g. `instance:acme`."""
        raise NotImplementedError(type(self).__name__)

    async def plan(self, world: World) -> Plan:
        """The ordered steps; reads only, no writes anywhere. Raises Refused, ProviderError or
        Undecided."""
        raise NotImplementedError(type(self).__name__)

    async def confirmation(self, world: World) -> Answer | None:  # noqa: ARG002
        """What the asker must see and agree to before anything begins; None: go on.

        Its `data["confirm"]` is the command line that says yes to exactly what is shown.
        """
        return None


def _is_confidential(info: FieldInfo) -> bool:
    return any(isinstance(m, Confidential) for m in info.metadata)


def _parameter(name: str, info: FieldInfo) -> Parameter:
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


def _usage(parameter: Parameter) -> str:
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


_REASONS = {
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "bool_parsing": "is on or off",
    "string_type": "should be text",
    "string_too_short": "should have at least {min_length} characters",
    "string_too_long": "should have at most {max_length} characters",
    "greater_than_equal": "should be at least {ge}",
    "less_than_equal": "should be at most {le}",
    "greater_than": "should be more than {gt}",
    "less_than": "should be less than {lt}",
    "literal_error": "should be one of {expected}",
    "enum": "should be one of {expected}",
}
"""Faults in people's words, by pydantic's own name for them."""


def _invalid_input(cls: type[Command], error: ValidationError) -> InvalidInput:
    fields: dict[str, str] = {}
    missing = True
    for fault in error.errors():
        name = str(fault["loc"][0]) if fault["loc"] else "command"
        if fault["type"] == "missing":
            reason = "is needed"
        elif fault["type"] == "extra_forbidden":
            reason, missing = "is not an argument of this command", False
        else:
            context = fault.get("ctx", {})
            said = _REASONS.get(fault["type"], fault["msg"].replace("Input should", "should"))
            reason = str(context.get("error") or said.format(**context))
            missing = False
        fields.setdefault(name, reason)
    listed = "; ".join(f"{name} {reason}" for name, reason in fields.items())
    return InvalidInput(
        f"`{cls.name}` cannot be done as typed: {listed}.",
        fields=fields,
        missing=missing,
        why="Nothing was asked of any vendor yet.",
        who="You can type it again.",
        next_step=f"/luthien {cls.examples[0] if cls.examples else cls.usage()}",
    )
