"""How a wish from Slack is carried out and answered: a sign of life, the answer or the refusal to
the asker alone, a file where it is too long, a bug under its number."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import grammar, messages, refusals
from bot.budget import Urgency
from engine.actor import Door
from engine.control_plane import Outcome
from engine.errors import OpsError, ProviderError
from engine.precedence import Precedence
from engine.subject import about

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from logging import Logger
    from typing import Any

    from bot.blocks import Render
    from bot.live import Live
    from bot.narrator import Narrator
    from bot.scrub import Scrubber
    from bot.voice import Voice
    from engine.answer import Answer
    from engine.clock import Clock
    from engine.control_plane import ControlPlane, Request

SIGNS = (timedelta(seconds=0.7), timedelta(seconds=14))
"""Pauses after which whoever still waits gets a sign of life; something within a second is the
promise."""
AT_ONCE = timedelta()
AGAIN = timedelta(seconds=30)
"""After which a wish is looked at again that an error of ours broke off."""


class Answering:
    """Carries out what was accepted. `send_file` puts a text (person, name, content) into their
    conversation with the bot."""

    def __init__(
        self,
        control: ControlPlane,
        voice: Voice,
        narrator: Narrator,
        *,
        live: Live,
        send_file: Callable[[str, str, str], Awaitable[None]],
        clock: Clock,
        log: Logger,
        scrubber: Scrubber,
        bot_name: Callable[[], str],
        precedence: Precedence | None = None,
    ) -> None:
        self._precedence = precedence or Precedence()
        self._control = control
        self._voice = voice
        self._narrator = narrator
        self._live = live
        self._send_file = send_file
        self._clock = clock
        self._log = log
        self._scrubber = scrubber
        self._bot_name = bot_name
        self._replaced: set[str] = set()
        """Deliveries whose clicked message shows a sign of life: whatever follows replaces it."""
        self._work: set[asyncio.Task[None]] = set()

    async def resume(self) -> None:
        """Take up what was accepted before the last stop."""
        for request in await self._control.unhandled():
            if request.actor.door is Door.SLACK:
                self.begin(self.carry_out(request, inherited=True))

    async def carry_out(
        self, request: Request, *, again: bool = False, inherited: bool = False
    ) -> None:
        """`inherited` from a process that is gone, which may have given signs of life already: no
        more of them, as a response_url may be used five times only."""
        with about(actor=request.actor.key, request=request.delivery):
            await self._carry_out(request, again=again, inherited=inherited)

    async def _carry_out(self, request: Request, *, again: bool, inherited: bool) -> None:
        told, notice = False, None
        if not inherited:
            notice = asyncio.create_task(self._sign_of_life(request))
        elif _clicked(request):
            self._replaced.add(request.delivery)

        async def tell(came: Outcome | Exception) -> None:
            nonlocal told
            if notice is not None:
                notice.cancel()
            if isinstance(came, Outcome):
                await self._deliver(request, came)
            elif isinstance(came, OpsError):
                await self._tell(request, self.refusal(came, request.command.line()))
            elif not again:  # a bug; the person gets its number
                await self._tell(request, self.incident(came, request.command.line()))
            told = True

        try:
            await self._control.handle(request.delivery, tell)
        except Exception as error:  # noqa: BLE001 - a bug, or our own database was the trouble
            if not (told or again):
                await self._tell(request, self.incident(error, request.command.line()))
            # What is not marked as handled waits.
            self.begin(self.carry_out(request, again=True), after=AGAIN)
        finally:
            if notice is not None:
                notice.cancel()

    async def _deliver(self, request: Request, outcome: Outcome) -> None:
        prompt = json.loads(request.prompt or "{}")
        if outcome.run is not None:
            self._narrator.tell(outcome.run.id)
            if prompt.get("clicked") and request.reply:
                await self._withdraw(request.reply)
            return
        if outcome.answer is None:
            return
        said = outcome.answer
        line = request.command.line()
        if request.plan_only:
            line += f" {grammar.PLAN}"
        if said.tail is not None and request.origin.channel and not request.plan_only:
            self.begin(self._follow(request, said))
            return
        if prompt.get("share") and request.reply and not messages.is_private(said):
            shared = messages.answer(said, line=line, shared_by=request.actor.id)
            if await self._share(request, shared):
                return
        render = messages.answer(said, line=line)
        if text := messages.overlong(said):
            render = messages.with_note(render, await self._as_file(request, text))
        if note := prompt.get("note"):
            render = messages.with_note(render, note)
        replace, secret = bool(prompt.get("clicked")), messages.is_private(said)
        await self._tell(request, render, replace=replace, secret=secret)

    async def _share(self, request: Request, render: Render) -> bool:
        """False where the way to do so is worn out: the asker alone gets it, then."""
        thread = request.origin.thread
        try:
            await self._voice.respond(request.reply, render, public=True, thread=thread)
        except ProviderError as missed:
            self._log.info("not shared: %s", missed)
            return False
        await self._withdraw(request.reply)
        return True

    async def _follow(self, request: Request, said: Answer) -> None:
        """Show what goes on; where the bot may not post, what there is now."""
        try:
            await self._live.follow(request, said)
        except ProviderError as refused:
            self._log.info("not followed: %s", refused)
            line = request.command.line()
            note = messages.not_followed(request.origin.channel or "", self._bot_name())
            await self._tell(request, messages.with_note(messages.answer(said, line=line), note))

    async def _as_file(self, request: Request, text: str) -> str:
        """Send what is too long for a message; says where it is. Only the asker may see it, so it
        goes where nobody else is: a file in a channel would be everybody's."""
        name = re.sub(r"[^a-z0-9.-]+", "-", request.command.line().lower()).strip("-")
        try:
            await self._send_file(request.actor.id, f"{name}.txt", self._scrubber.text(text))
        except ProviderError as missed:
            self._log.info("file not sent: %s", missed)
            return messages.cut_short(missed.why)
        return messages.sent_as_file()

    async def _sign_of_life(self, request: Request) -> None:
        """A few: a response_url may be used five times, and the answer needs it too."""
        if not request.reply:
            return
        clicked = _clicked(request)
        waited = timedelta()
        for pause in SIGNS:
            await self._clock.sleep(pause)
            waited += pause
            render = messages.at_work(request.command.line(), waited)
            try:
                await self._voice.respond(request.reply, render, replace=clicked)
            except ProviderError as missed:
                self._log.info("no sign of life given: %s", missed)
            else:
                if clicked:
                    self._replaced.add(request.delivery)

    async def _withdraw(self, url: str) -> None:
        try:
            await self._voice.withdraw(url)
        except ProviderError as missed:
            self._log.info("private message not withdrawn: %s", missed)

    # Saying it

    async def _tell(
        self, request: Request, render: Render, *, replace: bool = False, secret: bool = False
    ) -> None:
        # Asked outside of any channel, in App Home, it is answered in the direct conversation.
        replace = replace or request.delivery in self._replaced
        self._replaced.discard(request.delivery)
        nowhere = json.loads(request.prompt or "{}").get("nowhere")
        channel = request.actor.id if nowhere else request.origin.channel
        to = (request.reply, channel, request.actor.id)
        thread = request.origin.thread
        await self.say_privately(*to, render, replace=replace, secret=secret, thread=thread)

    async def say_privately(
        self,
        url: str,
        channel: str | None,
        user: str,
        render: Render,
        *,
        replace: bool = False,
        secret: bool = False,
        thread: str | None = None,
    ) -> None:
        """By response_url, else as an ephemeral message in the channel; in a direct conversation
        as a message of its own, unless it is secret: that must not last."""
        if url:
            try:
                await self._voice.respond(url, render, replace=replace, thread=thread)
            except ProviderError as missed:
                self._log.info("response_url did not take an answer: %s", missed)
            else:
                return
        try:
            if channel and channel.startswith(("D", "U", "W")) and not secret:
                await self._voice.post(channel, render, Urgency.RESULT, thread=thread)
            elif channel:
                if channel == user:
                    channel = await self._voice.direct(user)
                await self._voice.whisper(channel, user, render, thread=thread)
        except ProviderError as missed:
            self._log.warning("an answer to %s could not be delivered: %s", user, missed)

    def refusal(self, error: OpsError, line: str) -> Render:
        return refusals.refusal(error, self._control.registry, line=line)

    def incident(self, error: BaseException, line: str = "") -> Render:
        """Log a bug under a number, and say the number."""
        number = secrets.token_hex(4)
        self._log.error("incident %s\n%s", number, self._scrubber.trace(error))
        return refusals.incident(number, line)

    # Work in the background

    def begin(self, work: Coroutine[Any, Any, None], *, after: timedelta = AT_ONCE) -> None:
        task = asyncio.create_task(self._safely(work, after))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _safely(self, work: Coroutine[Any, Any, None], after: timedelta) -> None:
        try:
            await self._clock.sleep(after)
            if after:
                await self._precedence.turn()
            await work
        except Exception as error:  # noqa: BLE001 - nobody waits for this task
            self.incident(error)
        finally:
            work.close()  # never begun, when we were stopped before

    async def stop(self, grace: timedelta) -> None:
        """Let answers go out; what is accepted and not handled is taken up at the next start."""
        if self._work:
            await asyncio.wait(self._work, timeout=grace.total_seconds())
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)


def _clicked(request: Request) -> bool:
    return bool(json.loads(request.prompt or "{}").get("clicked"))
