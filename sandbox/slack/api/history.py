"""conversations.history and conversations.replies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.slack import rendering, workspace
from sandbox.slack.api.method import Call, method, page_of
from sandbox.slack.errors import SlackError
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.slack.records import Json, Message

SCOPES = ["channels:history", "groups:history", "im:history", "mpim:history"]
TIME = re.compile(r"\d+(\.\d+)?")


def _within(call: Call, found: Iterable[Message]) -> list[Message]:
    """Those between `oldest` and `latest`; the ends themselves only when `inclusive`."""
    for name in ("oldest", "latest"):
        given = call.text(name)
        if given and given != "now" and not TIME.fullmatch(given):
            raise SlackError(f"invalid_ts_{name}")
    oldest = float(call.text("oldest") or 0)
    latest_text = call.text("latest")
    latest = float("inf") if latest_text in ("", "now") else float(latest_text)
    inclusive = call.flag("inclusive")
    return [
        message
        for message in found
        if oldest < (at := float(message.ts)) < latest or (inclusive and at in (oldest, latest))
    ]


@method(
    "conversations.history",
    tier=Tier.THREE,
    scopes=SCOPES,
    required=["channel"],
    errors="channel_not_found invalid_ts_latest invalid_ts_oldest not_in_channel",
)
def conversations_history(call: Call) -> Json:
    """What stands in the channel itself, newest first."""
    channel = call.channel()
    call.require_family(channel, "history")
    if workspace.BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    roots = [
        message
        for message in call.world.messages(channel.id).values()
        if not message.only_for
        and (message.thread_ts in (None, message.ts) or message.reply_broadcast)
    ]
    found = _within(call, reversed(roots))
    shown, following = page_of(call, found, 100, 999)
    metadata = call.flag("include_all_metadata")
    more = bool(following["next_cursor"])
    return {
        "messages": [rendering.message(call.world, m, metadata=metadata) for m in shown],
        "has_more": more,
        "pin_count": sum(bool(message.pinned_by) for message in roots),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        **({"response_metadata": following} if more else {}),
    }


@method(
    "conversations.replies",
    tier=Tier.THREE,
    scopes=SCOPES,
    required=["channel", "ts"],
    errors="channel_not_found invalid_ts_latest invalid_ts_oldest thread_not_found",
    json_body=False,
)
def conversations_replies(call: Call) -> Json:
    """A thread, root first."""
    channel = call.channel()
    call.require_family(channel, "history")
    if workspace.BOT_USER not in channel.members:
        raise SlackError("channel_not_found")
    root = call.world.messages(channel.id).get(call.text("ts"))
    if root is None or root.only_for:
        raise SlackError("thread_not_found")
    if root.thread_ts and root.thread_ts != root.ts:
        found = [root]
    else:
        found = [root, *_within(call, call.world.thread(channel.id, root.ts))]
    shown, following = page_of(call, found, 1000)
    metadata = call.flag("include_all_metadata")
    more = bool(following["next_cursor"])
    return {
        "messages": [rendering.message(call.world, m, metadata=metadata) for m in shown],
        "has_more": more,
        **({"response_metadata": following} if more else {}),
    }
