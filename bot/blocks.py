"""Block Kit, as far as we speak it: small builders that keep Slack's limits by cutting.

Source of the limits: Slack's Block Kit reference and `blocks.validate`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.mentions import MARK, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.answer import Confirm

Block = dict[str, Any]
"""A Block Kit object: JSON at the wire's edge."""

MOST_BLOCKS = 50
MOST_TEXT = 3_900
"""chat.update refuses more than 4,000 characters of `text`."""
MOST_SECTION = 3_000
MOST_PREFORMATTED = MOST_SECTION - 10
MOST_VALUE = 2_000


@dataclass(frozen=True)
class Message:
    """What Slack shows: `text` makes sense alone (notifications, screen readers)."""

    text: str
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, text: str, blocks: Iterable[Block]) -> Message:
        """Within Slack's limits."""
        kept = list(blocks)
        if len(kept) > MOST_BLOCKS:
            kept = [*kept[: MOST_BLOCKS - 1], context("… and more than fits into one message.")]
        return cls(clip(text, MOST_TEXT), tuple(kept))


Kinds = frozenset[str]
NEWER: Kinds = frozenset({"plan", "data_table", "data_visualization"})
"""Kinds of block that not every Slack knows; everything drawn with one has a plain form too."""
PLAIN: Kinds = frozenset()

Render = Callable[[Kinds], Message]
"""Draws a message; of the newer kinds of block it uses only those that it is given."""


def clip(text: str, most: int) -> str:
    """Cut at `most` characters, visibly."""
    return text if len(text) <= most else text[: most - 1] + "…"


_MENTION = re.compile(rf"{MARK}&lt;([@#])(?:slack:)?([A-Z0-9]{{1,40}})&gt;")


def mrkdwn(text: str) -> str:
    """Escape for Slack; `*bold*`, `_italic_`, `` `code` `` and the engine's mentions keep meaning.
    Whatever else looks like a mention or a link is literal text."""
    return _MENTION.sub(_mention, html.escape(text, quote=False)).replace(MARK, "")


def _mention(found: re.Match[str]) -> str:
    """User groups have ids with S. Source: Slack docs, formatting text, special mentions."""
    sigil, target = found.groups()
    if sigil == "@" and target.startswith("S"):
        return f"<!subteam^{target}>"
    return f"<{sigil}{target}>"


def link(url: str, label: str) -> str:
    shown = html.escape(literal(label), quote=False).replace("|", "¦")
    return f"<{html.escape(url, quote=False).replace('|', '%7C')}|{shown}>"


def section(text: str) -> Block:
    """`text` is ready mrkdwn."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": clip(text, MOST_SECTION)}}


def sections(text: str) -> list[Block]:
    """As many sections as the text needs, split at line ends where possible."""
    blocks = []
    while text:
        cut = len(text)
        if cut > MOST_SECTION:
            newline = text.rfind("\n", 0, MOST_SECTION)
            cut = newline if newline > 0 else MOST_SECTION
        blocks.append(section(text[:cut]))
        text = text[cut:].lstrip("\n")
    return blocks


def fields(texts: Sequence[str]) -> list[Block]:
    """Two columns; ten to a section."""
    return [
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": clip(t, 2_000)} for t in texts[at : at + 10]],
        }
        for at in range(0, len(texts), 10)
    ]


def context(*texts: str) -> Block:
    return {
        "type": "context",
        "elements": [{"type": "mrkdwn", "text": clip(t, MOST_SECTION)} for t in texts[:10]],
    }


def preformatted(text: str) -> Block:
    """Lines exactly as they are, the last ones when there are too many."""
    text = literal(text)
    if len(text) > MOST_PREFORMATTED:
        text = "…\n" + text[-(MOST_SECTION - 20) :].partition("\n")[2]
    return {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": text or " "}],
            }
        ],
    }


def rich(text: str) -> Block:
    """One line of rich text, for task cards."""
    return {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": literal(text)}],
            },
        ],
    }


def plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": clip(literal(text), most), "emoji": True}


def button(
    label: str,
    action: str,
    *,
    value: str = "",
    url: str = "",
    style: str = "plain",
    confirm: Confirm | None = None,
) -> Block:
    element: Block = {"type": "button", "action_id": action, "text": plain(label, 75)}
    if value:
        element["value"] = value
    if url:
        element["url"] = url
    if style != "plain":
        element["style"] = style
    if confirm:
        element["confirm"] = {
            "title": plain(confirm.title, 100),
            "text": {"type": "mrkdwn", "text": clip(mrkdwn(confirm.text), 300)},
            "confirm": plain(confirm.yes, 30),
            "deny": plain(confirm.no, 30),
            "style": "danger" if style == "danger" else "primary",
        }
    return element


def actions(buttons: Iterable[Block]) -> list[Block]:
    """One row of buttons, or nothing. Equal action ids are told apart by a number."""
    seen: dict[str, int] = {}
    row = []
    for element in buttons:
        name = element["action_id"]
        seen[name] = seen.get(name, 0) + 1
        row.append(element | {"action_id": f"{name}.{seen[name]}"} if seen[name] > 1 else element)
    return [{"type": "actions", "elements": row[:25]}] if row else []
