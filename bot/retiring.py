"""Takes Keep and Undo off the messages of earlier runs once they would be refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bot import grammar, results, runs
from bot.budget import Urgency
from bot.posting import digest
from bot.voice import Place
from engine.command import Change, Undecided
from engine.errors import Locked, NotAllowed, OpsError, ProviderError
from engine.run import RunStatus
from engine.told import PostState

if TYPE_CHECKING:
    from collections.abc import Collection

    from bot.blocks import Render
    from bot.telling import Stage
    from engine.run import RunView
    from engine.told import Post

LOOK_BACK = 6
"""Earlier runs about the same thing that are looked at."""
RETIRED = "retired"
"""Stands for the digest of a result whose buttons are gone."""


async def retire_ways_back(stage: Stage, done: RunView) -> None:
    """After a run has succeeded: what earlier results offer to take back, and cannot any more."""
    for earlier in await stage.control.list_runs(subject=done.subject, limit=LOOK_BACK):
        if earlier.id == done.id or earlier.status is not RunStatus.SUCCEEDED:
            continue
        posts = [p for p in (await stage.told.posts(earlier.id)).values() if _offers(p)]
        if not earlier.undo or not posts:
            continue
        if await _is_refused(stage, done, earlier.undo):
            await _redraw(stage, earlier.model_copy(update={"undo": ""}), posts)


def _offers(post: Post) -> bool:
    kept = post.key == "root" or post.key.startswith("final:")
    return kept and post.state is PostState.SENT and post.digest != RETIRED


async def _is_refused(stage: Stage, done: RunView, line: str) -> bool:
    """Whether it would be refused now for what it is; in doubt the button stays."""
    try:
        command = grammar.read(line, stage.control.registry, escaped=False).parse()
        if not isinstance(command, Change) or command.asks:
            return False
        await stage.control.preview(done.actor, command, done.origin)
    except (NotAllowed, Locked, ProviderError, Undecided):
        return False
    except OpsError:
        return True
    return False


async def _redraw(stage: Stage, view: RunView, posts: Collection[Post]) -> None:
    for post in posts:
        is_root = post.key == "root"
        drawn = runs.root(view, stage.clock.now()) if is_root else results.final(view)

        def same(drawn: Render = drawn) -> Render:
            return drawn

        try:
            place = Place(post.channel, post.ts)
            await stage.voice.edit(place, same, Urgency.LOG, asyncio.Lock())
        except ProviderError as missed:
            stage.log.info("%s of %s keeps a button: %s", post.key, view.id, missed)
        else:
            told = digest(drawn) if is_root else RETIRED
            await stage.told.put(replace(post, digest=told))
