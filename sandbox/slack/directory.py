"""People, channels and groups as the Web API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack import workspace

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Group, Json, Person
    from sandbox.slack.world import World

NO_IMAGE = "https://a.slack-edge.com/80588/img/avatars/ava_0000-{size}.png"


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
