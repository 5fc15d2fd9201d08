"""Somebody named in a text: where Slack shows it they are told, and elsewhere it is a name.

What a mention begins with is a character that no text from outside holds (`engine.characters`):
refused where people type, left out of what vendors answer. So `<@slack:U0ADA>` in a reason, a
commit message or a log line stays what it says, and only we can mention anybody.
"""

from __future__ import annotations

import re

from engine.actor import OWNER, Door

MARK = "\ufdd0"
_MENTION = re.compile(rf"{MARK}<[@#](?:\w{{1,20}}:)?([^<>\s]{{1,200}})>")


def mention(key: str) -> str:
    """Somebody by key, as in `slack:U0ADA`; of another door only the name."""
    if key == OWNER:
        return "the owner of the data folder"
    door, _, bare = key.rpartition(":")
    return f"{MARK}<@{key}>" if door == Door.SLACK else bare


def mention_channel(channel: str) -> str:
    """A channel of Slack by id."""
    return f"{MARK}<#{channel}>"


def literal(text: str) -> str:
    """The text outside of Slack: who is mentioned by name or id, all else as it is."""
    return _MENTION.sub(r"\1", text).replace(MARK, "") if MARK in text else text
