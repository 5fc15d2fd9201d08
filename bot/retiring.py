"""What earlier messages offer and cannot be done any more gives way to words that say why."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import grammar, results, runs
from bot.blocks import NEWER, Message, context, mrkdwn
from bot.budget import Urgency
from bot.voice import Place
from engine.command import Change, Undecided
from engine.errors import Locked, NotAllowed, OpsError, ProviderError, Rejected
from engine.mentions import mention
from engine.run import RunStatus
from engine.told import PostState
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.blocks import Block, Kinds, Render
    from bot.telling import Stage
    from engine.answer import Offer
    from engine.run import RunView
    from engine.told import Post

LOOK_BACK = 6
"""Earlier runs about the same thing that are looked at."""
LOOK_BACK_FROM_THE_END = 30
"""When it is gone: hardly anything that was offered about it can be done."""
_HISTORY = "Runs"
"""The group of commands that look at what was; they outlive what it was done to."""
_DELETED = "message_not_found"
"""Source: Slack's reference of chat.update."""
RETIRED = "retired"
"""Stands for the digest of a message whose buttons are gone."""


async def retire(stage: Stage, done: RunView) -> None:
    """After a run has succeeded: what earlier messages about the same offer, and what it has made
    impossible."""
    judge = _Judge(stage, done)
    await _retire_results(stage, done, judge)
    for word in filter(None, (done.subject, done.id)):
        for notice in await stage.notices.offering(word):
            kept = [offer for offer in notice.offers if not await judge.is_over(offer)]
            if len(kept) < len(notice.offers):
                labels = [offer.label for offer in notice.offers if offer not in kept]
                await stage.notices.amend(notice.key, kept, remark(labels, done))


def remark(labels: list[str], done: RunView) -> str:
    """What stands in place of these buttons."""
    are = "is" if len(labels) == 1 else "are"
    what = f"{listed([f'*{label}*' for label in labels])} {are} not possible any more."
    closing = f"{done.closing} " if done.closing else ""
    return f"↩️ {what} {closing}`{typed(done.line)}` by {mention(done.actor.key)} came after it."


class _Judge:
    """Tells of each command line, once, whether what a run has done made it impossible."""

    def __init__(self, stage: Stage, done: RunView) -> None:
        self._stage = stage
        self._done = done
        self._known: dict[str, bool] = {}
        self.overtaken: set[str] = set()
        """Ids of runs that cannot be gone on with any more."""

    @property
    def gone(self) -> bool:
        return not runs.still_there(self._done)

    async def is_over(self, offer: Offer) -> bool:
        return self.gone if offer.url else await self.refuses(offer.line)

    async def refuses(self, line: str) -> bool:
        if line not in self._known:
            self._known[line] = await self._ask(line)
        return self._known[line]

    async def _ask(self, line: str) -> bool:
        """Whether it would be refused now for what it is; in doubt the button stays."""
        stage, done = self._stage, self._done
        try:
            command = grammar.read(line, stage.control.registry, escaped=False).parse()
        except OpsError:
            return False
        if command.steers:
            return done.id in line.split() or not self.overtaken.isdisjoint(line.split())
        about_it = command.subject == done.subject and command.group != _HISTORY
        if not isinstance(command, Change) or command.reads:
            return done.id in line.split() or (self.gone and about_it)
        try:
            await stage.control.preview(done.actor, command, done.origin)
        except (NotAllowed, Locked, ProviderError, Undecided):
            return False
        except OpsError:
            return True
        return False


async def _retire_results(stage: Stage, done: RunView, judge: _Judge) -> None:
    limit = LOOK_BACK_FROM_THE_END if judge.gone else LOOK_BACK
    for earlier in await stage.control.list_runs(subject=done.subject, limit=limit):
        if not _before(earlier, done):
            continue
        if earlier.outdated:
            judge.overtaken.add(earlier.id)
        elif earlier.status is not RunStatus.SUCCEEDED:
            continue
        offered = earlier.model_copy(update={"outdated": False})
        for post in (await stage.told.posts(earlier.id)).values():
            if _offers(post):
                await _redraw(stage, offered, post, done, judge)


def _before(earlier: RunView, done: RunView) -> bool:
    """Tellings end in any order."""
    if earlier.ended_at is None or done.ended_at is None:
        return False
    return earlier.id != done.id and earlier.ended_at <= done.ended_at


def _offers(post: Post) -> bool:
    kept = post.key == "root" or post.key.startswith("final:")
    return kept and post.state is PostState.SENT and post.digest != RETIRED


async def _redraw(stage: Stage, view: RunView, post: Post, done: RunView, judge: _Judge) -> None:
    drawn = runs.root(view, stage.clock.now()) if post.key == "root" else results.final(view)
    offered = list(_buttons(drawn(NEWER)))
    over = [b for b in offered if await _is_over(b, judge)]
    if not over:
        return
    left = [b for b in offered if b not in over]
    mark = f"left:{hashlib.sha256(repr(left).encode()).hexdigest()[:24]}" if left else RETIRED
    if post.digest == mark:
        return
    labels = list(dict.fromkeys(b["text"]["text"] for b in over))
    shown = _without(drawn, over, remark(labels, done))
    try:
        place = Place(post.channel, post.ts)
        await stage.voice.edit(place, lambda: shown, Urgency.LOG, asyncio.Lock())
    except Rejected as refused:
        if refused.why != _DELETED:
            stage.log.info("%s of %s keeps a button: %s", post.key, view.id, refused)
            return
        mark = RETIRED  # and its buttons with it; no later run need try again
    except ProviderError as missed:
        stage.log.info("%s of %s keeps a button: %s", post.key, view.id, missed)
        return
    await stage.told.put(replace(post, digest=mark))


async def _is_over(button: Block, judge: _Judge) -> bool:
    """A link leads to what is there."""
    if "url" in button:
        return judge.gone
    return await judge.refuses(str(button.get("value", "")))


def _buttons(message: Message) -> Iterator[Block]:
    for block in message.blocks:
        if block["type"] == "actions":
            yield from block["elements"]


def _without(drawn: Render, over: list[Block], said: str) -> Render:
    def draw(newer: Kinds) -> Message:
        message, blocks = drawn(newer), []
        for block in message.blocks:
            if block["type"] != "actions":
                blocks.append(block)
                continue
            blocks.append(context(mrkdwn(said)))
            if left := [b for b in block["elements"] if b not in over]:
                blocks.append(block | {"elements": left})
        return Message(message.text, tuple(blocks))

    return draw
