"""Tells one run in Slack until it is over: root message, thread, credentials, result.

It can be taken up at any moment, by another process: see `posting`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import grammar, messages, refusals, results, runs
from bot.budget import Urgency
from bot.log_lines import LogLine, log_line, log_message
from bot.posting import Posting, digest
from bot.retiring import RETIRED, retire
from bot.voice import Place
from bot.waiting import happened
from engine.actor import Door
from engine.answer import Offer, Offers, Secrets
from engine.errors import OpsError, ProviderError, Rejected
from engine.peers import NoPeers
from engine.run import EventKind, RunStatus
from engine.subject import about
from engine.telemetry import span
from engine.told import Post, PostState

if TYPE_CHECKING:
    from datetime import datetime
    from logging import Logger

    from bot.blocks import Render
    from bot.voice import Voice
    from engine.answer import Answer
    from engine.clock import Clock
    from engine.control_plane import ControlPlane
    from engine.notices import Notices
    from engine.peers import Peers
    from engine.run import Event, RunView
    from engine.told import Told

SIGN_EVERY = 10.0
"""Seconds after which the elapsed time is shown anew; a run is never silent for 15."""
CALM = timedelta(seconds=1.5)
"""Between two edits because something happened."""
CREDENTIALS_FIRST = 1.5
"""Seconds for which the result waits so that the credentials come before it."""
NEWS = timedelta(minutes=1)
"""How old the end of a run may be that nobody in Slack waits for."""
_TAKEN_UP = "↩️ The run was taken up again after this."
TOGETHER = 2.0
"""Lines due within so many seconds share one message."""


@dataclass(frozen=True)
class Stage:
    """What every telling needs."""

    control: ControlPlane
    told: Told
    voice: Voice
    clock: Clock
    log: Logger
    default_channel: str | None
    notices: Notices
    peers: Peers = field(default_factory=NoPeers)


class Telling:
    """One run's telling; `run` ends when the run is over and told to its end."""

    def __init__(self, stage: Stage, run_id: str) -> None:
        self._stage = stage
        self._run_id = run_id
        self._view: RunView
        self._posting: Posting
        self._events: list[Event] = []
        self._fed = False
        self._changed = asyncio.Event()
        self._repaint = asyncio.Event()
        self._pending: list[tuple[Event, LogLine]] = []
        self._due = 0.0
        self._noted = asyncio.Event()
        self._ended: Event | None = None
        self._over = asyncio.Event()
        self._pen = asyncio.Lock()

    async def run(self) -> None:
        self._view = await self._stage.control.show(self._run_id)
        view = self._view
        told = {"actor": view.actor.key, "request": view.origin.request}
        with about(run=self._run_id, **told), span("tell run", parent=view.origin.trace):
            await self._tell()

    async def _tell(self) -> None:
        stage = self._stage
        self._posting = Posting(
            self._run_id,
            await stage.told.posts(self._run_id),
            told=stage.told,
            voice=stage.voice,
            clock=stage.clock,
            since=self._view.created_at,
        )
        after = await stage.told.cursor(self._run_id)
        channel = None if self._is_old_news() else self._channel()
        async with asyncio.TaskGroup() as tasks:
            listening = [tasks.create_task(self._feed(after))]
            root = await self._begin(channel) if channel else None
            if root is None:
                listening.append(tasks.create_task(self._watch(told_until=0)))
                await self._over.wait()
            else:
                told_until = await self._posting.settle_log(root.ts)
                listening.append(tasks.create_task(self._watch(told_until)))
                listening.append(tasks.create_task(self._paint(root)))
                listening.append(tasks.create_task(self._retire_results(root, after)))
                writing = tasks.create_task(self._write_log(root))
                await self._over.wait()
                await self._conclude(root, writing)
            for task in listening:
                task.cancel()
        if self._ended is not None:
            await stage.told.finish(self._run_id, self._ended.seq)

    def _is_old_news(self) -> bool:
        """It was over before anybody here heard of it, and nobody in Slack asked for it: say, a
        run of the command line while the bot was not running."""
        ended = self._view.ended_at
        return (
            self._view.status.over
            and ended is not None
            and self._now() - ended > NEWS
            and self._view.actor.door is not Door.SLACK
            and self._posting.known("root") is None
        )

    def _channel(self) -> str | None:
        """Where the run is told: where it began to be, where it was asked for, or the default."""
        root = self._posting.known("root")
        return (root.channel if root else None) or (
            self._view.origin.channel or self._stage.default_channel
        )

    # What happens

    async def _feed(self, after: int) -> None:
        async for event in self._stage.control.follow(self._run_id, after):
            self._events.append(event)
            self._changed.set()
        self._fed = True
        self._changed.set()

    async def _watch(self, told_until: int) -> None:
        """Keep the view fresh and the lines to tell collected, until the run is over."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            events, self._events = self._events, []
            self._view = await self._stage.control.show(self._run_id)
            for event in events:
                self._ended = event if event.kind is EventKind.ENDED else None
                line = log_line(event, self._view) if event.seq > told_until else None
                if line is not None:
                    self._note(event, line)
            self._repaint.set()
            # Fed to the end without an ending: it was told to its end before.
            if self._view.status.over and (self._ended is not None or self._fed):
                self._over.set()
                self._noted.set()
                return

    def _note(self, event: Event, line: LogLine) -> None:
        now = self._stage.clock.monotonic()
        if not self._pending:
            self._due = now + TOGETHER
        if line.urgent:
            self._due = now
        self._pending.append((event, line))
        self._noted.set()

    # The root message

    async def _begin(self, channel: str) -> Place | None:
        """The root message; None when there is no channel that takes it."""
        thread = self._view.origin.thread
        render = runs.root(self._view, self._now())
        try:
            post = await self._posting.once("root", channel, render, thread, Urgency.RESULT)
        except Rejected as refused:
            self._stage.log.warning("run %s: no post in %s: %s", self._run_id, channel, refused)
            elsewhere = self._stage.default_channel
            if not elsewhere or elsewhere == channel:
                return None
            try:
                post = await self._posting.once("root", elsewhere, render, None, Urgency.RESULT)
            except Rejected as again:
                self._stage.log.warning("run %s is told nowhere: %s", self._run_id, again)
                return None
        if not post.url:
            post = replace(post, url=await self._stage.voice.permalink(post.channel, post.ts))
            await self._posting.keep(post)
        return Place(post.channel, post.ts)

    async def _paint(self, root: Place) -> None:
        """Keep the root true: soon after something happened, and never silent for long."""
        clock = self._stage.clock
        while True:
            await happened(self._repaint, clock, SIGN_EVERY)
            self._repaint.clear()
            try:
                await self._show(root, Urgency.PROGRESS)
            except Rejected as refused:
                self._stage.log.warning("root of %s stays as it is: %s", self._run_id, refused)
                return
            except ProviderError as missed:
                # The next edit says the same and more.
                self._stage.log.info("root of %s not edited: %s", self._run_id, missed)
            await clock.sleep(CALM)

    async def _show(self, root: Place, urgency: Urgency) -> None:
        """Draw the root anew, unless it says so already."""
        said = self._posting.known("root")
        if said is None or said.digest == digest(runs.root(self._view, self._now())):
            return
        drawn = ""

        def newest() -> Render:
            nonlocal drawn
            render = runs.root(self._view, self._now())
            drawn = digest(render)
            return render

        await self._stage.voice.edit(root, newest, urgency, self._pen)
        await self._posting.keep(replace(said, digest=drawn))

    # The thread

    async def _write_log(self, root: Place) -> None:
        """Post the lines as they fall due; ends when the run is over and all are posted."""
        clock = self._stage.clock
        while True:
            await self._noted.wait()
            self._noted.clear()
            while self._pending and not self._over.is_set() and clock.monotonic() < self._due:
                await happened(self._noted, clock, self._due - clock.monotonic())
                self._noted.clear()
            if self._pending:
                await self._flush(root)
            if self._over.is_set() and not self._pending:
                return

    async def _flush(self, root: Place) -> None:
        batch, self._pending = self._pending, []
        result = self._over.is_set() or any(line.urgent for _, line in batch)
        await self._reply(
            f"log:{batch[0][0].seq}-{batch[-1][0].seq}",
            root,
            log_message([line for _, line in batch]),
            Urgency.RESULT if result else Urgency.LOG,
        )

    async def _reply(
        self, key: str, root: Place, render: Render, urgency: Urgency, *, broadcast: bool = False
    ) -> None:
        """One message of the thread. One that Slack refuses is lost, the rest goes on."""
        try:
            await self._posting.once(
                key, root.channel, render, root.ts, urgency, broadcast=broadcast
            )
        except Rejected as refused:
            self._stage.log.warning("%s of run %s not told: %s", key, self._run_id, refused)

    # The end

    async def _conclude(self, root: Place, log: asyncio.Task[None]) -> None:
        ended = self._ended
        if ended is None:
            await log
            return
        async with asyncio.TaskGroup() as tasks:
            credentials = tasks.create_task(self._credentials(root, ended))
            tasks.create_task(self._show_last(root))
            await asyncio.wait({credentials}, timeout=CREDENTIALS_FIRST)
            await log
            result = results.final(self._view)
            key = f"final:{ended.seq}"
            await self._reply(key, root, result, Urgency.RESULT, broadcast=True)
        if self._view.status is RunStatus.SUCCEEDED and self._view.subject:
            try:
                await retire(self._stage, self._view)
            except Exception as missed:  # noqa: BLE001 - the run itself is told
                self._stage.log.warning("old buttons about %s stay: %s", self._run_id, missed)

    async def _show_last(self, root: Place) -> None:
        try:
            await self._show(root, Urgency.RESULT)
        except Rejected as refused:
            self._stage.log.warning("root of %s stays as it is: %s", self._run_id, refused)

    async def _credentials(self, root: Place, ended: Event) -> None:
        """To the requester alone, at once. Whoever goes on where a process died over it gives
        them again; what Slack loses is what the button on the final message is for."""
        view, key = self._view, f"credentials:{ended.seq}"
        if view.status is not RunStatus.SUCCEEDED or view.removing or not view.delivers:
            return
        given = self._posting.known(key)
        if view.actor.door is not Door.SLACK or (given and given.state is PostState.SENT):
            return
        try:
            command = grammar.read(view.delivers, self._stage.control.registry, escaped=False)
            outcome = await self._stage.control.perform(view.actor, command.parse(), view.origin)
            if outcome.answer is None:
                return
            post = Post(self._run_id, key, root.channel, PostState.SENDING, "")
            await self._posting.keep(post)
            said = with_forgetting(outcome.answer, view.delivers)
            await self._stage.voice.whisper(root.channel, view.actor.id, messages.answer(said))
            await self._posting.keep(replace(post, state=PostState.SENT))
        except OpsError as missed:
            self._stage.log.warning("credentials of %s not delivered: %s", self._run_id, missed)
            await self._not_delivered(root, missed)

    async def _not_delivered(self, root: Place, missed: OpsError) -> None:
        """The result promises credentials: whoever waits learns that they did not come."""
        view, registry = self._view, self._stage.control.registry
        said = refusals.refusal(missed, registry, line=view.delivers or "")
        try:
            await self._stage.voice.whisper(root.channel, view.actor.id, said)
        except OpsError as unheard:
            self._stage.log.warning("and %s was not told: %s", view.actor.key, unheard)

    async def _retire_results(self, root: Place, after: int) -> None:
        """Take the buttons off earlier results once the run goes on: they would be refused."""
        for post in self._posting.results(until=after):
            if self._view.status.over or post.digest == RETIRED:
                continue
            place = Place(post.channel, post.ts)
            try:
                await self._stage.voice.take_buttons(place, root.ts, Urgency.LOG, _TAKEN_UP)
            except ProviderError as missed:
                self._stage.log.info("old result of %s keeps buttons: %s", self._run_id, missed)
            else:
                await self._posting.keep(replace(post, digest=RETIRED))

    def _now(self) -> datetime:
        return self._stage.clock.now()


def with_forgetting(said: Answer, line: str) -> Answer:
    """The same answer, ending in a button that ends the right to see it again."""
    forget = f"{line} --forget"
    has_secrets = any(isinstance(part, Secrets) for part in said.parts)
    offered = [o.line for part in said.parts if isinstance(part, Offers) for o in part.offers]
    if not has_secrets or forget in offered:
        return said
    offer = Offer(label="Saved, forget them", line=forget, style="primary")
    return said.model_copy(update={"parts": (*said.parts, Offers(offers=(offer,)))})
