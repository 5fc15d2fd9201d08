"""Records as the Web API and the events show them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.slack import blockkit, workspace

if TYPE_CHECKING:
    from sandbox.slack.records import Bookmark, Channel, File, Group, Json, Message, Person, View
    from sandbox.slack.world import World

NO_IMAGE = "https://a.slack-edge.com/80588/img/avatars/ava_0000-{size}.png"


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
            "bot_profile": bot_profile(world),
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


def person(person: Person, *, email: bool) -> Json:
    """A member of the workspace; `email` when the users:read.email scope is held."""
    first, _, last = person.real_name.partition(" ")
    profile: Json = {
        "title": person.title,
        "phone": "",
        "skype": "",
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "first_name": first,
        "last_name": last,
        "status_text": "",
        "status_emoji": "",
        "status_expiration": 0,
        "avatar_hash": "g0000",
        "team": workspace.TEAM_ID,
        **{f"image_{size}": NO_IMAGE.format(size=size) for size in (24, 32, 48, 72, 192, 512)},
    }
    if email and person.email:
        profile["email"] = person.email
    if person.is_bot:
        profile |= {"api_app_id": workspace.APP_ID, "bot_id": workspace.BOT_ID}
    return {
        "id": person.id,
        "team_id": workspace.TEAM_ID,
        "name": person.name,
        "deleted": False,
        "color": person.color,
        "real_name": person.real_name,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "profile": profile,
        "is_admin": person.is_admin,
        "is_owner": person.is_admin,
        "is_primary_owner": person.is_admin,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": person.updated,
        "is_email_confirmed": person.email is not None,
        "who_can_share_contact_card": "EVERYONE",
    }


def channel(channel: Channel, *, members: bool = False) -> Json:
    """A conversation as the bot sees it; `members` adds their number."""
    counted = {"num_members": len(channel.members)} if members else {}
    if channel.is_im:
        user = next(user for user in channel.members if user != workspace.BOT_USER)
        return {
            "id": channel.id,
            "created": channel.created,
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": workspace.TEAM_ID,
            "user": user,
            "is_user_deleted": False,
            "is_open": True,
            "priority": 0,
            **counted,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": True,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "unlinked": 0,
        "name_normalized": channel.name,
        "is_shared": False,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "is_ext_shared": False,
        "pending_shared": [],
        "shared_team_ids": [workspace.TEAM_ID],
        "pending_connected_team_ids": [],
        "context_team_id": workspace.TEAM_ID,
        "updated": channel.created * 1000,
        "parent_conversation": None,
        "creator": channel.creator,
        "is_member": workspace.BOT_USER in channel.members,
        "topic": {"value": channel.topic, "creator": channel.creator, "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": channel.creator, "last_set": 0},
        "previous_names": [],
        **counted,
    }


def bot_profile(world: World) -> Json:
    return {
        "id": workspace.BOT_ID,
        "deleted": False,
        "name": world.app.bot_name,
        "updated": 0,
        "app_id": workspace.APP_ID,
        "user_id": workspace.BOT_USER,
        "icons": {f"image_{size}": NO_IMAGE.format(size=size) for size in (36, 48, 72)},
        "team_id": workspace.TEAM_ID,
    }


def group(group: Group, *, users: bool, count: bool) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": workspace.TEAM_ID,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 0,
        "date_update": 0,
        "date_delete": 0,
        "auto_type": None,
        "auto_provision": False,
        "created_by": group.members[0] if group.members else workspace.SLACKBOT,
        "updated_by": group.members[0] if group.members else workspace.SLACKBOT,
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
    }
    if users:
        shown["users"] = group.members
    if users or count:
        shown["user_count"] = len(group.members)
    return shown


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
