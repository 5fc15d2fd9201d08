"""What people enter: `state.values` of views and messages, from plain values and back.

Source: docs.slack.dev/reference/interaction-payloads/view-interactions-payload.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.slack.records import Json, State

KEYS = {
    "plain_text_input": "value",
    "email_text_input": "value",
    "url_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "users_select": "selected_user",
    "conversations_select": "selected_conversation",
    "channels_select": "selected_channel",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
    "multi_channels_select": "selected_channels",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}
"""Under which key an element's value is sent."""

INITIAL = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_user": "initial_user",
    "selected_conversation": "initial_conversation",
    "selected_channel": "initial_channel",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
    "selected_options": "initial_options",
    "selected_users": "initial_users",
    "selected_conversations": "initial_conversations",
    "selected_channels": "initial_channels",
    "rich_text_value": "initial_value",
    "files": "initial_files",
}
LISTS = {key for key in INITIAL if key.endswith("s")}
OPTIONS = ("selected_option", "selected_options")


class Mistake(ValueError):
    """A value that no person could enter there; the text says why."""


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with the block it stands in, wherever it is nested."""
    for block in blocks:
        yield from _inside(block, block)


def _inside(node: Any, block: Json) -> Iterator[tuple[Json, Json]]:
    if isinstance(node, list):
        for item in node:
            yield from _inside(item, block)
    elif isinstance(node, dict):
        if "action_id" in node:
            yield block, node
        inner = node if "block_id" in node else block
        for item in node.values():
            yield from _inside(item, inner)


def initial(blocks: list[Json], channel: str | None = None) -> Json:
    """`state.values` before anybody touched anything; `channel` is where the person was."""
    values: Json = {}
    for block, element in elements(blocks):
        key = KEYS.get(element["type"])
        if key is not None and element["type"] != "overflow":
            first = element.get(INITIAL[key], [] if key in LISTS else None)
            if not first and channel and element.get("default_to_current_conversation"):
                first = [channel] if key in LISTS else channel
            values.setdefault(block["block_id"], {})[element["action_id"]] = {
                "type": element["type"],
                key: copy.deepcopy(first),
            }
    return values


def carried(fresh: Json, before: Json) -> Json:
    """Fresh values, with what was entered before under the same ids and types."""
    for block_id, actions in fresh.items():
        for action_id, value in actions.items():
            old = before.get(block_id, {}).get(action_id)
            if old is not None and old.get("type") == value["type"]:
                actions[action_id] = old
    return fresh


def entered(blocks: list[Json], before: Json, given: Json, state: State) -> Json:
    """`state.values` after a person entered `given`.

    `given` names a field by block_id, action_id or label, or is `{block_id: {action_id: …}}`; a
    value is plain (text, an option's value or label, a list of them) or as Slack words it.
    """
    values = copy.deepcopy(before)
    for name, wanted in given.items():
        for block, element, value in _addressed(blocks, name, wanted):
            values.setdefault(block["block_id"], {})[element["action_id"]] = worded(
                element, value, state
            )
    return values


def _addressed(blocks: list[Json], name: str, wanted: Any) -> list[tuple[Json, Json, Any]]:
    inputs = [(b, e) for b, e in elements(blocks) if e["type"] in KEYS]
    in_block = [(b, e) for b, e in inputs if b["block_id"] == name]
    by_action = {element["action_id"]: (block, element) for block, element in in_block}
    if in_block and isinstance(wanted, dict) and _by_action(wanted, by_action):
        unknown = [action for action in wanted if action not in by_action]
        if unknown:
            raise Mistake(f"block {name} has no element {unknown[0]}")
        return [(*by_action[action], value) for action, value in wanted.items()]
    found = in_block or [
        (b, e)
        for b, e in inputs
        if e["action_id"] == name or b.get("label", {}).get("text", "").lower() == name.lower()
    ]
    if not found:
        raise Mistake(f"the view has no field {name}")
    return [(block, element, wanted) for block, element in found[:1]]


def _by_action(wanted: Json, by_action: Mapping[str, object]) -> bool:
    """Whether the keys are action_ids. An app may name one as Slack names its words (`value`), so
    keys that are action_ids and hold Slack-shaped values come first."""
    nested = all(isinstance(value, dict) for value in wanted.values())
    return (nested and wanted.keys() <= by_action.keys()) or not {"type", *INITIAL} & wanted.keys()


def worded(element: Json, value: Any, state: State) -> Json:
    """A plain value as Slack words it for this element."""
    kind = element["type"]
    key = KEYS[kind]
    if isinstance(value, dict) and key in value:
        value = value[key]
    if value in ("", None):
        value = [] if key in LISTS else None
    elif key in OPTIONS:
        chosen = [_option(element, item) for item in _list(value)]
        value = chosen if key in LISTS else chosen[0]
    elif key == "rich_text_value" and isinstance(value, str):
        section = {"type": "rich_text_section", "elements": [{"type": "text", "text": value}]}
        value = {"type": "rich_text", "elements": [section]}
    elif key == "value":
        value = str(value)
    elif key == "selected_date_time":
        value = int(value)
    elif "user" in key or "conversation" in key or "channel" in key:
        ids = [_id(str(item), state) for item in _list(value)]
        value = ids if key in LISTS else ids[0]
    elif key in LISTS:
        value = _list(value)
    return {"type": kind, key: value}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _id(named: str, state: State) -> str:
    name = named.lstrip("@#")
    people = {person.name: person.id for person in state.people.values()}
    known = {channel.name: channel.id for channel in state.channels.values()} | people
    if named in (*state.people, *state.channels):
        return named
    if name in known:
        return known[name]
    raise Mistake(f"there is no {named}")


def _option(element: Json, wanted: Any) -> Json:
    if isinstance(wanted, dict):
        return wanted
    offered = list(element.get("options", []))
    for group in element.get("option_groups", []):
        offered += group["options"]
    for option in offered:
        if str(wanted) in (option.get("value"), option["text"]["text"]):
            return {name: option[name] for name in ("text", "value") if name in option}
    if "external" in element["type"]:
        text = {"type": "plain_text", "text": str(wanted), "emoji": True}
        return {"text": text, "value": str(wanted)}
    raise Mistake(f"{element['action_id']} offers no {wanted}")


def refusals(blocks: list[Json], values: Json) -> dict[str, str]:
    """What Slack's own client objects to before it submits, by block_id."""
    errors: dict[str, str] = {}
    for block, element in elements(blocks):
        if block.get("type") != "input" or element is not block.get("element"):
            continue
        key = KEYS[element["type"]]
        entry = values.get(block["block_id"], {}).get(element["action_id"], {})
        value = entry.get(key)
        if value in (None, "", []):
            if not block.get("optional"):
                errors[block["block_id"]] = "Please complete this required field."
        elif problem := _problem(element, value):
            errors[block["block_id"]] = problem
    return errors


def _problem(element: Json, value: Any) -> str | None:
    match element["type"]:
        case "plain_text_input":
            if len(value) < element.get("min_length", 0):
                return f"Must be at least {element['min_length']} characters."
            if len(value) > element.get("max_length", 3000):
                return f"Must be at most {element.get('max_length', 3000)} characters."
        case "email_text_input" if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            return "Please enter a valid email address."
        case "url_text_input" if not re.match(r"https?://\S+$", value):
            return "Please enter a valid URL."
        case "number_input":
            return _number_problem(element, value)
        case _ if isinstance(value, list) and len(value) > element.get("max_selected_items", 100):
            return f"Please select at most {element['max_selected_items']} items."
    return None


def _number_problem(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and number < float(low):
        return f"Must be at least {low}."
    if high is not None and number > float(high):
        return f"Must be at most {high}."
    return None
