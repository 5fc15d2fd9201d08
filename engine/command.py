"""A command is defined once, as a class: frozen, validated, stored and replayed as JSON.

The docstring is the help text on every door; the fields are Slack form inputs, CLI options, JSON
schema and the grammar of the slash command. A field marked `Argument()` is typed by position, the
others as `--kebab-case` options.
"""

from __future__ import annotations

import functools
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator

from engine.actor import Role
from engine.characters import no_text
from engine.errors import InvalidInput
from engine.invalid_input import invalid_input
from engine.parameters import (
    Argument,
    Completes,
    Confidential,
    Parameter,
    is_confidential,
    parameter_of,
    usage_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.answer import Answer
    from engine.form import Form
    from engine.plan import Plan
    from engine.situation import Situation
    from engine.world import World

__all__ = (
    "Argument",
    "Change",
    "Command",
    "Completes",
    "Confidential",
    "Parameter",
    "Question",
    "Risk",
    "Undecided",
)

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


class Undecided(Exception):
    """A change cannot be planned before something is chosen: the answer shows what there is and
    offers each choice. The control plane gives it instead of a run."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.title)
        self.answer = answer


class Command(BaseModel):
    """What is asked. Subclass `Question` or `Change`, never this."""

    model_config = ConfigDict(
        defer_build=True,
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
    steers: ClassVar[bool] = False
    """It goes on with a run or removes what one made, which takes the right to that run's command,
    too; `run` names it."""
    listed: ClassVar[bool] = True
    """Whether help and completion offer it; else it is only understood when typed."""
    examples: ClassVar[tuple[str, ...]] = ()
    """Command lines without the leading `/luthien`."""

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:  # noqa: ARG003
        """Whether it is offered for an instance in this situation. Typed all the same, it says
        itself why it is refused."""
        return True

    @classmethod
    def caption(cls) -> str:
        """What a button says that leads to it: `Restart`."""
        return cls.name.replace("-", " ").capitalize()

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

    async def foretell(self, world: World) -> Answer:  # noqa: ARG002
        """What `answer` would do, of one that changes something; reads only. Raises OpsError where
        that would be refused."""
        raise InvalidInput(
            f"`{self.name}` has no plan to show.",
            why="It is done at once, or refused.",
            who="You can ask for it as it is.",
            next_step=f"/luthien {self.line()}",
        )

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
        return next((n for n, i in cls.model_fields.items() if is_confidential(i)), "")

    @field_validator("*")
    @classmethod
    def _not_endless(cls, value: Any) -> Any:
        if isinstance(value, tuple) and len(value) > MOST_VALUES:
            raise ValueError(f"may have at most {MOST_VALUES} values")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _only_text(cls, value: Any) -> Any:
        if odd := no_text(_revealed(value)):
            raise ValueError(f"holds a character that is no text ({odd})")
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
        return tuple(parameter_of(n, info) for n, info in fields if not is_confidential(info))

    @classmethod
    @functools.cache
    def usage(cls) -> str:
        """`create <instance> [--repo REPO] [--keep]`."""
        return " ".join([cls.name, *(usage_of(p) for p in cls.parameters())])

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Validate loosely typed input. Raises InvalidInput with a reason per faulty field."""
        try:
            return cls.model_validate(dict(raw))
        except ValidationError as error:
            raise invalid_input(cls, error) from None

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
    freezes: ClassVar[bool] = True
    """Whether a freeze holds for it; not for what only keeps something from being deleted."""

    @classmethod
    def makes_sense(cls, about: Situation) -> bool:
        return not (about.barred or about.being_made)

    @property
    def may_wait(self) -> bool:
        """The same of what is typed as it is: a way back never waits, for while it did what it
        leads back from would change."""
        return self.patient

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

    @property
    def irrevocable(self) -> bool:
        """Whether what it does cannot be taken back: of an instance that the policy calls
        production the name is typed first, unless a rule says otherwise."""
        return False

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


def _revealed(value: object) -> object:
    """What secrets hold, too."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(one) for key, one in value.items()}
    return value


def stands_in_line(command: type[Command]) -> bool:
    """Whether somebody may have to wait for an instance, and can say that they will not."""
    patient = issubclass(command, Change) and command.patient
    return patient and "instance" in command.model_fields
