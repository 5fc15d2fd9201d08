"""A small language for the shape of JSON, in which the tables of Block Kit are written.

A check is called with a value, its JSON pointer and the findings so far, and adds what is wrong.
The wording follows Slack's own messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    pointer: str
    constraint: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """As the older methods print it."""
        return f"{self.message} [json-pointer:{self.pointer}]"

    def as_json(self) -> dict[str, Any]:
        """As blocks.validate prints it."""
        shown: dict[str, Any] = {
            "code": "failed_constraint",
            "message": self.message,
            "pointer": self.pointer,
        }
        return shown | ({"constraint": dict(self.constraint)} if self.constraint else {})


@dataclass
class Findings:
    """What was found so far; `refused` are block types that this Slack pretends not to know."""

    refused: Collection[str] = ()
    problems: list[Problem] = field(default_factory=list)

    def add(self, at: str, message: str, kind: str = "", expected: Any = None) -> None:
        constraint = {"type": kind, "expected": expected} if kind else {}
        self.problems.append(Problem(message, at, constraint))


class Check(Protocol):
    """Looks at one value."""

    def __call__(self, value: Any, at: str, found: Findings, /) -> None: ...


class Rule(Protocol):
    """Looks at an object as a whole."""

    def __call__(self, value: Mapping[str, Any], at: str, found: Findings, /) -> None: ...


def anything(value: Any, at: str, found: Findings) -> None:
    """No demands."""


@dataclass(frozen=True)
class String:
    most: int | None = None
    least: int = 0
    pattern: str | None = None

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, str):
            found.add(at, "must provide a string", "type", "string")
        elif self.most is not None and len(value) > self.most:
            found.add(at, f"must be less than {self.most + 1} characters", "maxLength", self.most)
        elif len(value) < self.least:
            found.add(
                at, f"must be more than {self.least - 1} characters", "minLength", self.least
            )
        elif self.pattern and not re.fullmatch(self.pattern, value):
            found.add(at, "must match the expected format", "pattern", self.pattern)


@dataclass(frozen=True)
class Number:
    least: float | None = None
    most: float | None = None
    above: float | None = None
    whole: bool = False

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        kind = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind):
            word = "integer" if self.whole else "number"
            found.add(at, f"must provide a{'n' * self.whole} {word}", "type", word)
        elif self.least is not None and value < self.least:
            found.add(at, f"must be at least {self.least}", "minimum", self.least)
        elif self.most is not None and value > self.most:
            found.add(at, f"must be at most {self.most}", "maximum", self.most)
        elif self.above is not None and value <= self.above:
            found.add(at, f"must be more than {self.above}", "exclusiveMinimum", self.above)


@dataclass(frozen=True)
class Flag:
    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, bool):
            found.add(at, "must provide a boolean", "type", "boolean")


class Enum:
    def __init__(self, *values: object) -> None:
        self.values = values

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if value not in self.values:
            found.add(at, "must be a valid enum value", "enum", list(self.values))


@dataclass(frozen=True)
class Items:
    of: Check
    least: int = 0
    most: int | None = None

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, list):
            found.add(at, "must provide an array", "type", "array")
            return
        if self.most is not None and len(value) > self.most:
            found.add(at, f"no more than {self.most} items allowed", "maxItems", self.most)
        if len(value) < self.least:
            found.add(at, f"no fewer than {self.least} items allowed", "minItems", self.least)
        for index, item in enumerate(value):
            self.of(item, f"{at}/{index}", found)


class Shape:
    """An object: its fields, which of them it needs, and rules between them."""

    def __init__(
        self,
        needs: str = "",
        rules: Sequence[Rule] = (),
        /,
        **fields: Check,
    ) -> None:
        self.needs = tuple(needs.split())
        self.rules = tuple(rules)
        self.fields = fields

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add(at, "must provide an object", "type", "object")
            return
        for name in self.needs:
            if value.get(name) is None:
                found.add(at, f"missing required field: {name}", "required", name)
        for name, item in value.items():
            check = self.fields.get(name)
            if check is not None and item is not None:
                check(item, f"{at}/{name}", found)
            elif check is None and name != "type":
                found.add(at, f"invalid additional property: {name}", "additionalProperties")
        for rule in self.rules:
            rule(value, at, found)


class OneOf:
    """An object whose `type` says which shape of a table it has; `allowed` narrows the table."""

    def __init__(self, table: Mapping[str, Shape], allowed: str | None = None) -> None:
        self.table = table
        self.allowed = None if allowed is None else tuple(allowed.split())

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add(at, "must provide an object", "type", "object")
            return
        kind = value.get("type")
        if kind is None:
            found.add(at, "missing required field: type", "required", "type")
            return
        allowed = tuple(self.table) if self.allowed is None else self.allowed
        if kind not in allowed or kind in found.refused:
            known = [name for name in allowed if name not in found.refused]
            found.add(f"{at}/type", f"unsupported type: {kind}", "enum", known)
            return
        self.table[kind](value, at, found)


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; empty for what is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def any_of(*names: str) -> Rule:
    """At least one of these fields has to be there."""

    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        if all(value.get(name) is None for name in names):
            found.add(
                at, f"must provide at least one of: {', '.join(names)}", "anyOf", list(names)
            )

    return rule


def one_of(*names: str) -> Rule:
    """Exactly one of these fields has to be there."""

    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        if sum(value.get(name) is not None for name in names) != 1:
            found.add(at, f"must provide exactly one of: {', '.join(names)}", "oneOf", list(names))

    return rule


def ordered(low: str, high: str) -> Rule:
    """The one number must not be larger than the other."""

    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        try:
            wrong = float(value[low]) > float(value[high])
        except (KeyError, TypeError, ValueError):
            return
        if wrong:
            found.add(at, f"{low} must not be more than {high}", "range", [low, high])

    return rule


def unique(items: str, key: str) -> Rule:
    """No two entries of a list may have the same value under `key`."""

    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        entries = value.get(items)
        repeated(entries if isinstance(entries, list) else [], key, f"{at}/{items}", found)

    return rule


def repeated(entries: Sequence[Any], key: str, at: str, found: Findings) -> None:
    """Report every entry whose value under `key` an earlier one has already."""
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        value = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(value, str) and value in seen:
            where = f"{at}/{index}/{key}"
            found.add(where, f"`{key}` {value} already exists", "unique", key)
        elif isinstance(value, str):
            seen.add(value)
