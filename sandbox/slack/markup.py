"""Slack's text markup: what people type becomes `<@U…>`, `<#C…|name>`, `<https://…>`.

Source: docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.slack.records import State

MARKUP = re.compile(
    r"<(?:@[UW][A-Z0-9]+(?:\|[^<>]*)?|#[CDG][A-Z0-9]+(?:\|[^<>]*)?|![^<>]+"
    r"|(?:https?://|mailto:)[^<>]+)>"
)
"""What is markup already and stays as it is."""

TYPED = re.compile(
    r"(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|@(?P<person>[a-z0-9][\w.-]*)"
    r"|#(?P<channel>[a-z0-9][\w-]*)"
    r"|(?P<url>https?://[^\s|<>]+[^\s|<>.,;:!?'\")\]])"
    r"|\b(?P<domain>[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:ai|app|cloud|co|com|dev|io|net|org)(?:/\S*)?)\b",
    re.IGNORECASE,
)
BROADCASTS = ("here", "channel", "everyone")
BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")


def escape(text: str) -> str:
    """Text of an API call: `&`, `<` and `>` outside of markup become entities."""
    return _outside_markup(text, _entities)


def typed(text: str, state: State, *, named: bool = False) -> str:
    """Text as a person typed it, with names and links turned into markup.

    `named` adds the shown name to people, as in the text of a slash command.
    """

    def replace(found: re.Match[str]) -> str:
        if found["email"]:
            return f"<mailto:{found['email']}|{found['email']}>"
        if found["url"]:
            return f"<{found['url']}>"
        if found["domain"]:
            return f"<http://{found['domain']}|{found['domain']}>"
        if found["channel"]:
            return _channel(found["channel"], state) or found[0]
        return _person(found["person"], state, named=named) or found[0]

    return _outside_markup(text, lambda part: TYPED.sub(replace, _entities(part)))


def _person(name: str, state: State, *, named: bool) -> str | None:
    rest = ""
    while name:
        for person in state.people.values():
            if person.name.lower() == name.lower():
                shown = f"|{person.name}" if named else ""
                return f"<@{person.id}{shown}>{rest}"
        for group in state.groups.values():
            if group.handle == name.lower():
                return f"<!subteam^{group.id}|@{group.handle}>{rest}"
        if name.lower() in BROADCASTS:
            return f"<!{name.lower()}>{rest}"
        if name[-1] not in ".-_":
            return None
        name, rest = name[:-1], name[-1] + rest  # "@ada." ends a sentence
    return None


def _channel(name: str, state: State) -> str | None:
    for channel in state.channels.values():
        if not channel.is_im and channel.name == name.lower():
            return f"<#{channel.id}|{channel.name}>"
    return None


def _entities(text: str) -> str:
    return BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def _outside_markup(text: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for found in MARKUP.finditer(text):
        parts += [change(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, change(text[end:])])
