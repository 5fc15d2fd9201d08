"""Finds command and step definitions by folder: no central list, no import side effects."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from engine.command import Change, Command, Question
from engine.errors import UnknownCommand
from engine.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from pydantic import BaseModel


class Registry:
    """The commands and step kinds of one product. Refuses duplicates with a ValueError."""

    def __init__(self, commands: Mapping[str, type[Command]], steps: Mapping[str, type[Step]]):
        self._commands = dict(sorted(commands.items()))
        self._steps = dict(steps)

    @property
    def commands(self) -> tuple[type[Command], ...]:
        """By name."""
        return tuple(self._commands.values())

    @property
    def listed(self) -> tuple[type[Command], ...]:
        """Those that are offered, by name."""
        return tuple(command for command in self.commands if command.listed)

    @property
    def fingerprint(self) -> str:
        """Equal for versions that understand the same stored steps and commands."""
        known: dict[str, type[BaseModel]] = {
            **{f"step {kind}": step for kind, step in self._steps.items()},
            **{f"command {name}": command for name, command in self._commands.items()},
        }
        shapes = {name: sorted(one.model_fields) for name, one in sorted(known.items())}
        return hashlib.sha256(repr(shapes).encode()).hexdigest()[:12]

    def command(self, name: str) -> type[Command]:
        """Ignores case. Raises UnknownCommand with the nearest one."""
        found = self._commands.get(name.lower())
        if found is None:
            nearest = difflib.get_close_matches(name.lower(), self._commands, n=1, cutoff=0.5)
            raise unknown_command(name, nearest[0] if nearest else "")
        return found

    def load_command(self, name: str, stored: Mapping[str, Any]) -> Command:
        """A stored command, as it was."""
        return self.command(name).model_validate(dict(stored))

    def load_step(self, stored: Mapping[str, Any]) -> Step:
        """A stored step, as it was. Raises KeyError for a kind that this version does not know."""
        fields = {key: value for key, value in stored.items() if key != "kind"}
        return self._steps[stored["kind"]].model_validate(fields)


def unknown_command(name: str, guess: str) -> UnknownCommand:
    """`guess` is what may be meant; empty: nothing is near."""
    return UnknownCommand(
        f"There is no command `{name}`." + (f" Did you mean `{guess}`?" if guess else ""),
        typed=name,
        nearest=guess,
        why="Nothing was done.",
        who="You can type it again; `help` lists what there is.",
        next_step=f"/luthien {guess or 'help'}",
    )


def discover(package: ModuleType) -> Registry:
    """All commands and steps defined in the package's modules, sub-packages included."""
    commands: dict[str, type[Command]] = {}
    steps: dict[str, type[Step]] = {}
    for module in _modules(package):
        for value in vars(module).values():
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            if issubclass(value, Change | Question):
                _add(commands, value.name, value)
            elif issubclass(value, Step):
                _add(steps, value.kind, value)
    return Registry(commands, steps)


def _add(known: dict[str, Any], name: str, definition: type) -> None:
    if name in known:
        raise ValueError(
            f"{definition.__module__} and {known[name].__module__} both define {name!r}"
        )
    known[name] = definition


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        yield importlib.import_module(info.name)
