"""Rich text. Source: docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from __future__ import annotations

from sandbox.slack.blockkit.shape import Enum, Flag, Items, Number, OneOf, Shape, String

_STYLE = Shape(
    bold=Flag(),
    italic=Flag(),
    strike=Flag(),
    underline=Flag(),
    code=Flag(),
    highlight=Flag(),
    client_highlight=Flag(),
    unlink=Flag(),
)
_ID = String(255, least=1)

PIECES: dict[str, Shape] = {
    "text": Shape("text", text=String(least=1), style=_STYLE),
    "link": Shape("url", url=String(least=1), text=String(), unsafe=Flag(), style=_STYLE),
    "emoji": Shape(
        "name", name=String(least=1), unicode=String(), skin_tone=Number(), style=_STYLE
    ),
    "user": Shape("user_id", user_id=_ID, style=_STYLE),
    "usergroup": Shape("usergroup_id", usergroup_id=_ID, style=_STYLE),
    "channel": Shape("channel_id", channel_id=_ID, style=_STYLE),
    "team": Shape("team_id", team_id=_ID, style=_STYLE),
    "broadcast": Shape("range", range=Enum("here", "channel", "everyone"), style=_STYLE),
    "color": Shape("value", value=String(least=1), style=_STYLE),
    "date": Shape(
        "timestamp format",
        timestamp=Number(whole=True),
        format=String(least=1),
        url=String(),
        fallback=String(),
        style=_STYLE,
    ),
}
_LINE = Items(OneOf(PIECES))
_BORDER = Number(least=0, most=1, whole=True)

PARTS: dict[str, Shape] = {
    "rich_text_section": Shape("elements", elements=_LINE),
    "rich_text_quote": Shape("elements", elements=_LINE, border=_BORDER),
    "rich_text_preformatted": Shape(
        "elements",
        elements=Items(OneOf(PIECES, "text link emoji user usergroup channel")),
        border=_BORDER,
        language=String(),
    ),
}
PARTS["rich_text_list"] = Shape(
    "elements style",
    elements=Items(OneOf(PARTS, "rich_text_section")),
    style=Enum("bullet", "ordered"),
    indent=Number(least=0, most=8, whole=True),
    offset=Number(least=0, whole=True),
    border=_BORDER,
)
