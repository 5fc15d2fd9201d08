"""response_urls: five replies within half an hour to whoever did something.

Source: docs.slack.dev/interactivity/handling-user-interaction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse

from sandbox import times
from sandbox.slack import messages, workspace
from sandbox.slack.api import content
from sandbox.slack.errors import SlackError
from sandbox.slack.records import ReplyUrl

if TYPE_CHECKING:
    from typing import Literal

    from starlette.requests import Request
    from starlette.responses import Response

    from sandbox.slack.records import Channel, Json, Message
    from sandbox.slack.world import World


def issue(
    world: World,
    kind: Literal["commands", "actions", "app"],
    user: str,
    channel: str,
    *,
    message_ts: str | None = None,
    thread_ts: str | None = None,
    command: str | None = None,
) -> str:
    """A new address for replies to this person in this channel."""
    now, known = times.now(), world.state.reply_urls
    for old in [id_ for id_, entry in known.items() if entry.expires < now - 3600]:
        del known[old]
    url = ReplyUrl(
        id=f"{world.secret(12, '0123456789')}/{world.secret(24)}",
        kind=kind,
        user=user,
        channel=channel,
        expires=now + world.state.settings.reply_url_seconds,
        uses_left=world.state.settings.reply_url_uses,
        message_ts=message_ts,
        thread_ts=thread_ts,
        command=command,
    )
    known[url.id] = url
    return f"{world.origin}/slack/{kind}/{workspace.TEAM_ID}/{url.id}"


async def endpoint(world: World, request: Request) -> Response:
    """Take one reply."""
    path = request.path_params
    url = world.state.reply_urls.get(f"{path['number']}/{path['secret']}")
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None

    async def handle() -> Response:
        if url is None or url.kind != path["kind"]:
            return PlainTextResponse("no_service", 404)
        if not isinstance(body, dict):
            return PlainTextResponse("invalid_payload", 400)
        try:
            reply(world, url, body)
        except SlackError as error:
            gone = error.code in ("expired_url", "used_url")
            return JSONResponse(error.as_json(), 404 if gone else 200)
        return PlainTextResponse("ok")

    return await world.traffic.answer(
        request,
        vendor="slack",
        operation="response_url",
        document=path["kind"],
        variables=body if isinstance(body, dict) else {},
        handle=handle,
    )


def reply(world: World, url: ReplyUrl, body: Json, *, counts: bool = True) -> None:
    """Do what a reply asks. Raises: expired_url, used_url, and what is wrong with its content.

    An ack that carries a message is such a reply too, which does not count as a use.
    """
    if times.now() > url.expires:
        raise SlackError("expired_url")
    if url.uses_left <= 0:
        raise SlackError("used_url")
    channel = world.state.channels[url.channel]
    original = world.messages(channel.id).get(url.message_ts) if url.message_ts else None
    given = content.read(world, body)
    if given.empty and not body.get("delete_original"):
        raise SlackError("no_text")
    url.uses_left -= counts
    if body.get("delete_original") and original is not None:
        messages.delete(world, original)
    elif original is not None and _replaces(body):
        _replace(world, original, given)
        return
    if not given.empty:
        _post(world, channel, url, body, given)


def _replaces(body: Json) -> bool:
    """Whether the reply takes the place of the message that was clicked.

    Without `replace_original` a reply that names no response_type replaces it, as it always did
    for interactive messages.
    """
    asked: Any = body.get("replace_original")
    if asked is None:
        return "response_type" not in body
    return asked is True or str(asked).lower() == "true"


def _replace(world: World, original: Message, given: content.Content) -> None:
    changes = given.fields()
    del changes["metadata"]
    if given.metadata is not None:
        changes["metadata"] = given.metadata or None
    messages.edit(world, original, by=workspace.BOT_USER, **changes)


def _post(
    world: World, channel: Channel, url: ReplyUrl, body: Json, given: content.Content
) -> None:
    fields = given.fields()
    fields["thread_ts"] = body.get("thread_ts")
    if body.get("response_type") == "in_channel":
        if url.command:
            messages.post(world, channel, url.user, text=url.command)
            url.command = None
        messages.post_as_bot(world, channel, **fields)
    else:
        messages.whisper(world, channel, url.user, **fields)
