"""`/control/slack/*`: playing the people of the workspace, and looking at it through their eyes.

People and channels are named by name (`ada`, `#ops`) or by id; `@luthien` or the bot's name as a
channel is the person's direct message with the bot.
"""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from sandbox.control import ControlError, control_route, json_body
from sandbox.slack import acting, messages, modals, rendering, workspace
from sandbox.slack.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from sandbox.slack.records import Json, Message, Person
    from sandbox.slack.world import World


def routes(world: World) -> Sequence[BaseRoute]:
    """The controls; each handler takes what was asked and answers JSON."""
    gets: dict[str, Callable[[Asked], Awaitable[Json]]] = {
        "messages": _messages,
        "views": _views,
        "workspace": _workspace,
    }
    posts: dict[str, Callable[[Asked], Awaitable[Json]]] = {
        "click": _click,
        "close": _close,
        "command": _command,
        "disconnect": _disconnect,
        "dismiss": _dismiss,
        "group": _group,
        "home": _home,
        "invite": _invite,
        "kick": _kick,
        "react": _react,
        "redeliver": _redeliver,
        "say": _say,
        "shortcut": _shortcut,
        "stop_stream": _stop_stream,
        "submit": _submit,
        "suggest": _suggest,
        "view_action": _view_action,
    }

    def endpoint(
        handler: Callable[[Asked], Awaitable[Json]],
    ) -> Callable[..., Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            world.reached_at(request.headers.get("host", ""))
            post = request.method == "POST"
            fields = await json_body(request) if post else request.query_params
            return JSONResponse(await handler(Asked(world, fields)))

        return answer

    async def file(request: Request) -> Response:
        return _file(Asked(world, request.query_params))

    return [
        control_route("/control/slack/file", file, "GET"),
        *(control_route(f"/control/slack/{k}", endpoint(v), "GET") for k, v in gets.items()),
        *(control_route(f"/control/slack/{k}", endpoint(v), "POST") for k, v in posts.items()),
    ]


# -- looking --------------------------------------------------------------------------------------


async def _workspace(asked: Asked) -> Json:
    world = asked.world
    return {
        "team": {
            "id": workspace.TEAM_ID,
            "name": workspace.TEAM_NAME,
            "domain": workspace.TEAM_DOMAIN,
        },
        "bot": {
            "id": workspace.BOT_USER,
            "bot_id": workspace.BOT_ID,
            "name": world.app.bot_name,
            "app_id": workspace.APP_ID,
            "has_home": world.app.has_home,
        },
        "users": [
            person.model_dump(include={"id", "name", "real_name", "title", "color", "is_bot"})
            for person in world.state.people.values()
        ],
        "channels": [
            channel.model_dump(include={"id", "name", "is_im", "is_private", "members", "topic"})
            for channel in world.state.channels.values()
            if not channel.is_archived
        ],
        "groups": [group.model_dump() for group in world.state.groups.values()],
        "commands": [asdict(entry) for entry in world.app.commands],
        "shortcuts": [asdict(entry) for entry in world.app.shortcuts],
    }


async def _messages(asked: Asked) -> Json:
    """What one person sees of a channel or, with thread_ts, of a thread; oldest first."""
    viewer = asked.person("as") if asked.get("as") else None
    channel = asked.channel(viewer)
    thread = asked.get("thread_ts")
    visible = [
        message
        for message in asked.world.messages(channel.id).values()
        if message.only_for in (None, viewer.id if viewer else None)
    ]
    if thread:
        shown = [m for m in visible if thread in (m.ts, m.thread_ts)]
    else:
        shown = [m for m in visible if m.thread_ts in (None, m.ts) or m.reply_broadcast]
    return {"messages": [_seen(asked.world, message) for message in shown]}


def _seen(world: World, message: Message) -> Json:
    full = rendering.message(world, message, metadata=True)
    seen: Json = {
        "ts": message.ts,
        "thread_ts": full.get("thread_ts"),
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks or [],
        "ephemeral": message.only_for is not None,
        "edited": full.get("edited"),
    }
    for name in (
        *("attachments", "files", "icons", "latest_reply", "metadata", "pinned_to", "reactions"),
        *("reply_count", "reply_users", "streaming_state", "subtype", "username"),
    ):
        if name in full:
            seen[name] = full[name]
    if message.subtype == "tombstone":
        seen["deleted"] = True
    if message.chosen:
        seen["chosen"] = message.chosen
    status = messages.status(world, message)
    return seen | ({"assistant_status": status} if status else {})


async def _views(asked: Asked) -> Json:
    person = asked.person("as")
    stack = modals.stack(asked.world, person.id)
    home = modals.home(asked.world, person.id)
    return {
        "modal": rendering.view(stack[-1]) if stack else None,
        "home": rendering.view(home) if home else None,
        "depth": len(stack),
    }


def _file(asked: Asked) -> Response:
    """A file's content, for somebody who is in a channel where it was shared."""
    viewer = asked.person("as")
    file = asked.world.state.files.get(asked.text("id"))
    channels = [asked.world.state.channels[id_] for id_ in file.channels] if file else []
    if file is None or not any(viewer.id in channel.members for channel in channels):
        raise ControlError(f"{viewer.name} sees no file {asked.text('id')}")
    return Response(base64.b64decode(file.content or ""), media_type=file.mimetype)


# -- doing ----------------------------------------------------------------------------------------


async def _command(asked: Asked) -> Json:
    person = asked.person()
    channel = asked.channel(person)
    thread = asked.get("thread_ts")
    return await acting.command(asked.world, person, channel, asked.text("text"), thread)


async def _say(asked: Asked) -> Json:
    person = asked.person()
    channel = asked.channel(person)
    text, thread = asked.text("text"), asked.get("thread_ts")
    return {"ts": acting.say(asked.world, person, channel, text, thread).ts}


async def _click(asked: Asked) -> Json:
    person = asked.person()
    return await acting.click(asked.world, person, asked.message(person), asked.target())


async def _submit(asked: Asked) -> Json:
    person = asked.person()
    return await acting.submit(asked.world, person, asked.top_modal(person), asked.values())


async def _view_action(asked: Asked) -> Json:
    person = asked.person()
    view, target, values = asked.view(person), asked.target(), asked.values()
    return await acting.view_action(asked.world, person, view, target, values)


async def _close(asked: Asked) -> Json:
    """Press the modal's close button or, with `all`, the cross that closes the whole stack."""
    person = asked.person()
    view = asked.top_modal(person)
    await acting.close(asked.world, person, view, everything=bool(asked.get("all")))
    return {}


async def _suggest(asked: Asked) -> Json:
    person = asked.person()
    place = asked.view(person) if asked.get("view_id") else asked.message(person)
    return await acting.suggest(asked.world, person, place, asked.target())


async def _home(asked: Asked) -> Json:
    acting.open_home(asked.world, asked.person(), asked.get("tab") or "home")
    return {}


async def _shortcut(asked: Asked) -> Json:
    person = asked.person()
    message = asked.message(person) if asked.get("ts") else None
    return await acting.shortcut(asked.world, person, asked.text("callback_id"), message)


async def _react(asked: Asked) -> Json:
    person = asked.person()
    acting.react(asked.world, person, asked.message(person), asked.text("name"))
    return {}


async def _dismiss(asked: Asked) -> Json:
    """Take an ephemeral message off the person's screen."""
    message = asked.message(asked.person())
    if message.only_for is None:
        raise ControlError("only an ephemeral message can be dismissed")
    messages.delete(asked.world, message)
    return {}


async def _invite(asked: Asked) -> Json:
    """Make somebody, by default the bot, a member of a channel."""
    user, channel = _whom(asked), asked.channel()
    if user.id in channel.members:
        raise ControlError(f"{user.name} is in #{channel.name} already")
    messages.join(asked.world, channel, user.id)
    return {}


async def _kick(asked: Asked) -> Json:
    user, channel = _whom(asked), asked.channel()
    if user.id not in channel.members:
        raise ControlError(f"{user.name} is not in #{channel.name}")
    messages.leave(asked.world, channel, user.id)
    return {}


async def _group(asked: Asked) -> Json:
    """Make a user group of these members, or change who is in one."""
    world, handle = asked.world, asked.text("handle").removeprefix("@")
    wanted = [_named(world, str(name)) for name in asked.get("members") or ()]
    return {"id": acting.regroup(world, handle, [person.id for person in wanted]).id}


def _named(world: World, name: str) -> Person:
    person = world.person(name)
    if person is None:
        raise ControlError(f"nobody is called {name}")
    return person


def _whom(asked: Asked) -> Person:
    return asked.person() if asked.get("user") else asked.world.state.people[workspace.BOT_USER]


async def _stop_stream(asked: Asked) -> Json:
    acting.stop_stream(asked.world, asked.message(asked.person()))
    return {}


# -- trouble --------------------------------------------------------------------------------------


async def _redeliver(asked: Asked) -> Json:
    """Send the last payload to the app again, `times` times."""
    outcomes = await asked.world.deliveries.again(int(asked.get("times") or 1))
    return {"outcomes": [acting.shown(outcome) for outcome in outcomes]}


async def _disconnect(asked: Asked) -> Json:
    """Ask the app's connections to reconnect, as Slack does every few hours."""
    reason = asked.get("reason") or "refresh_requested"
    if reason not in ("warning", "refresh_requested", "link_disabled"):
        raise ControlError("reason is warning, refresh_requested or link_disabled")
    socket_mode = asked.world.deliveries.socket_mode
    connections = tuple(socket_mode.connections)
    for connection in connections:
        await socket_mode.say_goodbye(connection, reason)
    return {"connections": len(connections)}
