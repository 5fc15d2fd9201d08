"""The policy's file: read with the place of every value, watched, and quoted by its lines."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from engine.errors import NotConfigured
from engine.notices import Notice
from engine.policy import Approvals, Freeze, Policy, Rule
from engine.words import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.command import Command

DEFAULT = Path(__file__).with_name("default_policy.yaml")
SCHEMA = Path(__file__).with_name("policy.schema.json")

_log = logging.getLogger(__name__)

Where = tuple[str | int, ...]
"""Where a value lies: keys and places in lists, from the top."""


@dataclass(frozen=True)
class Fault:
    """What is wrong in one place; line and column count from 1."""

    line: int
    column: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.reason}"


class BrokenPolicy(Exception):
    """Every fault of a file, in its order."""

    def __init__(self, name: str, faults: tuple[Fault, ...]) -> None:
        self.name = name
        self.faults = tuple(sorted(faults, key=lambda f: (f.line, f.column)))
        super().__init__(f"{name}: {listed([str(f) for f in self.faults])}")

    @property
    def why(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True)
class Quote:
    """A line of the file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: `{self.text}`"


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy with the lines that it was read from."""

    name: str
    policy: Policy
    lines: tuple[str, ...]
    places: Mapping[Where, int]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def quote(self, *path: str | int) -> Quote | None:
        """The line that says this; None: no line does, it is so by default."""
        line = self.places.get(path)
        return Quote(self.name, line, self.lines[line - 1].strip(" -")) if line else None


def read_policy(
    text: str, name: str, commands: Mapping[str, type[Command]] | None = None
) -> LoadedPolicy:
    """Raises BrokenPolicy with every fault. Without `commands` their names are not checked."""
    marks: dict[Where, yaml.Mark] = {}
    faults: list[Fault] = []
    try:
        node = yaml.compose(text, Loader=_Loader)
        raw = _value(node, (), marks, faults) if node else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        raise BrokenPolicy(name, (Fault(line, column, f"is not YAML: {reason}"),)) from None
    except yaml.YAMLError as error:
        raise BrokenPolicy(name, (Fault(1, 1, f"is not YAML: {error}"),)) from None
    except RecursionError:
        raise BrokenPolicy(name, (Fault(1, 1, "has a part that holds itself"),)) from None
    try:
        policy = Policy.model_validate(raw, context={"commands": commands})
    except ValidationError as error:
        faults += [_fault(found, marks) for found in error.errors(include_url=False)]
        raise BrokenPolicy(name, tuple(dict.fromkeys(faults))) from None
    if faults:
        raise BrokenPolicy(name, tuple(faults))
    places = {path: mark.line + 1 for path, mark in marks.items()}
    return LoadedPolicy(name, policy, tuple(text.splitlines()), places)


def json_schema() -> str:
    """What the committed schema file holds."""
    schema = Policy.model_json_schema(by_alias=True)
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class StandingPolicy:
    """The policy in force: the file's newest good content, looked at whenever it is used."""

    def __init__(
        self,
        path: Path | None = None,
        commands: Mapping[str, type[Command]] | None = None,
        last_good: str | None = None,
    ) -> None:
        """`last_good`: what the file said when it was last in force, for when it cannot be used
        now. Raises NotConfigured when nothing can be."""
        self.path = path
        """None: the built-in one."""
        self._path = path or DEFAULT
        self._commands = commands
        self._seen = self._state()
        self.broken: BrokenPolicy | None = None
        """Why the newest content is not in force."""
        self.loaded: LoadedPolicy
        """What was in force when it was last looked at."""
        self.news: Notice | None = None
        """What is to be told of a change; whoever tells it takes it away."""
        try:
            self.loaded = self._read()
        except BrokenPolicy as broken:
            self.loaded, self.broken = self._of_before(last_good, broken), broken
            self.news = self._refused(
                broken,
                "cannot be read, so its last good content is in force, as before this start",
            )

    def look(self) -> LoadedPolicy:
        """The policy, read anew when the file has changed."""
        state = self._state()
        if state == self._seen:
            return self.loaded
        self._seen = state
        try:
            self.loaded, self.broken = self._read(), None
        except BrokenPolicy as broken:
            self.broken = broken
            self.news = self._refused(
                broken, "was changed and cannot be read, so what held before still does"
            )
        else:
            text = f"📜 The policy {self.loaded.name} was changed. It is in force from now on."
            self.news = self._notice(text)
        return self.loaded

    def _read(self) -> LoadedPolicy:
        try:
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            fault = Fault(1, 1, f"cannot be read: {reason}")
            raise BrokenPolicy(self._path.name, (fault,)) from None
        return read_policy(text, self._path.name, self._commands)

    def _of_before(self, text: str | None, broken: BrokenPolicy) -> LoadedPolicy:
        """Raises NotConfigured when there is none, or this version cannot read it."""
        try:
            if text is not None:
                return read_policy(text, self._path.name, self._commands)
        except BrokenPolicy as also:
            _log.warning("the last good policy cannot be used either: %s", also)
        raise NotConfigured(
            f"The policy {self._path} cannot be used.",
            why=broken.why,
            who="Whoever runs luthien-ops mends the file, or sets LUTHIEN_POLICY to another.",
            next_step="/luthien doctor",
        )

    def _state(self) -> tuple[int, int, int]:
        """Differs once the file was written anew or replaced."""
        try:
            stat = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def _refused(self, broken: BrokenPolicy, what: str) -> Notice:
        """What is told of it; the log has it at once."""
        _log.warning("the policy %s: %s", what, broken)
        count = plural(len(broken.faults), "fault")
        return self._notice(f"⚠️ The policy {broken.name} {what}. {count}:\n{broken.why}")

    def _notice(self, text: str) -> Notice:
        """Told once however many processes see this state of the file."""
        state = hashlib.sha256(repr((str(self._path), self._seen)).encode()).hexdigest()
        return Notice(key=f"policy:{state[:16]}", text=text)


class _Loader(yaml.SafeLoader):
    """Dates and times stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _value(
    node: yaml.Node, path: Where, marks: dict[Where, yaml.Mark], faults: list[Fault]
) -> Any:
    """What a node says; where each part of it lies goes into `marks`."""
    marks.setdefault(path, node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_value(n, (*path, i), marks, faults) for i, n in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        try:
            return _Loader("").construct_object(node)
        except (ValueError, LookupError):  # `!!int many`: a value that its own tag does not fit
            mark = node.start_mark
            raise yaml.MarkedYAMLError(None, None, f"{node.tag} does not fit", mark) from None
    found: dict[str, Any] = {}
    for key, value in node.value:
        word, mark = str(key.value), key.start_mark
        if word in found:
            faults.append(Fault(mark.line + 1, mark.column + 1, f"`{word}` stands here twice"))
        marks[*path, word] = mark
        found[word] = _value(value, (*path, word), marks, faults)
    return found


def _fault(found: Any, marks: Mapping[Where, yaml.Mark]) -> Fault:
    """A fault at the nearest place that is in the file."""
    path: Where = tuple(found["loc"])
    near = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in marks or n == 0)
    mark = marks.get(near)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Fault(line, column, _reason(found, path))


def _reason(found: Any, path: Where) -> str:
    if path and isinstance(path[-1], str):
        name = path[-1] or "(nothing)"
    else:
        name = f"{path[-2]}, entry {int(path[-1]) + 1}" if len(path) > 1 else "the file"
    error = found.get("ctx", {}).get("error")
    if isinstance(error, ValueError):
        return f"`{name}` {error}"
    match found["type"]:
        case "missing":
            return f"`{name}` is needed"
        case "extra_forbidden":
            near = difflib.get_close_matches(name, _keys(), n=1)
            return f"`{name}` is not known here" + (f"; did you mean `{near[0]}`?" if near else "")
        case "time_delta_parsing" | "time_delta_type":
            return f"`{name}` is no ISO 8601 duration like PT4H"
        case "enum":
            return f"`{name}` should be one of {found['ctx']['expected']}"
    return f"`{name}` {found['msg'].replace('Input should', 'should')}"


def _keys() -> Iterator[str]:
    for part in (Policy, Approvals, Rule, Freeze):
        for name, field in part.model_fields.items():
            yield field.alias or name
