"""chat.scheduleMessage and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack.api.chat import CONTENT_ERRORS, METADATA_ERRORS, said, writable
from sandbox.slack.api.method import Call, method, page_of
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier
from sandbox.slack.records import Scheduled

if TYPE_CHECKING:
    from sandbox.slack.records import Json

FARTHEST_SECONDS = 120 * 86_400
WINDOW_SECONDS = 300
MOST_IN_WINDOW = 30


@method(
    "chat.scheduleMessage",
    tier=Tier.THREE,
    scopes=["chat:write"],
    required=["channel", "post_at"],
    errors=f"{CONTENT_ERRORS} {METADATA_ERRORS} channel_not_found invalid_time is_archived"
    " msg_too_long not_in_channel restricted_too_many time_in_past time_too_far"
    " invalid_attachments",
)
def chat_schedule_message(call: Call) -> Json:
    channel, given = writable(call), said(call)
    if not call.text("post_at").isdigit():
        raise SlackError("invalid_time")
    post_at, now = int(call.text("post_at")), times.now()
    if post_at <= now:
        raise SlackError("time_in_past")
    if post_at > now + FARTHEST_SECONDS:
        raise SlackError("time_too_far")
    window = post_at // WINDOW_SECONDS
    near = [
        entry
        for entry in call.world.state.scheduled.values()
        if entry.channel == channel.id and entry.post_at // WINDOW_SECONDS == window
    ]
    if len(near) >= MOST_IN_WINDOW:
        raise SlackError("restricted_too_many")
    entry = Scheduled(
        id=call.world.mint("Q"),
        channel=channel.id,
        post_at=post_at,
        date_created=int(now),
        thread_ts=call.maybe("thread_ts"),
        reply_broadcast=call.flag("reply_broadcast"),
        **given.fields(),
    )
    call.world.state.scheduled[entry.id] = entry
    call.world.tend()
    call.world.changed("channel", channel=channel.id)
    return {
        "channel": channel.id,
        "scheduled_message_id": entry.id,
        "post_at": post_at,
        "message": {"text": entry.text, "type": "delayed_message", "blocks": entry.blocks or []},
        **given.notes(),
    }


@method(
    "chat.scheduledMessages.list",
    tier=Tier.THREE,
    errors="invalid_channel",
)
def chat_scheduled_messages_list(call: Call) -> Json:
    if call.has("channel"):
        call.channel(error="invalid_channel")
    oldest, latest = call.number("oldest", 0), call.number("latest", 2**40)
    entries = sorted(
        (
            entry
            for entry in call.world.state.scheduled.values()
            if call.text("channel") in ("", entry.channel) and oldest <= entry.post_at <= latest
        ),
        key=lambda entry: entry.post_at,
    )
    shown, following = page_of(call, entries, 100)
    return {
        "scheduled_messages": [
            {
                "id": entry.id,
                "channel_id": entry.channel,
                "post_at": entry.post_at,
                "date_created": entry.date_created,
                "text": entry.text,
            }
            for entry in shown
        ],
        "response_metadata": following,
    }


@method(
    "chat.deleteScheduledMessage",
    tier=Tier.THREE,
    scopes=["chat:write"],
    required=["channel", "scheduled_message_id"],
    errors="channel_not_found invalid_scheduled_message_id",
)
def chat_delete_scheduled_message(call: Call) -> Json:
    channel = call.channel()
    entry = call.world.state.scheduled.get(call.text("scheduled_message_id"))
    if entry is None or entry.channel != channel.id:
        raise SlackError("invalid_scheduled_message_id")
    del call.world.state.scheduled[entry.id]
    call.world.tend()
    call.world.changed("channel", channel=channel.id)
    return {}
