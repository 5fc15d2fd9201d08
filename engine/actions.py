"""What is offered where an instance is shown: by the situation that it is in, the same commands at
every door."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.answer import Confirm, Offer
from engine.command import Change, Risk
from engine.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.command import Command

_WELL = Situation()


def actions(commands: Iterable[type[Command]], about: Situation) -> Sequence[type[Command]]:
    """Those that can be asked about an instance and make sense in its situation."""
    return [c for c in commands if is_about_one(c) and c.makes_sense(about)]


def is_about_one(command: type[Command]) -> bool:
    """Whether what is typed first names the instance that it is about."""
    first = next((p for p in command.parameters() if p.argument), None)
    return first is not None and first.completes == "instance"


def remedies(commands: Iterable[type[Command]]) -> Sequence[type[Command]]:
    """Those among them that the situation calls for: nobody needs them for one that is well."""
    return [c for c in commands if not c.makes_sense(_WELL)]


def asks_first(command: type[Command]) -> bool:
    """Whether it shows what it would do and waits for a yes before anything happens."""
    return issubclass(command, Change) and command.confirmation is not Change.confirmation


def offer(command: type[Command], instance: str, about: Situation) -> Offer:
    """A button that says what it does to which instance."""
    what = command.caption()
    label, line = f"{what} {instance}", f"{command.name} {instance}"
    if command.risk is Risk.REMOVES:
        sure = Confirm(title=f"{what}?", text=command.summary(), yes=what)
        return Offer(label=label, line=line, style="danger", confirm=sure)
    # What somebody else has locked is not taken from them without a reason.
    return Offer(label=label, line=line, form=about.barred, style="primary")
