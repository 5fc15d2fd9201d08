"""The policy: what the people who run this bot have decided about who may do what, and who has to
agree. Read from YAML by `policy_file`; without a rule each command's own definition holds."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from engine.actor import Role
from engine.command import Change, Risk
from engine.windows import EXAMPLES, Moment, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.actor import Actor
    from engine.command import Command

Kind = tuple[bool, ...]
"""Of instances: a policy tells two of the same kind not apart."""

NOBODY = "nobody"
EVERYTHING = "*"
TYPED_NAME = "type_name"
"""The field of a command in which a name is typed to confirm it."""
_ROLES = [role.label for role in Role]


class SelfApprove(StrEnum):
    """Whether those who ask may approve it themselves."""

    NEVER = "never"
    WHEN_ALONE = "when_alone"
    """Only when nobody else could."""
    ALWAYS = "always"


def _listed(value: Any) -> Any:
    """A single word stands for a list of it."""
    return [value] if isinstance(value, str) else value


def _somebody(word: str) -> str:
    if word in (*_ROLES, NOBODY) or re.fullmatch(r"(slack|cli|api|timer):\S+", word):
        return word
    if re.fullmatch(r"[UW][A-Z0-9]{2,}", word):
        return f"slack:{word}"
    raise ValueError(f"is `{word}`, which is no role ({', '.join(_ROLES)}) and no Slack user id")


def _command(word: str, info: ValidationInfo) -> str:
    """A name, with the flags that must be given: `delete --force`."""
    known: Mapping[str, type[Command]] | None = (info.context or {}).get("commands")
    name, *flags = word.split() or [""]
    if known is None or name == EVERYTHING:
        return word
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean `{near[0]}`?" if near else ""
        raise ValueError(f"names `{name}`, which is no command{guess}")
    options = [p.option for p in known[name].parameters() if p.flag]
    for flag in flags:
        if flag not in options:
            raise ValueError(f"names `{flag}`, which is no switch of `{name}`")
    return word


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"is `{name}`, which is no time zone like Europe/Helsinki") from None
    return name


def _moment(text: str) -> str:
    Moment.parse(text)
    return text


def _channel(text: str) -> str:
    if not re.fullmatch(r"[CGD][A-Z0-9]{2,}", text):
        raise ValueError(f"is `{text}`, which is no Slack channel id")
    return text


def _short(value: timedelta) -> timedelta:
    if not timedelta() < value <= timedelta(days=30):
        raise ValueError("must be more than nothing and at most P30D")
    return value


def _schema(description: str, **kept: Any) -> WithJsonSchema:
    one = {"type": "string", "description": description, **kept}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one}]})


_Who = Annotated[
    tuple[Annotated[str, AfterValidator(_somebody)], ...],
    BeforeValidator(_listed),
    _schema(
        "viewer, deployer, admin, nobody, or a Slack user id", examples=["admin", "U024BE7LH"]
    ),
]
"""People, by role or by id; one word or a list."""
_Patterns = Annotated[
    tuple[str, ...],
    BeforeValidator(_listed),
    _schema("Name of an instance; * stands for any text", examples=["prod-*"]),
]
_Commands = Annotated[
    tuple[Annotated[str, AfterValidator(_command)], ...],
    BeforeValidator(_listed),
    _schema(
        "Command, with the switches that must be given; * for all that change something",
        examples=["delete --force"],
    ),
]
_Moment = Annotated[str, AfterValidator(_moment), Field(examples=list(EXAMPLES))]
_Zone = Annotated[str, AfterValidator(_zone), Field(examples=["Europe/Helsinki"])]
_Channel = Annotated[str, AfterValidator(_channel), Field(examples=["C024BE91L"])]
_Span = Annotated[timedelta, AfterValidator(_short)]


@dataclass(frozen=True)
class Asked:
    """What a rule looks at: the command, the switches that are given, and the instance that it is
    about (empty: none)."""

    command: type[Command]
    switches: frozenset[str] = frozenset()
    subject: str = ""
    needs: Role = Role.VIEWER
    """What the command's own definition asks for."""
    changes: bool = False
    """Whether it changes something, typed as it is."""
    runs: bool = False
    """Whether it becomes a run."""
    approvals: int = 0
    """How many people have to agree by the command's own definition."""
    irrevocable: bool = False
    """Whether it cannot be taken back."""

    @property
    def freezes(self) -> bool:
        """Whether a freeze holds for it."""
        return issubclass(self.command, Change) and self.command.freezes

    @classmethod
    def of(cls, command: Command | type[Command], subject: str = "") -> Asked:
        changing = command.risk is not Risk.READS
        if isinstance(command, type):
            runs = issubclass(command, Change)
            return cls(command, frozenset(), subject, command.role, changing, runs)
        given = [p.option for p in command.parameters() if p.flag and getattr(command, p.name)]
        runs = isinstance(command, Change) and not command.asks
        return cls(
            type(command),
            frozenset(given),
            subject or command.subject,
            command.needs,
            changes=changing and (runs or not isinstance(command, Change)),
            runs=runs,
            approvals=command.approvals if isinstance(command, Change) and runs else 0,
            irrevocable=isinstance(command, Change) and command.irrevocable,
        )


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", populate_by_name=True)


class _Selects(_Part):
    """What somebody asks for must fit all that is said here."""

    commands: _Commands = (EVERYTHING,)
    instances: _Patterns | None = None
    production: bool | None = Field(
        default=None, description="Only instances that `production` names, or only the others"
    )

    @property
    def is_general(self) -> bool:
        """It holds for all instances, and for what is about none."""
        return self.instances is None and self.production is None

    def is_about(self, asked: Asked) -> bool:
        """Whether it is about this, on some instance at least."""
        return any(_names(pattern, asked) for pattern in self.commands)

    def fits(self, asked: Asked, production: tuple[str, ...]) -> bool:
        if not self.is_about(asked):
            return False
        if self.instances is not None and not _like(asked.subject, self.instances):
            return False
        return self.production in (None, _like(asked.subject, production))


class Rule(_Selects):
    """Each thing that it says holds for what fits, unless a rule above says it, too."""

    about: str = Field(default="", description="Why; shown to people who are refused")
    may: _Who | None = Field(default=None, description="Who may do it")
    approvals: Annotated[int, Field(ge=0, le=10)] | None = Field(
        default=None, description="How many other people have to agree first"
    )
    approvers: _Who | None = Field(default=None, description="Who may agree")
    self_approve: SelfApprove | None = None
    type_name: bool | None = Field(
        default=None, description="Whether the instance's name is typed to confirm it"
    )

    @model_validator(mode="after")
    def _name_can_be_typed(self, info: ValidationInfo) -> Self:
        known: Mapping[str, type[Command]] | None = (info.context or {}).get("commands")
        if not self.type_name or known is None:
            return self
        for pattern in self.commands:
            name = pattern.split()[0]
            if name != EVERYTHING and TYPED_NAME not in known[name].model_fields:
                raise ValueError(f"wants a name typed, which `{name}` has no place for")
        return self


class Freeze(_Selects):
    """A time in which what fits is not done."""

    name: str = Field(min_length=1, description="What it is called in a refusal")
    start: _Moment = Field(alias="from")
    until: _Moment
    time_zone: _Zone | None = None
    still: _Who = Field(default=(), description="Who may do it all the same")

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        self.window("UTC")
        return self

    def window(self, usual: str) -> Window:
        zone = ZoneInfo(self.time_zone or usual)
        return Window(Moment.parse(self.start), Moment.parse(self.until), zone)


class Approvals(_Part):
    """How approvals are given where a rule does not say otherwise."""

    approvers: _Who = (Role.DEPLOYER.label,)
    self_approve: SelfApprove = SelfApprove.NEVER
    expire: _Span = Field(
        default=timedelta(hours=4), description="How long one can be given (ISO 8601)"
    )
    channel: _Channel | None = Field(
        default=None, description="Where they are asked for; else where the run is told"
    )


class Policy(_Part):
    """One file. Rules are read from the top: for each thing, the first one that fits and says
    something about it decides."""

    time_zone: _Zone = "UTC"
    production: _Patterns = Field(
        default=(),
        description="Names of instances that matter most; the name is typed before one is deleted"
        " at once",
    )
    approvals: Approvals = Approvals()
    creations_per_day: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How many instances one person may create in a day"
    )
    rules: tuple[Rule, ...] = ()
    freezes: tuple[Freeze, ...] = ()

    def is_production(self, subject: str) -> bool:
        return _like(subject, self.production)

    def kind(self, subject: str) -> Kind:
        """What all that it asks about an instance's name comes to."""
        about = (*self.rules, *self.freezes)
        named = (_like(subject, part.instances) for part in about if part.instances is not None)
        return (self.is_production(subject), *named)

    def fitting(self, asked: Asked) -> Iterator[tuple[int, Rule]]:
        """The rules that fit, with their place in the list, in order."""
        for place, rule in enumerate(self.rules):
            if rule.fits(asked, self.production):
                yield place, rule

    def who_may(self, asked: Asked) -> tuple[int, Rule | None, tuple[str, ...]]:
        """Who may do it, and the rule that says so with its place; None: the command's own
        definition."""
        for place, rule in self.fitting(asked):
            if rule.may is not None:
                return place, rule, rule.may
        return 0, None, (asked.needs.label,)

    def frozen(self, asked: Asked) -> Iterator[tuple[int, Freeze]]:
        """The freezes that fit, whenever they are."""
        for place, freeze in enumerate(self.freezes):
            if freeze.fits(asked, self.production):
                yield place, freeze


def includes(who: Iterable[str], actor: Actor) -> bool:
    """Whether an actor is meant, by id or by role; a role means the higher ones, too."""
    return any(
        word == actor.key or (word in _ROLES and actor.role >= Role.parse(word)) for word in who
    )


def _names(pattern: str, asked: Asked) -> bool:
    name, *switches = pattern.split()
    if name == EVERYTHING:
        return asked.changes and asked.switches.issuperset(switches)
    return name == asked.command.name and asked.switches.issuperset(switches)


def _like(subject: str, patterns: tuple[str, ...]) -> bool:
    return bool(subject and patterns) and _any_of(patterns).match(subject) is not None


@lru_cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))
