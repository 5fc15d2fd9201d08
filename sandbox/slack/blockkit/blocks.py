"""Blocks, and on which surface each may stand.

Source: docs.slack.dev/reference/block-kit/blocks; limits and surfaces as blocks.validate has them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sandbox.slack.blockkit.elements import (
    ELEMENTS,
    IMAGE,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
)
from sandbox.slack.blockkit.objects import BLOCK_ID, SLACK_FILE, URL, plain, text
from sandbox.slack.blockkit.rich_text import PARTS
from sandbox.slack.blockkit.shape import (
    Enum,
    Flag,
    Items,
    Number,
    OneOf,
    Shape,
    String,
    any_of,
    dicts,
    one_of,
    unique,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.slack.blockkit.shape import Check, Findings, Rule


class Surface(StrEnum):
    MESSAGE = "message"
    MODAL = "modal"
    HOME = "home"


def _block(needs: str = "", rules: Sequence[Rule] = (), /, **fields: Check) -> Shape:
    return Shape(needs, rules, block_id=BLOCK_ID, **fields)


# -- tables ---------------------------------------------------------------------------------------


def _rectangular(value: Mapping[str, Any], at: str, found: Findings) -> None:
    given = value.get("rows")
    rows = [row for row in given if isinstance(row, list)] if isinstance(given, list) else []
    if len({len(row) for row in rows}) > 1:
        found.add(f"{at}/rows", "every row must have the same number of cells", "columns")
    columns, settings = max(map(len, rows), default=0), value.get("column_settings")
    if isinstance(settings, list) and len(settings) > columns:
        found.add(f"{at}/column_settings", "no more settings than columns allowed", "columns")


def _plain_head(value: Mapping[str, Any], at: str, found: Findings) -> None:
    rows = value.get("rows")
    for index, cell in enumerate(dicts(rows[0]) if isinstance(rows, list) and rows else []):
        if cell.get("type") == "rich_text":
            where = f"{at}/rows/0/{index}/type"
            found.add(where, "unsupported type: rich_text", "enum", ["raw_text", "raw_number"])


def cell_characters(block: Mapping[str, Any]) -> int:
    """The length of everything that stands in a table's cells."""

    def length(node: Any) -> int:
        if isinstance(node, dict):
            own = len(node["text"]) if isinstance(node.get("text"), str) else 0
            return own + sum(length(item) for item in node.values())
        return sum(map(length, node)) if isinstance(node, list) else 0

    return length(block.get("rows"))


def _at_most(characters: int) -> Rule:
    def rule(value: Mapping[str, Any], at: str, found: Findings) -> None:
        if cell_characters(value) > characters:
            words = f"must be less than {characters + 1} characters in all cells"
            found.add(f"{at}/rows", words, "maxLength", characters)

    return rule


_RICH_TEXT = _block("elements", elements=Items(OneOf(PARTS)))


def _cells(least: int) -> dict[str, Shape]:
    return {
        "raw_text": Shape("text", text=String(least=least)),
        "raw_number": Shape("value", value=Number(), text=String()),
        "rich_text": _RICH_TEXT,
    }


# -- charts ---------------------------------------------------------------------------------------

_LABEL = String(20, least=1)
_AXIS: dict[str, Check] = {
    "series": Items(
        Shape(
            "name data",
            name=_LABEL,
            data=Items(Shape("label value", label=_LABEL, value=Number()), 1, 20),
        ),
        1,
        12,
    ),
    "axis_config": Shape(
        "categories", categories=Items(_LABEL, 1, 20), x_label=String(50), y_label=String(50)
    ),
}
CHARTS: dict[str, Shape] = {
    "pie": Shape(
        "segments",
        segments=Items(Shape("label value", label=_LABEL, value=Number(above=0)), 1, 12),
    ),
    **{name: Shape("series axis_config", **_AXIS) for name in ("bar", "line", "area")},
}

# -- tasks ----------------------------------------------------------------------------------------

TASK: dict[str, Check] = {
    "task_id": String(least=1),
    "title": String(least=1),
    "status": Enum("pending", "in_progress", "complete", "error"),
    "details": OneOf({"rich_text": _RICH_TEXT}),
    "output": OneOf({"rich_text": _RICH_TEXT}),
    "sources": Items(
        OneOf({"url": Shape("url text", url=URL, text=String(least=1), icon_url=String())})
    ),
}

# -- the table ------------------------------------------------------------------------------------


def _divider_or_fold(value: Mapping[str, Any], at: str, found: Findings) -> None:
    if value.get("has_header_divider") and value.get("is_collapsible"):
        found.add(at, "has_header_divider cannot be set when is_collapsible is true", "oneOf")


_IMAGE_OBJECT = OneOf({"image": IMAGE})
BLOCKS: dict[str, Shape] = {
    "actions": _block(
        "elements",
        [unique("elements", "action_id")],
        elements=Items(OneOf(ELEMENTS, IN_ACTIONS), 1, 25),
    ),
    "alert": _block(
        "text",
        text=text(200),
        level=Enum("default", "info", "warning", "error", "success"),
    ),
    "auth_provider": _block(
        "value name is_connected",
        value=String(150, least=1),
        name=plain(75),
        is_connected=Flag(),
        description=plain(150),
        icon_url=URL,
        auth_url=URL,
        disconnect_url=URL,
        connected_identity=plain(75),
        connected_context=plain(75),
        accessory=OneOf(ELEMENTS, "overflow"),
        fallback=text(3000),
    ),
    "card": _block(
        "",
        [any_of("hero_image", "title", "actions", "body")],
        hero_image=_IMAGE_OBJECT,
        icon=_IMAGE_OBJECT,
        slack_icon=Shape("name", name=String(least=1)),
        title=text(150),
        subtitle=text(150),
        subtext=text(200),
        body=text(200),
        actions=Items(OneOf(ELEMENTS, "button"), 1, 3),
    ),
    "context": _block(
        "elements",
        elements=Items(
            OneOf(
                {
                    "image": IMAGE,
                    "plain_text": Shape("text", text=String(2000, least=1), emoji=Flag()),
                    "mrkdwn": Shape("text", text=String(2000, least=1), verbatim=Flag()),
                }
            ),
            1,
            10,
        ),
    ),
    "context_actions": _block(
        "elements",
        [unique("elements", "action_id")],
        elements=Items(OneOf(ELEMENTS, IN_CONTEXT_ACTIONS), 1, 5),
    ),
    "data_table": _block(
        "rows caption",
        [_rectangular, _plain_head, _at_most(20_000)],
        rows=Items(Items(OneOf(_cells(1)), 1, 20), 2, 201),
        caption=String(least=1),
        page_size=Number(least=1, most=100, whole=True),
        row_header_column_index=Number(least=0, whole=True),
    ),
    "data_visualization": _block("title chart", title=String(50, least=1), chart=OneOf(CHARTS)),
    "divider": _block(),
    "file": _block("external_id source", external_id=String(255, least=1), source=Enum("remote")),
    "header": _block("text", text=plain(150), level=Number(least=1, most=4, whole=True)),
    "image": _block(
        "alt_text",
        [one_of("image_url", "slack_file")],
        image_url=URL,
        slack_file=SLACK_FILE,
        alt_text=String(2000),
        title=plain(2000),
    ),
    "input": _block(
        "label element",
        label=plain(2000),
        element=OneOf(ELEMENTS, IN_INPUT),
        hint=plain(2000),
        optional=Flag(),
        dispatch_action=Flag(),
    ),
    "markdown": _block("text", text=String(12_000, least=1)),
    "plan": _block(
        "title tasks",
        [unique("tasks", "task_id")],
        title=String(least=1),
        tasks=Items(Shape("task_id title status", block_id=BLOCK_ID, **TASK), 0, 50),
    ),
    "rich_text": _RICH_TEXT,
    "section": _block(
        "",
        [any_of("text", "fields")],
        text=text(3000),
        fields=Items(text(2000), 1, 10),
        accessory=OneOf({**ELEMENTS, "image": IMAGE}, IN_SECTION),
        expand=Flag(),
    ),
    "table": _block(
        "rows",
        [_rectangular],
        rows=Items(Items(OneOf(_cells(0)), 1, 20), 1, 100),
        column_settings=Items(
            Shape(align=Enum("left", "center", "right"), is_wrapped=Flag()), 0, 20
        ),
    ),
    "task_card": _block("task_id title status", **TASK),
    "video": _block(
        "alt_text title thumbnail_url video_url",
        alt_text=String(2000, least=1),
        title=plain(200),
        thumbnail_url=URL,
        video_url=URL,
        author_name=String(50),
        description=plain(200),
        provider_icon_url=String(2000),
        provider_name=String(50),
        title_url=String(2000),
    ),
}
BLOCKS["carousel"] = _block("elements", elements=Items(OneOf(BLOCKS, "card"), 1, 10))
BLOCKS["container"] = _block(
    "child_blocks",
    [any_of("title", "rich_text_title"), _divider_or_fold],
    title=text(150),
    rich_text_title=OneOf({"rich_text": _RICH_TEXT}),
    subtitle=text(150),
    child_blocks=Items(
        OneOf(
            BLOCKS,
            "actions context divider file header image input rich_text section table video",
        ),
        1,
        10,
    ),
    width=Enum("narrow", "standard", "wide", "full"),
    icon=_IMAGE_OBJECT,
    is_collapsible=Flag(),
    default_collapsed=Flag(),
    has_header_divider=Flag(),
)

SURFACES: dict[Surface, str] = {
    Surface.MESSAGE: (
        "actions auth_provider card carousel container context context_actions data_table"
        " data_visualization divider file header image input markdown plan rich_text section table"
        " task_card video"
    ),
    Surface.MODAL: (
        "actions alert card context divider header image input rich_text section video"
    ),
    Surface.HOME: (
        "actions card carousel container context data_table data_visualization divider header"
        " image input rich_text section table video"
    ),
}
