"""A table in Slack: the native block, or a monospaced grid where that is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.blocks import Block, clip, context, mrkdwn, preformatted, sections
from engine.mentions import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.answer import Table

MOST_ROWS = 200
MOST_COLUMNS = 20
MOST_CHARACTERS = 18_000
"""Slack's limit is 20,000 over all cells. Source: Block Kit reference, data table."""
PAGE = 20
_TWO_COLUMNS = 70
_GRID_WIDTH = 34
_GRID_CHARACTERS = 2_800


def table(part: Table, caption: str) -> list[Block]:
    """The data table block: paged and sortable; the first column and addresses are links."""
    room = MOST_CHARACTERS - sum(len(c) for c in part.columns)
    rows: list[list[Block]] = []
    for row in part.rows[:MOST_ROWS]:
        room -= sum(len(cell) or 1 for cell in row)
        if room < 0:
            break
        rows.append([_cell(cell, part if i == 0 else None) for i, cell in enumerate(row)])
    block: Block = {
        "type": "data_table",
        "caption": clip(literal(caption), 150),
        "page_size": PAGE,
        "row_header_column_index": 0,
        "rows": [
            [_raw(column) for column in part.columns[:MOST_COLUMNS]],
            *[row[:MOST_COLUMNS] for row in rows],
        ],
    }
    return [block, *_left_out(len(part.rows) - len(rows))]


def _raw(text: str) -> Block:
    return {"type": "raw_text", "text": literal(text) or "–"}


def _cell(text: str, part: Table | None) -> Block:
    """`part` is given for the first column, whose links it knows."""
    scheme, _, host = text.partition("://")
    address = scheme in ("http", "https") and " " not in host
    url = text if address else part.links.get(text) if part else None
    if not url:
        return _raw(text)
    # Columns are narrow: an address goes without its scheme.
    target: Block = {"type": "link", "url": url, "text": host if address else literal(text) or "–"}
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [target]}],
    }


def is_prose(part: Table) -> bool:
    """Names and what they mean: reads better as a list than in two columns."""
    return (
        len(part.columns) == 2
        and not part.links
        and any(len(name) + len(meaning) > _TWO_COLUMNS for name, meaning in part.rows)
    )


def definitions(part: Table) -> list[Block]:
    """Each name with its meaning."""
    lines = [f"*{mrkdwn(part.columns[0])}*"] if len(part.columns[0]) > 1 else []
    for name, meaning in part.rows:
        typed = name.startswith(("/", "-"))
        shown = f"`{mrkdwn(name)}`" if typed else f"*{mrkdwn(name)}*"
        lines.append(f"• {shown} {mrkdwn(meaning)}")
    return sections("\n".join(lines))


def grid(part: Table) -> list[Block]:
    """The same in fixed-width type, which every Slack shows."""
    cells = [part.columns, *part.rows]
    widths = [
        min(max(len(row[i]) for row in cells), _GRID_WIDTH) for i in range(len(part.columns))
    ]
    lines: list[str] = [_line(part.columns, widths), "  ".join("─" * width for width in widths)]
    room = _GRID_CHARACTERS - sum(len(line) + 1 for line in lines)
    shown = 0
    for row in part.rows:
        line = _line(row, widths)
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
        shown += 1
    return [preformatted("\n".join(lines)), *_left_out(len(part.rows) - shown)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        clip(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)
    ).rstrip()


def _left_out(count: int) -> list[Block]:
    return [context(f"… and {count} more.")] if count > 0 else []
