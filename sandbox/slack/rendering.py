"""Messages, views and files as the Web API and the events show them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.slack import blockkit, directory, workspace

if TYPE_CHECKING:
    from sandbox.slack.records import Bookmark, File, Json, Message, View
    from sandbox.slack.world import World


def message(world: World, message: Message, *, metadata: bool = False) -> Json:
    """A message; `metadata` adds the payload instead of only the event type."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": workspace.TEAM_ID,
    }
    if message.subtype and message.subtype != "bot_message":
        shown["subtype"] = message.subtype
    if message.client_msg_id:
        shown["client_msg_id"] = message.client_msg_id
    if message.user == workspace.BOT_USER and message.subtype in (None, "bot_message"):
        shown |= {
            "bot_id": workspace.BOT_ID,
            "app_id": workspace.APP_ID,
            "bot_profile": directory.bot_profile(world),
        }
    if message.blocks:
        shown["blocks"] = copy.deepcopy(message.blocks)
    if message.attachments:
        shown["attachments"] = copy.deepcopy(message.attachments)
    if message.edited:
        shown["edited"] = message.edited.model_dump()
    if message.username:
        shown["username"] = message.username
    if message.icons:
        shown["icons"] = message.icons
    if message.metadata:
        full = metadata or {"event_type": message.metadata.get("event_type")}
        shown["metadata"] = copy.deepcopy(message.metadata) if full is True else full
    if message.files:
        shown["files"] = [file(world, world.state.files[id_]) for id_ in message.files]
    if message.reactions:
        shown["reactions"] = [
            {"name": name, "users": users, "count": len(users)}
            for name, users in message.reactions.items()
        ]
    if message.pinned_by:
        shown["pinned_to"] = [message.channel]
    if message.stream:
        shown["streaming_state"] = "in_progress"
    if message.only_for:
        shown["is_ephemeral"] = True
    return shown | _threading(world, message)


def _threading(world: World, message: Message) -> Json:
    if message.thread_ts and message.thread_ts != message.ts:
        root = world.messages(message.channel).get(message.thread_ts)
        shown: Json = {"thread_ts": message.thread_ts}
        if root:
            shown["parent_user_id"] = root.user
        if message.reply_broadcast:
            shown["subtype"] = "thread_broadcast"
        return shown
    replies = world.thread(message.channel, message.ts)
    if not replies:
        return {}
    repliers = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(repliers),
        "latest_reply": replies[-1].ts,
        "reply_users": repliers,
        "is_locked": False,
        "subscribed": True,
    }


def with_ids(world: World, blocks: list[Json]) -> list[Json]:
    """Blocks as Slack keeps them: each with a block_id, each text object with its defaults."""
    kept = copy.deepcopy(blocks)
    for block in kept:
        block.setdefault("block_id", world.secret(5))
        for child in (*block.get("child_blocks", ()), *block.get("tasks", ())):
            if "type" in child:
                child.setdefault("block_id", world.secret(5))
        _fill(world, block)
    return kept


def _fill(world: World, node: object) -> None:
    if isinstance(node, list):
        for item in node:
            _fill(world, item)
    elif isinstance(node, dict):
        match node.get("type"):
            case "plain_text":
                node.setdefault("emoji", True)
            case "mrkdwn":
                node.setdefault("verbatim", False)
            case kind if kind in blockkit.ELEMENTS:
                node.setdefault("action_id", world.secret(5))
        for item in node.values():
            _fill(world, item)


def view(view: View) -> Json:
    """A view as the app sees it, in responses and in payloads."""
    return {
        "id": view.id,
        "team_id": workspace.TEAM_ID,
        "type": view.type,
        "blocks": copy.deepcopy(view.blocks),
        "private_metadata": view.private_metadata,
        "callback_id": view.callback_id,
        "state": {"values": copy.deepcopy(view.values)},
        "hash": view.hash,
        "title": view.title,
        "clear_on_close": view.clear_on_close,
        "notify_on_close": view.notify_on_close,
        "close": view.close,
        "submit": view.submit,
        "previous_view_id": view.previous_view_id,
        "root_view_id": view.root_view_id,
        "app_id": workspace.APP_ID,
        "external_id": view.external_id,
        "app_installed_team_id": workspace.TEAM_ID,
        "bot_id": workspace.BOT_ID,
    }


def file(world: World, file: File) -> Json:
    filetype = file.name.rpartition(".")[2].lower() if "." in file.name else "text"
    private = f"{world.origin}/slack/files/{file.id}/{file.name}"
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": filetype,
        "pretty_type": filetype.upper(),
        "user": file.user,
        "user_team": workspace.TEAM_ID,
        "editable": False,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(file.channels),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": private,
        "url_private_download": f"{private}?download=1",
        "permalink": private,
        "is_starred": False,
        "has_rich_preview": False,
        "file_access": "visible",
        "channels": [id_ for id_ in file.channels if id_.startswith("C")],
        "groups": [id_ for id_ in file.channels if id_.startswith("G")],
        "ims": [id_ for id_ in file.channels if id_.startswith("D")],
        **({"alt_txt": file.alt_txt} if file.alt_txt else {}),
    }


def bookmark(bookmark: Bookmark) -> Json:
    return {
        **bookmark.model_dump(),
        "icon_url": f"{bookmark.link.rstrip('/')}/favicon.ico",
        "rank": "g",
        "last_updated_by_team_id": workspace.TEAM_ID,
        "shortcut_id": None,
        "app_id": workspace.APP_ID,
    }
