"""reactions.*, pins.*, bookmarks.*: marks on messages and channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import rendering, workspace
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier
from sandbox.slack.records import Bookmark

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json, Message

MOST_PINS = 100
MOST_BOOKMARKS = 100


def _marked(call: Call) -> tuple[Channel, Message]:
    if not call.has("channel") or not call.has("timestamp"):
        raise SlackError("no_item_specified")
    channel = call.channel()
    if not re.fullmatch(r"\d+\.\d+", call.text("timestamp")):
        raise SlackError("bad_timestamp")
    return channel, call.message(channel, "timestamp")


def _emoji(call: Call) -> str:
    name = call.text("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise SlackError("invalid_name")
    return name


def _tell_reaction(call: Call, what: str, message: Message, name: str) -> None:
    event = {
        "type": what,
        "user": workspace.BOT_USER,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": call.world.timestamp(),
    }
    call.world.emit(what, event)
    call.world.changed("changed", channel=message.channel, ts=message.ts)


@method(
    "reactions.add",
    tier=Tier.THREE,
    scopes=["reactions:write"],
    required=["channel", "name", "timestamp"],
    errors="already_reacted bad_timestamp channel_not_found invalid_name message_not_found"
    " no_item_specified",
)
def reactions_add(call: Call) -> Json:
    _, message = _marked(call)
    name = _emoji(call)
    users = message.reactions.setdefault(name, [])
    if workspace.BOT_USER in users:
        raise SlackError("already_reacted")
    users.append(workspace.BOT_USER)
    _tell_reaction(call, "reaction_added", message, name)
    return {}


@method(
    "reactions.remove",
    tier=Tier.TWO,
    scopes=["reactions:write"],
    required=["name"],
    errors="bad_timestamp channel_not_found invalid_name message_not_found no_item_specified"
    " no_reaction",
)
def reactions_remove(call: Call) -> Json:
    _, message = _marked(call)
    name = _emoji(call)
    users = message.reactions.get(name, [])
    if workspace.BOT_USER not in users:
        raise SlackError("no_reaction")
    users.remove(workspace.BOT_USER)
    if not users:
        del message.reactions[name]
    _tell_reaction(call, "reaction_removed", message, name)
    return {}


@method(
    "reactions.get",
    tier=Tier.THREE,
    scopes=["reactions:read"],
    errors="bad_timestamp channel_not_found message_not_found no_item_specified",
    json_body=False,
)
def reactions_get(call: Call) -> Json:
    channel, message = _marked(call)
    shown = rendering.message(call.world, message)
    return {"type": "message", "channel": channel.id, "message": shown}


@method(
    "pins.add",
    tier=Tier.TWO,
    scopes=["pins:write"],
    required=["channel"],
    errors="already_pinned bad_timestamp channel_not_found message_not_found no_item_specified"
    " not_in_channel too_many_pins",
)
def pins_add(call: Call) -> Json:
    channel, message = _marked(call)
    if workspace.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    if message.pinned_by:
        raise SlackError("already_pinned")
    if len(_pinned(call, channel)) >= MOST_PINS:
        raise SlackError("too_many_pins")
    message.pinned_by = workspace.BOT_USER
    call.world.changed("changed", channel=channel.id, ts=message.ts)
    return {}


@method(
    "pins.remove",
    tier=Tier.TWO,
    scopes=["pins:write"],
    required=["channel"],
    errors="bad_timestamp channel_not_found message_not_found no_item_specified no_pin",
)
def pins_remove(call: Call) -> Json:
    channel, message = _marked(call)
    if not message.pinned_by:
        raise SlackError("no_pin")
    message.pinned_by = None
    call.world.changed("changed", channel=channel.id, ts=message.ts)
    return {}


@method(
    "pins.list",
    tier=Tier.TWO,
    scopes=["pins:read"],
    required=["channel"],
    errors="channel_not_found",
    json_body=False,
)
def pins_list(call: Call) -> Json:
    channel = call.channel()
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": int(float(message.ts)),
            "created_by": message.pinned_by,
            "message": rendering.message(call.world, message),
        }
        for message in _pinned(call, channel)
    ]
    return {"items": items}


def _pinned(call: Call, channel: Channel) -> list[Message]:
    return [message for message in call.world.messages(channel.id).values() if message.pinned_by]


@method(
    "bookmarks.add",
    tier=Tier.TWO,
    scopes=["bookmarks:write"],
    required=["title", "type"],
    errors="channel_not_found invalid_bookmark_type invalid_link too_many_bookmarks",
)
def bookmarks_add(call: Call) -> Json:
    channel = call.channel("channel_id")
    link = call.text("link")
    if call.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    if not re.match(r"https?://\S+$", link) or len(link) > 2048:
        raise SlackError("invalid_link")
    if len(_of_channel(call, channel)) >= MOST_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    bookmark = Bookmark(
        id=call.world.mint("Bk"),
        channel_id=channel.id,
        title=call.text("title")[:256],
        link=link,
        emoji=call.text("emoji"),
        date_created=int(times.now()),
        last_updated_by_user_id=workspace.BOT_USER,
    )
    call.world.state.bookmarks[bookmark.id] = bookmark
    call.world.changed("channel", channel=channel.id)
    return {"bookmark": rendering.bookmark(bookmark)}


@method(
    "bookmarks.list",
    tier=Tier.THREE,
    scopes=["bookmarks:read"],
    errors="channel_not_found",
)
def bookmarks_list(call: Call) -> Json:
    channel = call.channel("channel_id")
    return {"bookmarks": [rendering.bookmark(entry) for entry in _of_channel(call, channel)]}


@method(
    "bookmarks.remove",
    tier=Tier.TWO,
    scopes=["bookmarks:write"],
    errors="channel_not_found not_found",
)
def bookmarks_remove(call: Call) -> Json:
    channel = call.channel("channel_id")
    bookmark = call.world.state.bookmarks.get(call.text("bookmark_id"))
    if bookmark is None or bookmark.channel_id != channel.id:
        raise SlackError("not_found")
    del call.world.state.bookmarks[bookmark.id]
    call.world.changed("channel", channel=channel.id)
    return {}


def _of_channel(call: Call, channel: Channel) -> list[Bookmark]:
    bookmarks = call.world.state.bookmarks.values()
    return [bookmark for bookmark in bookmarks if bookmark.channel_id == channel.id]
