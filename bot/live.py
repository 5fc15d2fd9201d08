"""Answers that go on, such as a log that is followed: one message with a thread that grows.

Nothing of it is durable: when the bot stops, what is followed ends and says so. Who wants more
asks again.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import grammar
from bot.blocks import Message, actions, button, clip, context, mrkdwn, preformatted, section
from bot.budget import Urgency
from bot.identity import key_of
from bot.messages import offer_button
from bot.runs import person
from bot.voice import Place
from bot.waiting import happened
from engine.answer import Code, Offer
from engine.errors import OpsError, ProviderError
from engine.mentions import mention
from engine.words import duration, plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from logging import Logger

    from bot.blocks import Render
    from bot.voice import Voice
    from engine.answer import Answer
    from engine.clock import Clock
    from engine.control_plane import ControlPlane, Request
    from engine.peers import Peers

STOP = "stop"
"""Action id: the value names what is followed."""
MOST_CHARACTERS = 2_800
"""Of one message in the thread."""
MOST_MESSAGES = 4
"""For what is new at one look; what is more is counted, not shown."""


@dataclass
class _Following:
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""


class Live:
    """What is being followed in this process; its Stop button may reach any replica."""

    def __init__(
        self, control: ControlPlane, voice: Voice, clock: Clock, log: Logger, peers: Peers
    ) -> None:
        self._control = control
        self._voice = voice
        self._clock = clock
        self._log = log
        self._peers = peers
        peers.on(STOP, self._stop_told)
        self._going: dict[str, _Following] = {}

    async def follow(self, request: Request, said: Answer) -> None:
        """Show an answer and what comes after it, to its end. Raises Rejected where the bot may
        not post."""
        tail, channel = said.tail, request.origin.channel
        assert tail is not None  # noqa: S101 - asked for only then
        assert channel is not None  # noqa: S101
        title, spent = said.title.partition(":")[0], timedelta(seconds=tail.for_s)
        key, following = secrets.token_hex(6), _Following()
        await self._peers.claim(f"{STOP}:{key}")  # so that the others know that it goes on
        started = self._clock.monotonic()
        root = await self._voice.post(
            channel,
            beginning(title, request.actor.key, spent, key),
            Urgency.RESULT,
            thread=request.origin.thread,
        )
        self._going[key] = following
        place = Place(channel, request.origin.thread or root.ts)
        count, again = 0, request.command.line()
        try:
            answer: Answer | None = said
            while answer is not None:
                count += await self._show(place, answer)
                answer = await self._next(request, answer, following, started + tail.for_s)
        except asyncio.CancelledError:
            following.why = following.why or "the bot stopped"
            raise
        except OpsError as trouble:
            following.why = trouble.summary.rstrip(".")
        finally:
            self._going.pop(key, None)
            await self._peers.release(f"{STOP}:{key}")
            took = timedelta(seconds=self._clock.monotonic() - started)
            ended = ending(title, request.actor.key, took, count, following.why, again)
            await self._end(root, ended)

    async def stop(self, key: str, user: str) -> bool:
        """By a click; False when nobody follows it any more."""
        if self._stop(key, user):
            return True
        if await self._peers.claim(f"{STOP}:{key}"):  # whoever had it is gone
            await self._peers.release(f"{STOP}:{key}")
            return False
        await self._peers.tell(STOP, f"{key} {user}")
        return True

    def _stop_told(self, said: str) -> None:
        key, _, user = said.partition(" ")
        self._stop(key, user)

    def _stop(self, key: str, user: str) -> bool:
        following = self._going.get(key)
        if following is not None:
            following.why = f"stopped by {mention(key_of(user))}"
            following.stop.set()
        return following is not None

    async def forgotten(self, place: Place, said: str) -> None:
        """Its button was clicked after the process that followed it had gone."""
        await self._end(place, gone(said))

    def close(self) -> None:
        """End all of it, and say so."""
        for following in self._going.values():
            following.why = "the bot restarts"
            following.stop.set()

    async def _next(
        self, request: Request, answer: Answer, following: _Following, until: float
    ) -> Answer | None:
        """What the next look brings; None when it is over."""
        tail = answer.tail
        if tail is None or self._clock.monotonic() + tail.every_s > until:
            return None
        if await happened(following.stop, self._clock, tail.every_s):
            return None
        command = grammar.read(tail.line, self._control.registry, escaped=False).parse()
        return await self._control.ask(request.actor, command, request.origin)

    async def _show(self, place: Place, answer: Answer) -> int:
        """The new lines, in as few messages as hold them; returns how many lines."""
        text = "\n".join(part.text for part in answer.parts if isinstance(part, Code))
        if not text:
            return 0
        chunks = list(_chunks(text))
        for chunk in chunks[-MOST_MESSAGES:]:
            shown = chunk
            if chunk is chunks[-MOST_MESSAGES:][0] and len(chunks) > MOST_MESSAGES:
                left_out = sum(c.count("\n") + 1 for c in chunks[:-MOST_MESSAGES])
                shown = f"… {plural(left_out, 'line')} left out\n{chunk}"
            try:
                await self._voice.post(place.channel, _lines(shown), Urgency.LOG, thread=place.ts)
            except ProviderError as missed:
                self._log.info("lines not shown: %s", missed)
        return text.count("\n") + 1

    async def _end(self, root: Place, ended: Render) -> None:
        try:
            await self._voice.edit(root, lambda: ended, Urgency.RESULT, asyncio.Lock())
        except ProviderError as missed:
            self._log.info("the end of what was followed was not told: %s", missed)


def beginning(title: str, asker: str, span: timedelta, key: str) -> Render:
    """The message under which the lines come."""
    what = f"📜 *{mrkdwn(title)}*, live for {duration(span)}"
    how = f"New lines come in this thread · asked for by {person(asker)}"
    row = actions([button("Stop", STOP, value=key)])
    return lambda _: Message.of(
        f"{what.replace('*', '')}. {how}", [section(what), context(how), *row]
    )


def ending(title: str, asker: str, took: timedelta, count: int, why: str, again: str) -> Render:
    """What it says once it is over; `why`: before its time."""
    what = f"📜 *{mrkdwn(title)}*, followed for {duration(took)}: {plural(count, 'line')}"
    how = f"Ended: {mrkdwn(why)}" if why else "Its time is over"
    row = actions([offer_button(Offer(label="Follow again", line=again))])
    below = f"{how} · asked for by {person(asker)}"
    return lambda _: Message.of(
        f"{what.replace('*', '')}. {how}", [section(what), context(below), *row]
    )


def gone(said: str) -> Render:
    """For one that nobody follows any more; `said` is what its message says."""
    first = clip(said.partition(". ")[0], 300)
    how = "Ended: the bot restarted meanwhile"
    return lambda _: Message.of(f"{first}. {how}", [section(first), context(how)])


def _lines(text: str) -> Render:
    return lambda _: Message.of(clip(text, 300), [preformatted(text)])


def _chunks(text: str) -> Iterator[str]:
    """At line ends, each within one message."""
    kept: list[str] = []
    size = 0
    for line in text.split("\n"):
        short = clip(line, MOST_CHARACTERS)
        if kept and size + len(short) + 1 > MOST_CHARACTERS:
            yield "\n".join(kept)
            kept, size = [], 0
        kept.append(short)
        size += len(short) + 1
    yield "\n".join(kept)
