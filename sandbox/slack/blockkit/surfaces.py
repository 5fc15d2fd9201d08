"""Whole messages, modals and App Homes: the rules that no single block can see."""

from __future__ import annotations

from collections import defaultdict
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
    dicts,
    repeated,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.slack.blockkit.shape import Check, Problem
    from sandbox.slack.records import Json

MOST_BLOCKS = {Surface.MESSAGE: 50, Surface.MODAL: 100, Surface.HOME: 100}
CHARACTERS_IN_ALL = {"markdown": 12_000, "table": 10_000, "data_table": 20_000}

_VIEW: dict[str, Check] = {
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
    for index, attachment in enumerate(dicts(message.get("attachments"))):
        if attachment.get("blocks") is not None:
            where = f"{at}/attachments/{index}/blocks"
            _blocks(attachment["blocks"], Surface.MESSAGE, where, found)
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
    inputs = [block for block in dicts(blocks) if block.get("type") == "input"]
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
        if isinstance(block, dict) and _is_pending_card(block):
            where = f"{at}/{index}/status"
            found.add(where, "a pending task is allowed in a plan only", "enum")
    if sum(_focuses(block) for block in blocks) > 1:
        found.add(at, "no more than 1 element may have focus_on_load", "maxItems", 1)


def _is_pending_card(block: Json) -> bool:
    return block.get("type") == "task_card" and block.get("status") == "pending"


def _totals(blocks: list[Any], at: str, found: Findings) -> None:
    by_type: defaultdict[str, list[Json]] = defaultdict(list)
    for block in dicts(blocks):
        for entry in (block, *dicts(block.get("child_blocks"))):
            by_type[str(entry.get("type"))].append(entry)
    for kind, most in (("table", 1), ("data_visualization", 2)):
        if len(by_type[kind]) > most:
            found.add(at, f"no more than {most} {kind} blocks allowed", "maxItems", most)
    lengths = {
        "markdown": sum(len(str(block.get("text", ""))) for block in by_type["markdown"]),
        "table": sum(map(cell_characters, by_type["table"])),
        "data_table": sum(map(cell_characters, by_type["data_table"])),
    }
    for kind, length in lengths.items():
        most = CHARACTERS_IN_ALL[kind]
        if length > most:
            words = f"must be less than {most + 1} characters in all {kind} blocks"
            found.add(at, words, "maxLength", most)


def _focuses(node: Any) -> int:
    if isinstance(node, dict):
        return int(node.get("focus_on_load") is True) + sum(map(_focuses, node.values()))
    return sum(map(_focuses, node)) if isinstance(node, list) else 0
