"""Block elements: buttons, menus, pickers, inputs.

Source: docs.slack.dev/reference/block-kit/block-elements; limits as blocks.validate has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack.blockkit.objects import (
    ACTION_ID,
    CONFIRM,
    DISPATCH,
    FILTER,
    OPTION,
    OPTION_GROUP,
    OVERFLOW_OPTION,
    PLACEHOLDER,
    RICH_OPTION,
    SLACK_FILE,
    URL,
    WORKFLOW,
    initial_is_offered,
    plain,
)
from sandbox.slack.blockkit.shape import (
    Enum,
    Flag,
    Items,
    Number,
    Shape,
    String,
    anything,
    one_of,
    ordered,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.slack.blockkit.shape import Check, Rule

ID = String(255, least=1)
DATE = String(pattern=r"\d{4}-\d{2}-\d{2}")
TIME = String(pattern=r"([01]\d|2[0-3]):[0-5]\d")
DECIMAL = String(pattern=r"-?\d+(\.\d+)?")
MANY = Number(least=1, whole=True)
LINES = Number(least=1, most=100, whole=True)
QUERY = Number(least=0, whole=True)
STYLE = Enum("primary", "danger")

IMAGE = Shape(
    "alt_text",
    [one_of("image_url", "slack_file")],
    image_url=URL,
    slack_file=SLACK_FILE,
    alt_text=String(2000),
)


def _menu(rules: Sequence[Rule] = (), /, **fields: Check) -> Shape:
    return Shape(
        "",
        rules,
        action_id=ACTION_ID,
        placeholder=PLACEHOLDER,
        confirm=CONFIRM,
        focus_on_load=Flag(),
        **fields,
    )


def _input(needs: str = "", rules: Sequence[Rule] = (), /, **fields: Check) -> Shape:
    return Shape(
        needs,
        rules,
        action_id=ACTION_ID,
        placeholder=PLACEHOLDER,
        dispatch_action_config=DISPATCH,
        focus_on_load=Flag(),
        **fields,
    )


_OFFERED: dict[str, Check] = {
    "options": Items(OPTION, 1, 100),
    "option_groups": Items(OPTION_GROUP, 1, 100),
}
_CONVERSATIONS: dict[str, Check] = {
    "default_to_current_conversation": Flag(),
    "filter": FILTER,
}

ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        "text",
        text=plain(75),
        action_id=ACTION_ID,
        url=String(3000),
        value=String(2000),
        style=STYLE,
        confirm=CONFIRM,
        accessibility_label=String(75),
        agent_prompt=String(4000),
        agent_prompt_display=String(),
        visible_to_user_ids=Items(ID),
    ),
    "workflow_button": Shape(
        "text workflow",
        text=plain(75),
        workflow=WORKFLOW,
        action_id=ACTION_ID,
        style=STYLE,
        accessibility_label=String(75),
    ),
    "icon_button": Shape(
        "icon text",
        icon=Enum("trash"),
        text=plain(75),
        action_id=ACTION_ID,
        value=String(2000),
        confirm=CONFIRM,
        accessibility_label=String(75),
        visible_to_user_ids=Items(ID, 0, 10),
    ),
    "feedback_buttons": Shape(
        "positive_button negative_button",
        action_id=ACTION_ID,
        positive_button=Shape(
            "text value", text=plain(75), value=String(2000), accessibility_label=String(75)
        ),
        negative_button=Shape(
            "text value", text=plain(75), value=String(2000), accessibility_label=String(75)
        ),
    ),
    "overflow": Shape(
        "options", action_id=ACTION_ID, options=Items(OVERFLOW_OPTION, 1, 5), confirm=CONFIRM
    ),
    "static_select": _menu(
        (one_of("options", "option_groups"), initial_is_offered("initial_option")),
        initial_option=OPTION,
        **_OFFERED,
    ),
    "multi_static_select": _menu(
        (one_of("options", "option_groups"), initial_is_offered("initial_options")),
        initial_options=Items(OPTION, 1, 100),
        max_selected_items=MANY,
        **_OFFERED,
    ),
    "external_select": _menu(initial_option=OPTION, min_query_length=QUERY),
    "multi_external_select": _menu(
        initial_options=Items(OPTION, 1, 100), min_query_length=QUERY, max_selected_items=MANY
    ),
    "users_select": _menu(initial_user=ID),
    "multi_users_select": _menu(initial_users=Items(ID), max_selected_items=MANY),
    "conversations_select": _menu(
        initial_conversation=ID, response_url_enabled=Flag(), **_CONVERSATIONS
    ),
    "multi_conversations_select": _menu(
        initial_conversations=Items(ID), max_selected_items=MANY, **_CONVERSATIONS
    ),
    "channels_select": _menu(initial_channel=ID, response_url_enabled=Flag()),
    "multi_channels_select": _menu(initial_channels=Items(ID), max_selected_items=MANY),
    "datepicker": _menu(initial_date=DATE),
    "timepicker": _menu(initial_time=TIME, timezone=String()),
    "datetimepicker": Shape(
        action_id=ACTION_ID,
        initial_date_time=Number(least=1_000_000_000, most=9_999_999_999, whole=True),
        confirm=CONFIRM,
        focus_on_load=Flag(),
    ),
    "checkboxes": Shape(
        "options",
        [initial_is_offered("initial_options")],
        action_id=ACTION_ID,
        options=Items(RICH_OPTION, 1, 10),
        initial_options=Items(RICH_OPTION, 1, 10),
        confirm=CONFIRM,
        focus_on_load=Flag(),
    ),
    "radio_buttons": Shape(
        "options",
        [initial_is_offered("initial_option")],
        action_id=ACTION_ID,
        options=Items(RICH_OPTION, 1, 10),
        initial_option=RICH_OPTION,
        confirm=CONFIRM,
        focus_on_load=Flag(),
    ),
    "plain_text_input": _input(
        "",
        [ordered("min_length", "max_length")],
        initial_value=String(3000),
        multiline=Flag(),
        min_length=Number(least=0, most=3000, whole=True),
        max_length=Number(least=1, most=3000, whole=True),
    ),
    "email_text_input": _input(initial_value=String()),
    "url_text_input": _input(initial_value=String()),
    "number_input": _input(
        "is_decimal_allowed",
        [ordered("min_value", "max_value")],
        is_decimal_allowed=Flag(),
        initial_value=DECIMAL,
        min_value=DECIMAL,
        max_value=DECIMAL,
    ),
    "rich_text_input": _input(
        "",
        [ordered("min_lines", "max_lines")],
        initial_value=Shape(elements=Items(anything)),
        min_lines=LINES,
        max_lines=LINES,
    ),
    "file_input": Shape(
        action_id=ACTION_ID,
        filetypes=Items(String(least=1), 1),
        max_files=Number(least=1, most=10, whole=True),
    ),
}

PICKERS = (
    "button checkboxes datepicker multi_channels_select multi_conversations_select"
    " multi_external_select multi_static_select multi_users_select overflow radio_buttons"
    " channels_select conversations_select external_select static_select users_select timepicker"
    " workflow_button"
)
IN_ACTIONS = f"{PICKERS} datetimepicker"
IN_SECTION = f"{PICKERS} image"
IN_INPUT = (
    "checkboxes datepicker datetimepicker email_text_input file_input multi_channels_select"
    " multi_conversations_select multi_external_select multi_static_select multi_users_select"
    " number_input plain_text_input radio_buttons rich_text_input channels_select"
    " conversations_select external_select static_select users_select timepicker url_text_input"
)
IN_CONTEXT_ACTIONS = "feedback_buttons icon_button"
