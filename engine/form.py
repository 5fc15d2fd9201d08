"""What a command asks beyond its own fields: inputs in groups, filled in with what is true now.
Neutral, so that each door with forms draws it in its own idiom."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class Input(_Part):
    """One thing to enter. `name` comes back with what was entered, when that differs from
    `value`; emptied, it comes back empty."""

    name: str
    label: str
    hint: str = ""
    kind: Literal["text", "lines", "integer", "url", "choice", "secret"] = "text"
    """A secret is never filled in: left empty it stays as it is."""
    value: str = ""
    choices: tuple[str, ...] = ()
    unset: str = ""
    """For a choice that may be left open: what that means."""
    least: int | None = None
    most: int | None = None
    placeholder: str = ""
    required: bool = False
    always: bool = False
    """It comes back also when it was left as it is."""


class Group(_Part):
    title: str
    inputs: tuple[Input, ...]


class Form(_Part):
    title: str
    intro: str = ""
    groups: tuple[Group, ...]
    options: tuple[str, ...] = ()
    """Fields of the command that are asked for below."""
