"""The Slack stand-in as a whole: its state, its app, and how changes are told."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from sandbox import times
from sandbox.control import ControlError
from sandbox.slack import clock, events, manifest, workspace
from sandbox.slack.delivery import Deliveries
from sandbox.slack.limits import RateLimits
from sandbox.slack.records import Behaviour, Channel, Json, Message, Person, State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.server import Settings
    from sandbox.traffic import Traffic

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class World:
    """One workspace with one installed app."""

    def __init__(self, settings: Settings, traffic: Traffic, saved: Callable[[], None]) -> None:
        """`saved` is called after every change that has to outlive the process."""
        self.app = manifest.load(settings.manifest)
        self.traffic = traffic
        self.origin = settings.address or f"http://127.0.0.1:{settings.port}"
        self._origin_known = settings.address is not None or settings.port != 0
        self.state = workspace.first_state(self.app)
        self.limits = RateLimits(lambda: self.state.settings.rates)
        self.deliveries = Deliveries(self, settings.request_url, settings.to_app)
        self._seed = settings.seed
        self._saved = saved
        self._clock = clock.Clock(self)
        self._threads: dict[str, dict[str, list[Message]]] = {}

    # -- the frame's side ---------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        return self.state.model_dump(mode="json", exclude_defaults=True)

    def restore(self, state: dict[str, Any]) -> None:
        """Become `state`. Keys of `settings`, as unsupported_blocks, may also stand at the top."""
        given = dict(state)
        first = workspace.first_state(self.app).model_dump(mode="json")
        shorthand = {key: given.pop(key) for key in Behaviour.model_fields if key in given}
        given["settings"] = {**given.get("settings", {}), **shorthand}
        try:
            wanted = State.model_validate(first | given)
        except ValidationError as error:
            raise ControlError(f"that is no state of a Slack workspace: {error}") from error
        self._jump(wanted)

    def reset(self) -> None:
        self.deliveries.forget()
        self._jump(workspace.first_state(self.app))

    def _jump(self, state: State) -> None:
        """Into another state. Its ids go on from here: who knows us has seen those before."""
        state.minted = max(state.minted, self.state.minted)
        state.last_ts = max(state.last_ts, self.state.last_ts)
        self.state = state
        self._after_jump()

    def _after_jump(self) -> None:
        self._threads.clear()
        self.limits.forget()
        self._clock.wake()
        self.traffic.publish({"type": "slack", "what": "channel"})

    async def start(self) -> None:
        self._clock.start()
        await self.deliveries.start()

    async def stop(self) -> None:
        await self._clock.stop()
        await self.deliveries.stop()

    async def bot_connected(self) -> bool:
        return await self.deliveries.connected()

    def reached_at(self, host: str) -> None:
        """Learn our address from a client, when we were told to pick any port."""
        if not self._origin_known:
            self.origin, self._origin_known = f"http://{host}", True

    def changed(self, what: str, **hint: str | None) -> None:
        """Save soon, and tell open pages what to fetch again."""
        self._saved()
        known = {key: value for key, value in hint.items() if value is not None}
        self.traffic.publish({"type": "slack", "what": what, **known})

    def tend(self) -> None:
        """A deadline was added: let the clock look again."""
        self._clock.wake()

    # -- ids and times --------------------------------------------------------------------------

    def mint(self, prefix: str, length: int = 10) -> str:
        """A new id; ids follow from the seed and the order in which they are asked for."""
        return prefix + self.secret(length, ALPHABET)

    def secret(self, length: int, alphabet: str = ALPHABET + ALPHABET[10:].lower()) -> str:
        """New characters that look random."""
        self.state.minted += 1
        digest = hashlib.blake2b(f"{self._seed}:{self.state.minted}".encode(), digest_size=64)
        return "".join(alphabet[byte % len(alphabet)] for byte in digest.digest()[:length])

    def timestamp(self) -> str:
        """A `ts`: now, in microseconds, and later than every one before."""
        self.state.last_ts = max(self.state.last_ts + 1, int(times.now() * 1_000_000))
        seconds, micros = divmod(self.state.last_ts, 1_000_000)
        return f"{seconds}.{micros:06}"

    # -- who and where --------------------------------------------------------------------------

    def person(self, named: str) -> Person | None:
        """By id or by name, with or without `@`."""
        wanted = named.removeprefix("@").lower()
        people = self.state.people
        return people.get(named) or next((p for p in people.values() if p.name == wanted), None)

    def channel(self, named: str) -> Channel | None:
        """By id or by name, with or without `#`."""
        wanted = named.removeprefix("#").lower()
        channels = self.state.channels
        by_name = (c for c in channels.values() if not c.is_im and c.name == wanted)
        return channels.get(named) or next(by_name, None)

    def direct_channel(self, user: str) -> Channel:
        """The conversation between a person and the bot, opened when needed."""
        for channel in self.state.channels.values():
            if channel.is_im and user in channel.members:
                return channel
        channel = Channel(
            id=self.mint("D"),
            name="directmessage",
            members=[user, workspace.BOT_USER],
            creator=user,
            created=int(times.now()),
            is_im=True,
        )
        self.state.channels[channel.id] = channel
        self.changed("channel", channel=channel.id)
        return channel

    def messages(self, channel: str) -> dict[str, Message]:
        """What was said there, by ts, oldest first; ephemeral messages included."""
        return self.state.messages.setdefault(channel, {})

    def thread(self, channel: str, root: str) -> Sequence[Message]:
        """The replies below a message, oldest first, without ephemeral ones."""
        if channel not in self._threads:
            self._threads[channel] = {}
            for message in self.messages(channel).values():
                self._index(message)
        return self._threads[channel].get(root, ())

    def add_message(self, message: Message) -> None:
        self.messages(message.channel)[message.ts] = message
        if message.channel in self._threads:
            self._index(message)

    def remove_message(self, message: Message) -> None:
        del self.messages(message.channel)[message.ts]
        self._threads.pop(message.channel, None)

    def _index(self, message: Message) -> None:
        root = message.thread_ts
        if root and root != message.ts and not message.only_for:
            self._threads[message.channel].setdefault(root, []).append(message)

    def emit(self, name: str, event: Json) -> None:
        """Send an event to the app, if its manifest subscribes to it."""
        if name in self.app.events:
            self.deliveries.event(events.wrapped(self, event))
