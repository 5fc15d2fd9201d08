"""Composition objects: text, options, confirm dialogs, filters.

Source: docs.slack.dev/reference/block-kit/composition-objects; limits as blocks.validate has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack.blockkit.shape import (
    Enum,
    Findings,
    Flag,
    Items,
    OneOf,
    Shape,
    String,
    dicts,
    one_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.slack.blockkit.shape import Check, Rule

ACTION_ID = String(255)
BLOCK_ID = String(255)
URL = String(3000, least=1)


def text(most: int, kinds: str = "plain_text mrkdwn", least: int = 1) -> Check:
    """A text object of one of these kinds."""
    content = String(most, least)
    return OneOf(
        {
            "plain_text": Shape("text", text=content, emoji=Flag()),
            "mrkdwn": Shape("text", text=content, verbatim=Flag()),
        },
        kinds,
    )


def plain(most: int) -> Check:
    return text(most, "plain_text")


PLACEHOLDER = plain(150)
CONFIRM = Shape(
    "title text confirm deny",
    title=plain(100),
    text=text(300),
    confirm=plain(30),
    deny=plain(30),
    style=Enum("primary", "danger"),
)
OPTION = Shape(
    "text value",
    text=plain(75),
    value=String(150, least=1),
    description=plain(75),
)
RICH_OPTION = Shape(
    "text value",
    text=text(75),
    value=String(150, least=1),
    description=text(75),
)
"""Radio buttons and checkboxes also take mrkdwn."""
OVERFLOW_OPTION = Shape(
    "text value",
    text=plain(75),
    value=String(150, least=1),
    description=plain(75),
    url=URL,
)
OPTION_GROUP = Shape("label options", label=plain(75), options=Items(OPTION, 1, 100))
DISPATCH = Shape(
    "trigger_actions_on",
    trigger_actions_on=Items(Enum("on_enter_pressed", "on_character_entered"), 1, 2),
)
FILTER = Shape(
    include=Items(Enum("im", "mpim", "private", "public"), 1),
    exclude_external_shared_channels=Flag(),
    exclude_bot_users=Flag(),
)
SLACK_FILE = Shape("", [one_of("id", "url")], id=String(255, least=1), url=URL)
WORKFLOW = Shape(
    "trigger",
    trigger=Shape(
        "url",
        url=URL,
        customizable_input_parameters=Items(
            Shape("name value", name=String(), value=String()),
        ),
    ),
)


def initial_is_offered(initial: str) -> Rule:
    """What is chosen at first has to be one of the options."""

    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        chosen = value.get(initial)
        if chosen is None:
            return
        offered = dicts(value.get("options"))
        for group in dicts(value.get("option_groups")):
            offered += dicts(group.get("options"))
        values = [option.get("value") for option in offered]
        for entry in dicts(chosen if isinstance(chosen, list) else [chosen]):
            if entry.get("value") not in values:
                found.add(f"{at}/{initial}", "must be one of the options", "enum", values)

    return rule
