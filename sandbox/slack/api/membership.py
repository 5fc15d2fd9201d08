"""conversations.join, leave, invite, kick: who is in which channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.slack import directory, messages, workspace
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json

MANAGE = ["channels:manage", "groups:write", "im:write", "mpim:write"]


def _open_channel(call: Call) -> Channel:
    channel = call.channel()
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived and "is_archived" in call.method.errors:
        raise SlackError("is_archived")
    return channel


@method(
    "conversations.join",
    tier=Tier.THREE,
    scopes=["channels:join"],
    required=["channel"],
    errors="channel_not_found is_archived method_not_supported_for_channel_type",
)
def conversations_join(call: Call) -> Json:
    channel = _open_channel(call)
    if channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    if workspace.BOT_USER in channel.members:
        return {
            "channel": directory.channel(channel),
            "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }
    messages.join(call.world, channel, workspace.BOT_USER)
    return {"channel": directory.channel(channel)}


@method(
    "conversations.leave",
    tier=Tier.THREE,
    scopes=MANAGE,
    required=["channel"],
    errors="cant_leave_general channel_not_found is_archived last_member"
    " method_not_supported_for_channel_type",
)
def conversations_leave(call: Call) -> Json:
    channel = _open_channel(call)
    if workspace.BOT_USER not in channel.members:
        return {"not_in_channel": True}
    if channel.is_general:
        raise SlackError("cant_leave_general")
    if channel.members == [workspace.BOT_USER]:
        raise SlackError("last_member")
    messages.leave(call.world, channel, workspace.BOT_USER)
    return {}


@method(
    "conversations.invite",
    tier=Tier.THREE,
    scopes=[*MANAGE, "channels:write.invites", "groups:write.invites"],
    required=["channel", "users"],
    errors="already_in_channel cant_invite_self channel_not_found is_archived"
    " method_not_supported_for_channel_type no_user not_in_channel user_not_found",
)
def conversations_invite(call: Call) -> Json:
    channel = _open_channel(call)
    if workspace.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    users = call.names("users")
    if not users:
        raise SlackError("no_user")
    refused = {user: reason for user in users if (reason := _why_not(call, channel, user))}
    if refused and not (call.flag("force") and len(refused) < len(users)):
        raise SlackError(
            next(iter(refused.values())),
            errors=[{"user": u, "ok": False, "error": why} for u, why in refused.items()],
        )
    for user in users:
        if user not in refused:
            messages.join(call.world, channel, user, inviter=workspace.BOT_USER)
    return {"channel": directory.channel(channel)}


def _why_not(call: Call, channel: Channel, user: str) -> str | None:
    if user == workspace.BOT_USER:
        return "cant_invite_self"
    if user not in call.world.state.people:
        return "user_not_found"
    return "already_in_channel" if user in channel.members else None


@method(
    "conversations.kick",
    tier=Tier.THREE,
    scopes=["channels:manage", "groups:write"],
    required=["channel"],
    errors="cant_kick_from_general cant_kick_self channel_not_found"
    " method_not_supported_for_channel_type not_in_channel user_not_found",
)
def conversations_kick(call: Call) -> Json:
    channel = _open_channel(call)
    user = call.text("user")
    if user not in call.world.state.people:
        raise SlackError("user_not_found")
    if user == workspace.BOT_USER:
        raise SlackError("cant_kick_self")
    if channel.is_general:
        raise SlackError("cant_kick_from_general")
    if workspace.BOT_USER not in channel.members or user not in channel.members:
        raise SlackError("not_in_channel")
    messages.leave(call.world, channel, user)
    return {}
