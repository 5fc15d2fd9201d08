"""conversations.*: which conversations there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import directory, events, messages, workspace
from sandbox.slack.api.method import Call, method, page_of
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier
from sandbox.slack.records import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.slack.records import Json

READ = ["channels:read", "groups:read", "im:read", "mpim:read"]
SCOPE_OF_TYPE = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}
TYPE_OF = {"channel": "public_channel", "group": "private_channel", "im": "im"}
MOST_PEOPLE = 8


def _of_types(call: Call, channels: Iterable[Channel]) -> list[Channel]:
    types = call.names("types") or ["public_channel"]
    for kind in types:
        if kind not in SCOPE_OF_TYPE:
            raise SlackError("invalid_types")
        call.require(SCOPE_OF_TYPE[kind])
    archived = not call.flag("exclude_archived")
    return [
        channel
        for channel in channels
        if TYPE_OF[events.channel_type(channel)] in types and (archived or not channel.is_archived)
    ]


@method(
    "conversations.list",
    tier=Tier.TWO,
    scopes=READ,
    errors="invalid_limit invalid_types",
    json_body=False,
)
def conversations_list(call: Call) -> Json:
    visible = [
        channel
        for channel in _of_types(call, call.world.state.channels.values())
        if not (channel.is_im or channel.is_private) or workspace.BOT_USER in channel.members
    ]
    shown, following = page_of(call, visible, 100)
    return {
        "channels": [directory.channel(channel, members=True) for channel in shown],
        "response_metadata": following,
    }


@method(
    "users.conversations",
    tier=Tier.THREE,
    scopes=READ,
    errors="invalid_limit invalid_types",
    json_body=False,
)
def users_conversations(call: Call) -> Json:
    member = call.text("user", workspace.BOT_USER)
    mine = [
        channel
        for channel in _of_types(call, call.world.state.channels.values())
        if member in channel.members
        and (not channel.is_private or workspace.BOT_USER in channel.members)
    ]
    shown, following = page_of(call, mine, 100, 999)
    channels = [directory.channel(channel) for channel in shown]
    for channel in channels:
        channel.pop("is_member", None)
    return {"channels": channels, "response_metadata": following}


@method(
    "conversations.info",
    tier=Tier.THREE,
    scopes=READ,
    required=["channel"],
    errors="channel_not_found",
    json_body=False,
)
def conversations_info(call: Call) -> Json:
    channel = call.channel()
    call.require_family(channel, "read")
    return {"channel": directory.channel(channel, members=call.flag("include_num_members"))}


@method(
    "conversations.members",
    tier=Tier.FOUR,
    scopes=READ,
    required=["channel"],
    errors="channel_not_found invalid_limit",
    json_body=False,
)
def conversations_members(call: Call) -> Json:
    channel = call.channel()
    call.require_family(channel, "read")
    shown, following = page_of(call, channel.members, 100)
    return {"members": shown, "response_metadata": following}


@method(
    "conversations.open",
    tier=Tier.THREE,
    scopes=["channels:manage", "groups:write", "im:write", "mpim:write"],
    errors="channel_not_found method_not_supported_for_channel_type not_enough_users"
    " too_many_users user_not_found users_list_not_supplied",
)
def conversations_open(call: Call) -> Json:
    """A direct message with one person; several people are not supported here."""
    if call.has("channel"):
        channel = call.channel()
        if not channel.is_im:
            raise SlackError("method_not_supported_for_channel_type")
        existed = True
    else:
        users = call.names("users")
        if not users:
            raise SlackError("users_list_not_supplied")
        if len(users) > MOST_PEOPLE:
            raise SlackError("too_many_users")
        if any(user not in call.world.state.people for user in users):
            raise SlackError("user_not_found")
        call.require("im:write" if len(users) == 1 else "mpim:write")
        if len(users) > 1:
            raise SlackError("method_not_supported_for_channel_type")
        before = set(call.world.state.channels)
        channel = call.world.direct_channel(users[0])
        existed = channel.id in before
    shown = directory.channel(channel) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shown, **({"no_op": True, "already_open": True} if existed else {})}


@method(
    "conversations.create",
    tier=Tier.TWO,
    scopes=["channels:manage", "groups:write"],
    required=["name"],
    errors="invalid_name invalid_name_maxlength invalid_name_specials invalid_name_punctuation"
    " name_taken",
)
def conversations_create(call: Call) -> Json:
    name, private = call.text("name"), call.flag("is_private")
    call.require("groups:write" if private else "channels:manage")
    if len(name) > 80:
        raise SlackError("invalid_name_maxlength")
    if not re.sub(r"[-_]", "", name):
        raise SlackError("invalid_name_punctuation")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise SlackError("invalid_name_specials")
    if call.world.channel(name):
        raise SlackError("name_taken")
    channel = Channel(
        id=call.world.mint("C"),
        name=name,
        members=[workspace.BOT_USER],
        creator=workspace.BOT_USER,
        created=int(times.now()),
        is_private=private,
    )
    call.world.state.channels[channel.id] = channel
    if not private:
        brief = {
            "id": channel.id,
            "name": name,
            "created": channel.created,
            "creator": channel.creator,
        }
        call.world.emit("channel_created", {"type": "channel_created", "channel": brief})
    call.world.changed("channel", channel=channel.id)
    return {"channel": directory.channel(channel)}


@method(
    "conversations.setTopic",
    tier=Tier.TWO,
    scopes=["channels:manage", "channels:write.topic", "groups:write", "im:write"],
    required=["channel", "topic"],
    errors="channel_not_found method_not_supported_for_channel_type not_in_channel too_long",
)
def conversations_set_topic(call: Call) -> Json:
    channel = call.channel()
    if channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    if workspace.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    topic = call.text("topic")
    if len(topic) > 250:
        raise SlackError("too_long")
    channel.topic = topic
    messages.post(
        call.world,
        channel,
        workspace.BOT_USER,
        text=f"<@{workspace.BOT_USER}> set the channel topic: {topic}",
        subtype="channel_topic",
    )
    call.world.changed("channel", channel=channel.id)
    return {"channel": directory.channel(channel)}
