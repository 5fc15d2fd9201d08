"""What people say to the bot in a mention or a direct message, and what becomes of it.

Slash commands do not work in threads, mentions do: there, what is left out is what the thread is
about. Questions are answered at once; whatever changes something waits for a click.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import grammar, messages
from bot.guarding import refuse_secrets
from bot.plain_words import Topic, changes, hear
from engine.command import Change
from engine.errors import InvalidInput, OpsError, SecretTyped

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.blocks import Render
    from bot.desk import Ask, Desk
    from bot.plain_words import Heard
    from bot.topics import Topics
    from engine.registry import Registry

REMEMBERED = 500
"""Deliveries that are known again when Slack sends them a second time."""
LONGEST_SENTENCE = 500
"""Characters; an order is a few words long, and whatever is longer is none."""
_FIRST_MENTION = re.compile(r"^\s*<@[A-Z0-9]+(?:\|[^>]*)?>")


class Hearing:
    """`me` is the bot's own user id, empty until Slack has told it."""

    def __init__(
        self, desk: Desk, registry: Registry, topics: Topics, *, me: Callable[[], str]
    ) -> None:
        self._desk = desk
        self._registry = registry
        self._topics = topics
        self._me = me
        self._seen: OrderedDict[str, None] = OrderedDict()

    async def take(self, ask: Ask, text: str) -> Render | None:
        """What is to be said at once; None means that an answer comes, or came already."""
        if ask.delivery in self._seen:
            return None
        self._seen[ask.delivery] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        said = ""
        try:
            said = grammar.unescape(self._without_mention(grammar.bounded(text))).strip()
            refuse_secrets(said, self._registry)
            if len(said) > LONGEST_SENTENCE:
                return self._desk.refusal(_no_sentence(said), "", ask)
            actor = await self._desk.actor(ask)
            topic = Topic()
            if ask.channel and ask.thread:
                topic = await self._topics.of_thread(ask.channel, ask.thread)
            heard = hear(said, self._registry, await self._desk.rights(actor), topic)
            return await self._act(ask, heard, said)
        except SecretTyped as error:
            error.why += " Delete your message, too: whoever is here can read it."
            return self._desk.refusal(error, "", ask)
        except OpsError as error:
            return self._desk.refusal(error, said, ask)

    async def _act(self, ask: Ask, heard: Heard, said: str) -> Render | None:
        wish = heard.wish
        if wish is None:
            return messages.not_understood(said, heard.nearest)
        actor = await self._desk.actor(ask)
        try:
            command = wish.parse()
        except InvalidInput as invalid:
            await self._desk.permit(actor, wish.command)
            if invalid.missing:
                return messages.understood_in_part(wish.command.usage(), wish.command.name)
            raise
        await self._desk.permit(actor, command)
        line = command.line()
        if changes(wish):
            return messages.waits_for_a_click(
                line, command.risk, plan=issubclass(wish.command, Change)
            )
        shown = f"{line} {grammar.PLAN}" if wish.plan_only else line
        greeting = not heard.doubt and shown == "help"
        note = "" if greeting else messages.understood(shown, heard.doubt)
        return await self._desk.take_line(replace(ask, note=note), shown, escaped=False)

    def _without_mention(self, text: str) -> str:
        me = self._me()
        if not me:
            return _FIRST_MENTION.sub("", text)
        return re.sub(rf"<@{re.escape(me)}(?:\|[^>]*)?>", " ", text)


def _no_sentence(said: str) -> InvalidInput:
    return InvalidInput(
        f"This is longer than a sentence: {len(said):,} characters.",
        why=f"I read at most {LONGEST_SENTENCE} in a message, so nothing was done.",
        who="You can say it shorter, or type a long command line after `/luthien`.",
        next_step="/luthien help",
    )
