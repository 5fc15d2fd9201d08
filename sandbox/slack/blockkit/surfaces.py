"""Whole messages, modals and App Homes: the rules that no single block can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.slack.blockkit.blocks import BLOCKS, SURFACES, Surface, cell_characters
from sandbox.slack.blockkit.objects import plain
from sandbox.slack.blockkit.shape import (
    Enum,
    Findings,
    Flag,
    Items,
    OneOf,
    Shape,
    String,
    anything,
    repeated,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sandbox.slack.blockkit.shape import Problem
    from sandbox.slack.records import Json

MOST_BLOCKS = {Surface.MESSAGE: 50, Surface.MODAL: 100, Surface.HOME: 100}
MARKDOWN_IN_ALL = 12_000
TABLES_IN_ALL = 10_000
DATA_TABLES_IN_ALL = 20_000

_VIEW = {
    "type": Enum("modal", "home"),
    "blocks": anything,
    "private_metadata": String(3000),
    "callback_id": String(255),
    "external_id": String(255),
}
MODAL = Shape(
    "title blocks",
    title=plain(24),
    submit=plain(24),
    close=plain(24),
    clear_on_close=Flag(),
    notify_on_close=Flag(),
    submit_disabled=Flag(),
    **_VIEW,
)
HOME = Shape("blocks", **_VIEW)


def check_message(message: Any, refused: Collection[str] = (), at: str = "") -> list[Problem]:
    """What Slack objects to in a message's blocks and in those of its attachments."""
    found = Findings(refused)
    if not isinstance(message, dict):
        found.add(at, "must provide an object", "type", "object")
        return found.problems
    if message.get("blocks") is not None:
        _blocks(message["blocks"], Surface.MESSAGE, f"{at}/blocks", found)
    for index, attachment in enumerate(message.get("attachments") or []):
        blocks = attachment.get("blocks") if isinstance(attachment, dict) else None
        if blocks is not None:
            _blocks(blocks, Surface.MESSAGE, f"{at}/attachments/{index}/blocks", found)
    return found.problems


def check_blocks(
    blocks: Any, surface: Surface, refused: Collection[str] = (), at: str = "/blocks"
) -> list[Problem]:
    """What Slack objects to in a list of blocks."""
    found = Findings(refused)
    _blocks(blocks, surface, at, found)
    return found.problems


def check_view(view: Any, refused: Collection[str] = (), at: str = "/view") -> list[Problem]:
    """What Slack objects to in a modal or an App Home."""
    found = Findings(refused)
    if not isinstance(view, dict):
        found.add(at, "must provide an object", "type", "object")
        return found.problems
    kind = view.get("type")
    if kind not in ("modal", "home"):
        found.add(f"{at}/type", "must be a valid enum value", "enum", ["modal", "home"])
        return found.problems
    (MODAL if kind == "modal" else HOME)(view, at, found)
    blocks = view.get("blocks")
    if blocks is not None:
        _blocks(blocks, Surface(kind), f"{at}/blocks", found)
    inputs = [block for block in _dicts(blocks) if block.get("type") == "input"]
    if kind == "modal" and inputs and view.get("submit") is None:
        found.add(at, "missing required field: submit", "required", "submit")
    return found.problems


def _blocks(blocks: Any, surface: Surface, at: str, found: Findings) -> None:
    Items(OneOf(BLOCKS, SURFACES[surface]), 0, MOST_BLOCKS[surface])(blocks, at, found)
    if not isinstance(blocks, list):
        return
    repeated(blocks, "block_id", at, found)
    _totals(blocks, at, found)
    for index, block in enumerate(blocks):
        if _is(block, "task_card") and block.get("status") == "pending":
            where = f"{at}/{index}/status"
            found.add(where, "a pending task is allowed in a plan only", "enum")
    if sum(_focuses(block) for block in blocks) > 1:
        found.add(at, "no more than 1 element may have focus_on_load", "maxItems", 1)


def _totals(blocks: list[Any], at: str, found: Findings) -> None:
    everything = [
        *blocks,
        *(child for b in _dicts(blocks) for child in b.get("child_blocks") or []),
    ]
    for kind, most in (("table", 1), ("data_visualization", 2)):
        if sum(_is(block, kind) for block in everything) > most:
            found.add(at, f"no more than {most} {kind} blocks allowed", "maxItems", most)
    markdown = sum(
        len(block["text"])
        for block in _dicts(everything)
        if _is(block, "markdown") and isinstance(block.get("text"), str)
    )
    if markdown > MARKDOWN_IN_ALL:
        words = f"must be less than {MARKDOWN_IN_ALL + 1} characters in all markdown blocks"
        found.add(at, words, "maxLength", MARKDOWN_IN_ALL)
    for kind, most in (("table", TABLES_IN_ALL), ("data_table", DATA_TABLES_IN_ALL)):
        tables = [block for block in _dicts(everything) if _is(block, kind)]
        if sum(map(cell_characters, tables)) > most:
            words = f"must be less than {most + 1} characters in all {kind} blocks"
            found.add(at, words, "maxLength", most)


def _is(block: Any, kind: str) -> bool:
    return isinstance(block, dict) and block.get("type") == kind


def _dicts(blocks: Any) -> Iterator[Json]:
    return (
        block for block in (blocks if isinstance(blocks, list) else ()) if isinstance(block, dict)
    )


def _focuses(node: Any) -> int:
    if isinstance(node, dict):
        return int(node.get("focus_on_load") is True) + sum(map(_focuses, node.values()))
    return sum(map(_focuses, node)) if isinstance(node, list) else 0
