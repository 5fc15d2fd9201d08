"""A gateway's policy as people write it: YAML with a class and its config. Pure.

Either a whole policy file (`policy: {class: …, config: {…}}`), or the config alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from commands.redaction import HIDDEN
from engine.secrecy import is_harmless, looks_secret, names_a_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 200


class Unreadable(ValueError):
    """The text says why, with line and column where it is known."""


@dataclass(frozen=True)
class PolicyText:
    """`places` maps a field of the config to where it stands, as `line 3, column 5`."""

    class_ref: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read(text: str) -> PolicyText:
    """Raises Unreadable."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(f"{_place(mark)}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise Unreadable(str(error).splitlines()[0]) from None
    if root is None or data is None:
        return PolicyText()
    if not isinstance(data, dict) or not isinstance(root, yaml.MappingNode):
        raise Unreadable(f"{_place(root.start_mark)}: should be names with values, `name: value`")
    _check_names(root)
    if set(data) == {"policy"} and isinstance(data["policy"], dict):
        return _whole(root, data["policy"])
    return PolicyText(config=data, places=_places(root))


def is_class(text: str) -> bool:
    """`package.module:ClassName`."""
    module, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and all(p.isidentifier() for p in module.split("."))


def written(config: Mapping[str, Any], *, hide: bool = True) -> str:
    """As YAML, secrets hidden."""
    shown = _hidden(config) if hide else dict(config)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True) if shown else ""


def hidden(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same, secrets hidden."""
    shown: dict[str, Any] = _hidden(config)
    return shown


def holds_secrets(config: Mapping[str, Any]) -> bool:
    return hidden(config) != dict(config)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """One line for each field of the config that changes, secrets hidden."""
    old, new = _hidden(before), _hidden(after)
    lines = []
    for name in [*before, *(n for n in after if n not in before)]:
        if name not in after:
            lines.append(f"- {name} (was {_short(old[name])})")
        elif name not in before:
            lines.append(f"+ {name}: {_short(new[name])}")
        elif before[name] != after[name]:
            lines.append(f"~ {name}: {_short(old[name])} → {_short(new[name])}")
    return lines


def _whole(root: yaml.MappingNode, policy: Mapping[str, Any]) -> PolicyText:
    [(_, body)] = root.value
    if unknown := [key for key in policy if key not in ("class", "config")]:
        where = _places(body).get(str(unknown[0]), _place(body.start_mark))
        raise Unreadable(f"{where}: `{unknown[0]}` has no place here, only class and config")
    config = policy.get("config") or {}
    found = {str(key.value): value for key, value in body.value}
    if not isinstance(config, dict):
        raise Unreadable(f"{_place(found['config'].start_mark)}: config should be a mapping")
    class_ref = policy.get("class")
    if not isinstance(class_ref, str) or not class_ref:
        node = found.get("class", body)
        raise Unreadable(f"{_place(node.start_mark)}: class should be the name of a policy")
    places = _places(found["config"]) if config else {}
    return PolicyText(class_ref, config, places)


def _check_names(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise Unreadable(f"{_place(key.start_mark)}: a name should be text")
            if key.value in seen:
                raise Unreadable(f"{_place(key.start_mark)}: `{key.value}` stands there twice")
            seen.add(key.value)
            _check_names(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_names(value)


def _places(node: yaml.Node) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): _place(key.start_mark) for key, _ in node.value}


def _place(mark: yaml.Mark | None) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"


def _hidden(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _hidden(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner, name) for inner in value]
    text = value if isinstance(value, str) else ""
    secret = looks_secret(text) or (names_a_secret(name) and not is_harmless(text))
    return HIDDEN if secret else value


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True)
    text = " ".join(text.removesuffix("...\n").split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
