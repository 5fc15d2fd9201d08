"""What a Web API method is, and what it is handed when it is called."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sandbox.slack import events, workspace
from sandbox.slack.api import arguments as wire
from sandbox.slack.errors import SlackError, invalid_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sandbox.slack.limits import Tier
    from sandbox.slack.records import Channel, Json, Message
    from sandbox.slack.world import World


class TokenKind(StrEnum):
    """Which token a method takes."""

    BOT = "bot"
    APP = "app"
    CONFIGURATION = "configuration"
    NONE = "none"


FAMILY = {"channel": "channels", "group": "groups", "im": "im"}


@dataclass(frozen=True)
class Method:
    """One method: what it needs, what it may answer, and how it does it."""

    name: str
    handler: Callable[[Call], Json]
    tier: Tier | None
    scopes: tuple[str, ...]
    required: tuple[str, ...]
    errors: frozenset[str]
    json_body: bool
    token: TokenKind


METHODS: dict[str, Method] = {}


def method(
    name: str,
    *,
    tier: Tier | None,
    scopes: Sequence[str] = (),
    required: Sequence[str] = (),
    errors: str = "",
    json_body: bool = True,
    token: TokenKind = TokenKind.BOT,
) -> Callable[[Callable[[Call], Json]], Callable[[Call], Json]]:
    """Register the decorated function; `scopes` are alternatives, `errors` its own codes."""

    def register(handler: Callable[[Call], Json]) -> Callable[[Call], Json]:
        METHODS[name] = Method(
            name,
            handler,
            tier,
            tuple(scopes),
            tuple(required),
            frozenset(errors.split()),
            json_body,
            token,
        )
        return handler

    return register


@dataclass
class Call:
    """One call of a method: its arguments with their types, and the world it works on."""

    world: World
    method: Method
    arguments: Mapping[str, Any]
    host: str
    """Where the client reached us, for addresses in answers."""

    # -- arguments ------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        return self.arguments.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        if value is None:
            return default
        if isinstance(value, str | int | float):
            return str(value)
        raise invalid_arguments(f"must be a string [json-pointer:/{name}]")

    def maybe(self, name: str) -> str | None:
        return self.text(name) or None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Booleans arrive as true, "true", "1" and the like."""
        value = self.arguments.get(name)
        return default if value is None else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        if not self.has(name):
            return default
        try:
            return int(float(self.text(name)))
        except ValueError as error:
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]") from error

    def names(self, name: str) -> list[str]:
        """A list, or a string with commas."""
        value = self.arguments.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in self.text(name).split(",") if part.strip()]

    def structure(self, name: str) -> Any:
        """An argument that is an object or a list, sent as such or as a string of JSON."""
        return wire.decoded(name, self.arguments.get(name))

    # -- rights ---------------------------------------------------------------------------------

    def holds(self, scope: str) -> bool:
        return scope in self.world.app.scopes

    def require(self, *alternatives: str) -> None:
        """Refuse the call unless the app holds one of these scopes."""
        if not any(self.holds(scope) for scope in alternatives):
            raise missing_scope(self.world, alternatives)

    # -- things ---------------------------------------------------------------------------------

    def channel(
        self, name: str = "channel", *, error: str = "channel_not_found", by_name: bool = False
    ) -> Channel:
        """The conversation of that argument, if the bot may know of it.

        `by_name`: a channel's name or a person's id will do, as where messages are posted.
        """
        given = self.text(name)
        channel = self.world.state.channels.get(given)
        if channel is None and by_name:
            known = given in self.world.state.people
            channel = self.world.direct_channel(given) if known else self.world.channel(given)
        visible = channel and (
            workspace.BOT_USER in channel.members or not (channel.is_im or channel.is_private)
        )
        if channel is None or not visible:
            raise SlackError(error)
        return channel

    def require_family(self, channel: Channel, right: str) -> None:
        """A scope by kind of conversation, e.g. `channels:history` or `im:history`."""
        self.require(f"{FAMILY[events.channel_type(channel)]}:{right}")

    def message(self, channel: Channel, name: str = "ts") -> Message:
        """A message that everybody in the channel can see."""
        message = self.world.messages(channel.id).get(self.text(name))
        if message is None or message.only_for:
            raise SlackError("message_not_found")
        return message


def missing_scope(world: World, alternatives: Iterable[str]) -> SlackError:
    return SlackError(
        "missing_scope", needed=",".join(alternatives), provided=",".join(world.app.scopes)
    )


def page_of(call: Call, items: Sequence[Any], default: int, most: int = 1000) -> tuple[Any, Json]:
    """One page of a list, and the response_metadata that leads to the next one."""
    limit = call.number("limit", default) or default
    if not 0 < limit <= most:
        raise SlackError(
            "invalid_limit" if "invalid_limit" in call.method.errors else "invalid_arguments"
        )
    start = _offset(call.text("cursor"))
    more = start + limit < len(items)
    following = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return items[start : start + limit], {"next_cursor": following}


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, offset = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "next":
            raise ValueError(cursor)
        return int(offset)
    except ValueError as error:
        raise SlackError("invalid_cursor") from error
