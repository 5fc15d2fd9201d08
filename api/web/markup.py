"""Our light markup as HTML: escaped first, so nothing a vendor or person wrote becomes markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from api.web import lines
from engine.mentions import literal

if TYPE_CHECKING:
    from engine.registry import Registry

_MARKUP = re.compile(
    r"`(?P<code>[^`\n]+)`|(?<!\w)\*(?P<strong>[^*\n]+)\*(?!\w)|(?<!\w)_(?P<em>[^_\n]+)_(?!\w)"
    r"|(?P<url>https?://[^\s<>\"'`)]+)"
)
_MARKED = {
    "code": Markup("<code>{}</code>"),
    "strong": Markup("<strong>{}</strong>"),
    "em": Markup("<em>{}</em>"),
}
_PROMPT = "/luthien "


class Words:
    """A template filter: `*bold*`, `_italic_`, `` `code` ``, addresses, and command lines, which
    become links to where the page does them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, text: str) -> Markup:
        html, last = Markup(), 0
        text = literal(text)
        for match in _MARKUP.finditer(text):
            html += escape(text[last : match.start()]) + self._marked(match)
            last = match.end()
        return html + escape(text[last:])

    def _marked(self, match: re.Match[str]) -> Markup:
        kind = match.lastgroup or ""
        inside = match[kind]
        if kind == "url":
            return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(inside)
        if kind == "code" and inside.startswith(_PROMPT):
            return self.line(inside)
        return _MARKED[kind].format(inside)

    def line(self, typed: str) -> Markup:
        """`/luthien status acme` as a link, where a click can do no harm."""
        where = lines.link(self._registry, typed)
        code = _MARKED["code"].format(typed)
        return Markup('<a href="{}">{}</a>').format(where, code) if where else code
