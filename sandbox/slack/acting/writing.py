"""What people type: slash commands and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.control import ControlError
from sandbox.slack import markup, messages, payloads, reply_urls, workspace
from sandbox.slack.acting.outcome import shown
from sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from sandbox.slack.records import Channel, Json, Message, Person
    from sandbox.slack.world import World


async def command(
    world: World, person: Person, channel: Channel, said: str, thread_ts: str | None
) -> Json:
    """A slash command typed into a channel."""
    said = said.strip()
    if not said.startswith("/"):
        raise ControlError(f"a slash command starts with a slash: {said!r}")
    name, *words = said.split(maxsplit=1)
    name, rest = name.lower(), "".join(words)
    entry = world.app.command(name)
    if entry is None:
        return _refused(
            world,
            person,
            channel,
            f"`{name}` is not a valid command. In Slack, all messages that start with the `/`"
            " character are interpreted as commands.",
            thread_ts,
        )
    if thread_ts:
        text = f"`{name}` is not supported in threads. Sorry!"
        return _refused(world, person, channel, text, thread_ts)
    text = markup.typed(rest, world.state, named=True) if entry.should_escape else rest
    payload = payloads.command(world, person, channel, entry, text, said)
    outcome = await world.deliveries.command(payload)
    if outcome.problem:
        _slackbot(world, person, channel, f'`{name}` failed with the error "{outcome.problem}"')
    else:
        _answer_in_ack(world, payload["response_url"], outcome.body)
    return shown(outcome)


def _refused(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None
) -> Json:
    _slackbot(world, person, channel, text, thread_ts)
    return {"ack_ms": None, "status": 400, "body": text}


def _slackbot(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None = None
) -> None:
    messages.whisper(world, channel, person.id, workspace.SLACKBOT, text=text, thread_ts=thread_ts)


def _answer_in_ack(world: World, response_url: str, body: Any) -> None:
    reply = {"text": body} if isinstance(body, str) else body
    if isinstance(reply, dict) and (reply.get("text") or reply.get("blocks")):
        url = world.state.reply_urls["/".join(response_url.rsplit("/", 2)[1:])]
        try:
            reply_urls.reply(world, url, reply, counts=False)
        except SlackError as error:
            person = world.state.people[url.user]
            channel = world.state.channels[url.channel]
            _slackbot(world, person, channel, f'The app answered with an error: "{error.code}"')


def say(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None
) -> Message:
    """A message typed into a channel or thread."""
    if thread_ts and thread_ts not in world.messages(channel.id):
        raise ControlError(f"there is no message {thread_ts} in #{channel.name}")
    message = messages.post(
        world,
        channel,
        person.id,
        text=markup.typed(text, world.state),
        thread_ts=thread_ts,
        client_msg_id=_client_msg_id(world),
    )
    mentioned = f"<@{workspace.BOT_USER}>" in message.text
    if mentioned and workspace.BOT_USER not in channel.members:
        _slackbot(
            world,
            person,
            channel,
            f"You mentioned <@{workspace.BOT_USER}>, but they're not in this channel.",
        )
    return message


def _client_msg_id(world: World) -> str:
    digits = world.secret(32, "0123456789abcdef")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
