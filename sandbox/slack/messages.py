"""Messages: posting, editing, deleting, threads, and what the app is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import times
from sandbox.slack import events, rendering, workspace
from sandbox.slack.records import Edit, Message

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json
    from sandbox.slack.world import World

STATUS_SECONDS = 120.0


def post(world: World, channel: Channel, user: str, **fields: Any) -> Message:
    """Add a message that everybody in the channel sees, and tell the app."""
    message = _add(world, channel, user, **fields)
    event = rendering.message(world, message) | {"channel": channel.id, "event_ts": message.ts}
    if workspace.BOT_USER in channel.members:
        kind = {"channel_type": events.channel_type(channel)}
        world.emit(events.message_event(channel), event | kind)
        mentioned = f"<@{workspace.BOT_USER}>" in message.text and user != workspace.BOT_USER
        if mentioned and not channel.is_im:
            world.emit("app_mention", event | {"type": "app_mention"})
    _hint(world, message, "message")
    return message


def post_as_bot(world: World, channel: Channel, **fields: Any) -> Message:
    """What the app posts, by whatever way; it ends the status of the thread it is posted in."""
    message = post(world, channel, workspace.BOT_USER, subtype="bot_message", **fields)
    world.state.statuses.pop(f"{channel.id}:{message.thread_ts}", None)
    return message


def whisper(
    world: World, channel: Channel, only_for: str, user: str = workspace.BOT_USER, **fields: Any
) -> Message:
    """Show a message to one person only; it is in no history and no event tells of it."""
    message = _add(world, channel, user, only_for=only_for, **fields)
    _hint(world, message, "ephemeral")
    return message


def _add(world: World, channel: Channel, user: str, **fields: Any) -> Message:
    fields["thread_ts"] = thread_root(world, channel, fields.get("thread_ts"))
    blocks = fields.get("blocks")
    fields["blocks"] = rendering.with_ids(world, blocks) if blocks else None
    message = Message(ts=world.timestamp(), channel=channel.id, user=user, **fields)
    world.add_message(message)
    return message


def set_status(world: World, thread: Message, status: str, loading: list[str]) -> None:
    """Say what the app is doing about a thread; an empty status takes it away."""
    key = f"{thread.channel}:{thread.ts}"
    world.state.statuses.pop(key, None)
    if status:
        until = times.now() + STATUS_SECONDS
        world.state.statuses[key] = {"status": status, "loading": loading, "until": until}
    world.changed("changed", channel=thread.channel, ts=thread.ts)


def status(world: World, thread: Message) -> str | None:
    """What the app says it is doing about a thread, while that counts."""
    entry = world.state.statuses.get(f"{thread.channel}:{thread.ts}")
    return entry["status"] if entry and entry["until"] > times.now() else None


def _hint(world: World, message: Message, what: str) -> None:
    """Tell open pages."""
    world.changed(
        what,
        channel=message.channel,
        ts=message.ts,
        thread_ts=message.thread_ts,
        user=message.only_for or message.user,
    )


def thread_root(world: World, channel: Channel, thread_ts: str | None) -> str | None:
    """The thread that a reply belongs to: replying to a reply joins its thread."""
    parent = world.messages(channel.id).get(thread_ts) if thread_ts else None
    return (parent.thread_ts or parent.ts) if parent else thread_ts


def edit(world: World, message: Message, *, by: str, **fields: Any) -> Message:
    """Change a message in place; fields that are not given stay."""
    before = rendering.message(world, message)
    if fields.get("blocks"):
        fields["blocks"] = rendering.with_ids(world, fields["blocks"])
    for name, value in fields.items():
        setattr(message, name, value)
    if message.only_for:
        _hint(world, message, "ephemeral")
        return message
    now = world.timestamp()
    message.edited = Edit(user=by, ts=now)
    _tell(
        world,
        message,
        now,
        subtype="message_changed",
        message=rendering.message(world, message),
        previous_message=before,
    )
    _hint(world, message, "changed")
    return message


def delete(world: World, message: Message) -> None:
    """Remove a message; a thread's root stays as a tombstone while it has replies."""
    before = rendering.message(world, message)
    if not message.only_for and world.thread(message.channel, message.ts):
        message.subtype, message.user = "tombstone", workspace.SLACKBOT
        message.text, message.blocks = "This message was deleted.", None
        message.attachments = message.metadata = message.username = None
        message.files = []
    else:
        world.remove_message(message)
    if not message.only_for:
        _tell(
            world,
            message,
            world.timestamp(),
            subtype="message_deleted",
            deleted_ts=message.ts,
            previous_message=before,
        )
    _hint(world, message, "deleted")


def _tell(world: World, about: Message, now: str, /, **change: Json | str) -> None:
    channel = world.state.channels[about.channel]
    if workspace.BOT_USER in channel.members:
        event = {
            "type": "message",
            "channel": channel.id,
            "hidden": True,
            "ts": now,
            "event_ts": now,
            "channel_type": events.channel_type(channel),
            **change,
        }
        world.emit(events.message_event(channel), event)


def join(world: World, channel: Channel, user: str, inviter: str | None = None) -> None:
    """Make somebody a member and say so in the channel."""
    channel.members.append(user)
    post(world, channel, user, text=f"<@{user}> has joined the channel", subtype="channel_join")
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": channel.id[0],
        "team": workspace.TEAM_ID,
        "event_ts": world.timestamp(),
        **({"inviter": inviter} if inviter else {}),
    }
    world.emit("member_joined_channel", event)
    world.changed("channel", channel=channel.id)


def leave(world: World, channel: Channel, user: str) -> None:
    """End somebody's membership."""
    event = {
        "type": "member_left_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": channel.id[0],
        "team": workspace.TEAM_ID,
        "event_ts": world.timestamp(),
    }
    world.emit("member_left_channel", event)
    channel.members.remove(user)
    post(world, channel, user, text=f"<@{user}> has left the channel", subtype="channel_leave")
    world.changed("channel", channel=channel.id)
