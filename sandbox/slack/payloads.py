"""What the app receives when a person does something.

Source: docs.slack.dev/reference/interaction-payloads and
docs.slack.dev/interactivity/implementing-slash-commands.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.slack import modals, rendering, reply_urls, workspace
from sandbox.slack.manifest import VERIFICATION_TOKEN

if TYPE_CHECKING:
    from sandbox.slack.manifest import Shortcut, SlashCommand
    from sandbox.slack.records import Channel, Json, Message, Person, View
    from sandbox.slack.world import World


def command(
    world: World, person: Person, channel: Channel, entry: SlashCommand, text: str, said: str
) -> Json:
    """A slash command; `said` is what the person typed, `text` what the app gets."""
    name = "privategroup" if channel.is_private else channel.name
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.TEAM_ID,
        "team_domain": workspace.TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": name,
        "user_id": person.id,
        "user_name": person.name,
        "command": entry.command,
        "text": text,
        "api_app_id": workspace.APP_ID,
        "is_enterprise_install": "false",
        "response_url": reply_urls.issue(world, "commands", person.id, channel.id, command=said),
        "trigger_id": modals.trigger(world, person.id, channel=channel.id),
    }


def _common(kind: str, person: Person) -> Json:
    return {
        "type": kind,
        "team": {"id": workspace.TEAM_ID, "domain": workspace.TEAM_DOMAIN},
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": workspace.TEAM_ID,
        },
        "api_app_id": workspace.APP_ID,
        "token": VERIFICATION_TOKEN,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _channel(channel: Channel) -> Json:
    return {"id": channel.id, "name": channel.name}


def in_message(world: World, message: Message) -> Json:
    """Where an element is, for one that stands in a message."""
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    channel = world.state.channels[message.channel]
    shown: Json = {"container": container, "channel": _channel(channel)}
    if not message.only_for:
        shown["message"] = rendering.message(world, message)
    return shown


def in_view(view: View) -> Json:
    """Where an element is, for one that stands in a modal or App Home."""
    return {"container": {"type": "view", "view_id": view.id}, "view": rendering.view(view)}


def message_actions(
    world: World, person: Person, message: Message, action: Json, values: Json
) -> Json:
    """A click in a message."""
    url = reply_urls.issue(
        world,
        "actions",
        person.id,
        message.channel,
        message_ts=message.ts,
        thread_ts=message.thread_ts,
    )
    return {
        **_common("block_actions", person),
        **in_message(world, message),
        "state": {"values": copy.deepcopy(values)},
        "trigger_id": modals.trigger(world, person.id, channel=message.channel),
        "response_url": url,
        "actions": [action],
    }


def view_actions(world: World, person: Person, view: View, action: Json) -> Json:
    """A click in a modal or App Home."""
    return {
        **_common("block_actions", person),
        **in_view(view),
        "trigger_id": modals.trigger(world, person.id, channel=view.channel, view=view.id),
        "actions": [action],
    }


def suggestion(person: Person, place: Json, element: Json, block_id: str, value: str) -> Json:
    """Somebody typed into a menu whose options come from the app."""
    return {
        **_common("block_suggestion", person),
        **place,
        "action_id": element["action_id"],
        "block_id": block_id,
        "value": value,
    }


def view_submission(world: World, person: Person, view: View) -> Json:
    """A modal's submit button was pressed."""
    return {
        **_common("view_submission", person),
        "trigger_id": modals.trigger(world, person.id, channel=view.channel, view=view.id),
        "view": rendering.view(view),
        "response_urls": [
            {
                "block_id": block_id,
                "action_id": action_id,
                "channel_id": channel,
                "response_url": reply_urls.issue(world, "app", person.id, channel),
            }
            for block_id, action_id, channel in _reply_channels(view)
        ],
    }


def _reply_channels(view: View) -> list[tuple[str, str, str]]:
    """Channels chosen in menus that have response_url_enabled."""
    chosen = []
    for block in view.blocks:
        element = block.get("element", {})
        if element.get("response_url_enabled"):
            value = view.values[block["block_id"]][element["action_id"]]
            channel = value.get("selected_conversation") or value.get("selected_channel")
            if channel:
                chosen.append((block["block_id"], element["action_id"], channel))
    return chosen


def view_closed(person: Person, view: View, *, cleared: bool) -> Json:
    """A modal with notify_on_close was dismissed; `cleared` when the whole stack was."""
    return {
        **_common("view_closed", person),
        "view": rendering.view(view),
        "is_cleared": cleared,
        "response_urls": [],
    }


def shortcut(world: World, person: Person, entry: Shortcut, message: Message | None) -> Json:
    """A global shortcut, or one on a message."""
    common = _common("shortcut", person)
    common["callback_id"] = entry.callback_id
    common["action_ts"] = world.timestamp()
    if message is None:
        return {**common, "trigger_id": modals.trigger(world, person.id)}
    channel = world.state.channels[message.channel]
    return {
        **common,
        "type": "message_action",
        "trigger_id": modals.trigger(world, person.id, channel=channel.id),
        "channel": _channel(channel),
        "message_ts": message.ts,
        "message": rendering.message(world, message),
        "response_url": reply_urls.issue(world, "app", person.id, channel.id),
    }
