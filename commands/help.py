"""Say what can be done, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from engine.actor import Door, Role
from engine.answer import Answer, Code, Offer, Offers, Part, Table, Text
from engine.command import Argument, Change, Completes, Question
from engine.words import PROMPT, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.command import Command, Parameter
    from engine.world import World

_EVERYWHERE = "Show the steps, the duration and the cost, and stop there"
_NO_WAIT = "Refuse when something else is changing the same, instead of waiting in line"


class Help(Question):
    """Say what can be done, or how one command is used."""

    name: ClassVar[str] = "help"
    group: ClassVar[str] = "Help"
    examples: ClassVar[tuple[str, ...]] = ("help", "help create")

    command: Annotated[str | None, Argument(), Completes("command")] = Field(
        default=None, description="The command to explain", examples=["create"]
    )

    async def answer(self, world: World) -> Answer:
        rights = await world.control.rights(world.actor)
        if self.command is not None:
            command = world.registry.command(self.command.removeprefix("/"))
            return _about(world, command, mine=rights.use(command))
        mine = rights.commands()
        return Answer(
            title="What you can do here",
            parts=(*_groups(world, mine), *_beyond(world, mine), Offers(offers=_starters(mine))),
            data={"commands": [_short_json(c) for c in mine]},
        )


def _groups(world: World, commands: Sequence[type[Command]]) -> list[Part]:
    """One table per group, the group of instances first."""
    groups = sorted({c.group for c in commands}, key=lambda g: (g != "Instances", g == "Help", g))
    parts: list[Part] = []
    for group in groups:
        rows = tuple(
            (f"{_prompt(world)} {c.usage()}", c.summary().rstrip("."))
            for c in commands
            if c.group == group
        )
        parts.append(Table(columns=(group, "What it does"), rows=rows))
    return parts


def _beyond(world: World, mine: Sequence[type[Command]]) -> list[Part]:
    """Those that the asker may not use are counted, so that nobody looks for them in vain."""
    parts: list[Part] = []
    rest = [c for c in world.registry.listed if c not in mine]
    for role in Role:
        names = [c.name for c in rest if c.role == role > world.actor.role]
        if names:
            text = f"{_counted(names)} the role {role.label}: {_quoted(names)}."
            parts.append(Text(text=text))
    if names := [c.name for c in rest if c.role <= world.actor.role]:
        text = f"The policy keeps {_quoted(names)} from you; `policy explain` says why."
        parts.append(Text(text=text))
    return parts


def _counted(names: Sequence[str]) -> str:
    return f"{plural(len(names), 'more command')} {'needs' if len(names) == 1 else 'need'}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _starters(commands: Sequence[type[Command]]) -> tuple[Offer, ...]:
    names = [c.name for c in commands]
    offers = []
    if "create" in names:
        offers.append(Offer(label="Create an instance", line="create", style="primary"))
    if "list" in names:
        offers.append(Offer(label="List instances", line="list"))
    return tuple(offers)


def _about(world: World, command: type[Command], *, mine: bool) -> Answer:
    prompt = _prompt(world)
    parts: list[Part] = [
        Code(text=f"{prompt} {command.usage()}", title="Usage"),
    ]
    if more := command.help_text().removeprefix(command.summary()).strip():
        parts.append(Text(text=more))
    rows = [_row(p) for p in command.parameters()]
    if issubclass(command, Change):
        rows.append(("--plan", _EVERYWHERE))
        if command.patient:
            rows.append(("--no-wait", _NO_WAIT))
    if rows:
        parts.append(Table(columns=("Argument", "Meaning"), rows=tuple(rows)))
    if command.examples:
        lines = "\n".join(f"{prompt} {example}" for example in command.examples)
        parts.append(Code(text=lines, title="Examples"))
    if not mine:
        text = f"It needs the role {command.role.label}; yours is {world.actor.role.label}."
        if command.role <= world.actor.role:
            text = f"The policy keeps it from you; `policy explain {command.name}` says why."
        parts.append(Text(text=text))
    return Answer(
        title=f"{command.name}: {command.summary().rstrip('.')}",
        parts=tuple(parts),
        data=_short_json(command)
        | {
            "help": command.help_text(),
            "examples": list(command.examples),
            "parameters": [_parameter_json(p) for p in command.parameters()],
        },
    )


def _row(parameter: Parameter) -> tuple[str, str]:
    meaning = parameter.description
    if parameter.choices:
        meaning += f" ({', '.join(parameter.choices)})"
    elif parameter.examples:
        meaning += f", e.g. {parameter.examples[0]}"
    if not parameter.required and parameter.default not in (None, False, ()):
        meaning += f"; {parameter.default} unless given"
    return (parameter.name if parameter.argument else parameter.option, meaning)


def _short_json(command: type[Command]) -> dict[str, Any]:
    return {
        "name": command.name,
        "usage": command.usage(),
        "summary": command.summary(),
        "group": command.group,
        "role": command.role.label,
        "risk": command.risk,
    }


def _parameter_json(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "typed": parameter.name if parameter.argument else parameter.option,
        "description": parameter.description,
        "required": parameter.required,
        "choices": list(parameter.choices),
    }


def _prompt(world: World) -> str:
    return PROMPT.removeprefix("/") if world.origin.door == Door.CLI else PROMPT
