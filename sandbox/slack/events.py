"""Events as the Events API words them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import workspace
from sandbox.slack.manifest import VERIFICATION_TOKEN

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json
    from sandbox.slack.world import World


def wrapped(world: World, event: Json) -> Json:
    """The envelope that every event comes in. Source: docs.slack.dev/apis/events-api."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.TEAM_ID,
        "context_team_id": workspace.TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": workspace.APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": world.mint("Ev"),
        "event_time": int(times.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.TEAM_ID,
                "user_id": workspace.BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{world.secret(40)}",
    }


def channel_type(channel: Channel) -> str:
    """The last word of `message.channels`, `message.groups` and `message.im`, as in events."""
    if channel.is_im:
        return "im"
    return "group" if channel.is_private else "channel"


def message_event(channel: Channel) -> str:
    """The subscription under which a channel's messages are sent."""
    return "message.im" if channel.is_im else f"message.{channel_type(channel)}s"
