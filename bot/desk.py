"""What happens to a wish from Slack: understood, accepted durably, acknowledged, carried out.

Only then comes whatever asks a vendor. The answer goes to the asker alone, by response_url.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import dialogs, forms, grammar, messages, refusals
from bot.budget import Urgency
from bot.guarding import refuse_secrets
from engine.actor import Door, Origin
from engine.command import Change
from engine.control_plane import Request
from engine.errors import InvalidInput, OpsError, ProviderError, UnknownCommand
from engine.registry import unknown_command
from engine.telemetry import about

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from logging import Logger
    from typing import Any

    from bot.blocks import Block, Render
    from bot.grammar import Wish
    from bot.identity import Identity
    from bot.live import Live
    from bot.narrator import Narrator
    from bot.rooms import Rooms
    from bot.scrub import Scrubber
    from bot.voice import Voice
    from engine.actor import Actor
    from engine.answer import Answer
    from engine.clock import Clock
    from engine.command import Command
    from engine.control_plane import ControlPlane, Outcome
    from engine.rights import Rights

SIGNS = (timedelta(seconds=0.7), timedelta(seconds=14))
"""Pauses after which whoever still waits gets a sign of life; something within a second is the
promise."""
AT_ONCE = timedelta()
AGAIN = timedelta(seconds=30)
"""After which a wish is looked at again that an error of ours broke off."""
ACK_FIRST = timedelta(milliseconds=4)
"""Head start of the acknowledgement over the work that it promises: they share one loop."""
TICKETS = 200
"""Forms that may be open at a time with a private way to answer."""


@dataclass(frozen=True)
class Ask:
    """One delivery from Slack: who, where, and how to answer."""

    delivery: str
    user: str
    user_name: str = ""
    channel: str | None = None
    reply: str = ""
    """response_url; a secret."""
    trigger: str = ""
    clicked: bool = False
    """By a button in a message that only the asker sees: the answer takes its place."""
    share: bool = False
    """Everybody in the channel shall see the answer."""
    thread: str | None = None
    """The thread in which it was said."""
    note: str = ""
    """Stands above the answer: how plain words were understood. Ready mrkdwn."""


class Desk:
    """Takes wishes. `open_form` shows a modal (trigger id, view) and gives its id, under which
    `update_form` draws it anew; `send_file` puts a text (person, name, content) into their
    conversation with the bot."""

    def __init__(
        self,
        control: ControlPlane,
        identity: Identity,
        voice: Voice,
        rooms: Rooms,
        narrator: Narrator,
        *,
        open_form: Callable[[str, Block], Awaitable[str]],
        update_form: Callable[[str, Block], Awaitable[None]],
        live: Live,
        send_file: Callable[[str, str, str], Awaitable[None]],
        clock: Clock,
        log: Logger,
        scrubber: Scrubber,
        default_channel: str | None,
        bot_name: Callable[[], str],
    ) -> None:
        self._control = control
        self._identity = identity
        self._voice = voice
        self._rooms = rooms
        self._narrator = narrator
        self._open_form = open_form
        self._update_form = update_form
        self._live = live
        self._send_file = send_file
        self._clock = clock
        self._log = log
        self._scrubber = scrubber
        self._default_channel = default_channel
        self._bot_name = bot_name
        self._tickets: dict[str, str] = {}
        self._replaced: set[str] = set()
        """Deliveries whose clicked message shows a sign of life: whatever follows replaces it."""
        self._work: set[asyncio.Task[None]] = set()

    # Taking a wish; what these return is to be shown at once, None means that an answer comes

    async def take_line(self, ask: Ask, line: str, *, escaped: bool) -> Render | None:
        """A command line, typed or on a button."""
        said = grammar.unescape(line) if escaped else line
        try:
            refuse_secrets(said, self._control.registry)
            wish = grammar.read(line, self._control.registry, escaped=escaped)
            actor = await self.actor(ask)
            try:
                command = wish.parse()
            except InvalidInput as invalid:
                await self.permit(actor, wish.command)
                if invalid.missing and ask.trigger:
                    # A button brings all but what only a person can say.
                    asks = tuple(invalid.fields) if wish.raw and not escaped else ()
                    self.begin(self._ask_for_more(ask, wish, said, asks))
                    return None
                raise
            try:
                await self._complete(wish, command)
            except InvalidInput as invalid:
                if not (invalid.missing and ask.trigger):
                    raise
                why = f"{invalid.summary}\n{invalid.why}"
                self.begin(self._ask_for_more(ask, wish, said, tuple(invalid.fields), why))
                return None
            return await self._accept(ask, actor, command, wish)
        except UnknownCommand as unknown:
            return self.refusal(await self._within_reach(ask, unknown), said)
        except OpsError as error:
            return self.refusal(error, said)

    async def _within_reach(self, ask: Ask, unknown: UnknownCommand) -> UnknownCommand:
        """What was meant is guessed among what the person may do."""
        rights = await self.rights(await self.actor(ask))
        may = {command.name: command for command in rights.commands()}
        if not unknown.nearest or unknown.nearest in may:
            return unknown
        near = difflib.get_close_matches(unknown.typed.lower(), may, n=1, cutoff=0.5)
        return unknown_command(unknown.typed, near[0] if near else "")

    async def take_form(
        self,
        ask: Ask,
        wish: Wish,
        names: Sequence[str] = (),
        *,
        asks: Sequence[str] = (),
    ) -> Render | dict[str, str] | None:
        """A filled-in form: a dict has the reasons by field. `names` are the inputs of a form
        that the command drew itself, `asks` the only fields that another one asked for."""
        try:
            actor = await self.actor(ask)
            command = wish.parse()
            await self._complete(wish, command)
            return await self._accept(ask, actor, command, wish)
        except InvalidInput as invalid:
            if names:
                return dialogs.errors(names, invalid)
            return forms.errors(wish.command, invalid, asks)
        except OpsError as error:
            return self.refusal(error, "")

    async def correct(self, ask: Ask, line: str) -> Render | None:
        """The line again, as a form."""
        try:
            wish = grammar.read(line, self._control.registry, escaped=False)
            await self.permit(await self.actor(ask), wish.command)
        except OpsError as error:
            return self.refusal(error, line)
        self.begin(self._ask_for_more(ask, wish, line))
        return None

    async def actor(self, ask: Ask) -> Actor:
        """Raises NotAllowed for a stranger."""
        return await self._identity.actor(ask.user, ask.user_name)

    async def _accept(self, ask: Ask, actor: Actor, command: Command, wish: Wish) -> Render | None:
        plan_only = wish.plan_only
        channel = ask.channel or self._default_channel
        changes = isinstance(command, Change) and not command.asks
        if changes and not plan_only and (await self.rights(actor)).ask(command):
            if channel is None:
                return messages.nowhere_to_speak(command.line())
            if not await self._rooms.can_speak(channel):
                return messages.cannot_speak(command.line(), channel, self._bot_name())
        request = Request(
            delivery=ask.delivery,
            actor=actor,
            command=command,
            # A run is told in the channel; an answer comes where the question was.
            origin=Origin(
                door=Door.SLACK,
                patient=wish.patient,
                channel=channel,
                thread=None if changes and not plan_only else ask.thread,
            ),
            plan_only=plan_only,
            reply=ask.reply,
            prompt=json.dumps(
                {
                    "clicked": ask.clicked,
                    "share": ask.share,
                    "note": ask.note,
                    "nowhere": ask.channel is None,
                }
            ),
        )
        if await self._control.accept(request):
            self.begin(self.carry_out(request), after=ACK_FIRST)
            self.begin(self._identity.learn(ask.user), after=ACK_FIRST)
        return None

    async def _complete(self, wish: Wish, command: Command) -> None:
        """Raises InvalidInput where the policy wants more typed."""
        if not wish.plan_only:
            await self._control.complete(command)

    async def rights(self, actor: Actor) -> Rights:
        return await self._control.rights(actor)

    async def permit(self, actor: Actor, command: Command | type[Command]) -> None:
        """The control plane decides; this only spares people a form that would be refused."""
        await self._control.permit(actor, command)

    async def _ask_for_more(
        self,
        ask: Ask,
        wish: Wish,
        line: str,
        asks: tuple[str, ...] = (),
        intro: str = "",
    ) -> None:
        ticket = secrets.token_hex(6)
        form = forms.Form(wish.command.name, ask.channel, ticket, patient=wish.patient)
        self.keep_reply(form, ask.reply)
        try:
            if wish.command.has_form(wish.raw):
                await self._dialog(ask, wish, replace(form, line=line))
            else:
                form = replace(form, asks=asks, given=wish.raw if asks else {})
                await self._open_form(ask.trigger, forms.view(wish, form, intro))
        except ProviderError as missed:
            self._log.info("form not opened: %s", missed)
            await self.say(ask, messages.form_again(line, wish.command.usage()))

    async def _dialog(self, ask: Ask, wish: Wish, form: forms.Form) -> None:
        """Open it before anything is read: Slack waits for three seconds only."""
        place = await self._open_form(ask.trigger, dialogs.reading(wish))
        origin = Origin(door=Door.SLACK, channel=ask.channel)
        try:
            drawn = await self._control.form(await self.actor(ask), wish.command, wish.raw, origin)
            view = dialogs.view(drawn, wish, form)
        except OpsError as error:
            view = dialogs.failed(error, wish)
        await self._update_form(place, view)

    def keep_reply(self, form: forms.Form, reply: str) -> None:
        """Remember how to answer privately: the form itself travels through the client."""
        self._tickets[form.ticket] = reply
        while len(self._tickets) > TICKETS:
            self._tickets.pop(next(iter(self._tickets)))

    def reply_of(self, form: forms.Form) -> str:
        """How to answer whoever filled the form in; empty after a restart."""
        return self._tickets.pop(form.ticket, "")

    # Carrying it out

    async def resume(self) -> None:
        """Take up what was accepted before the last stop."""
        for request in await self._control.unhandled():
            if request.actor.door is Door.SLACK:
                self.begin(self.carry_out(request))

    async def carry_out(self, request: Request, *, again: bool = False) -> None:
        with about(actor=request.actor.key, request=request.delivery):
            await self._carry_out(request, again=again)

    async def _carry_out(self, request: Request, *, again: bool) -> None:
        notice = asyncio.create_task(self._sign_of_life(request))
        try:
            outcome = await self._control.handle(request.delivery)
        except OpsError as error:
            notice.cancel()
            await self._tell(request, self.refusal(error, request.command.line()))
            return
        except Exception as error:  # noqa: BLE001 - a bug; the person gets its number
            notice.cancel()
            if not again:
                await self._tell(request, self.incident(error, request.command.line()))
            # Nothing comes of this unless our own database was the trouble: then the wish waits.
            self.begin(self.carry_out(request, again=True), after=AGAIN)
            return
        finally:
            notice.cancel()
        if outcome is not None:
            await self._deliver(request, outcome)

    async def _deliver(self, request: Request, outcome: Outcome) -> None:
        prompt = json.loads(request.prompt or "{}")
        if outcome.run is not None:
            self._narrator.tell(outcome.run.id)
            if prompt.get("clicked"):
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
            render = messages.answer(said, line=line, shared_by=request.actor.id)
            thread = request.origin.thread
            await self._voice.respond(request.reply, render, public=True, thread=thread)
            await self._withdraw(request.reply)
            return
        render = messages.answer(said, line=line)
        if text := messages.overlong(said):
            render = messages.with_note(render, await self._as_file(request, text))
        if note := prompt.get("note"):
            render = messages.with_note(render, note)
        replace, secret = bool(prompt.get("clicked")), messages.is_private(said)
        await self._tell(request, render, replace=replace, secret=secret)

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
        clicked = bool(json.loads(request.prompt or "{}").get("clicked"))
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

    async def say(self, ask: Ask, render: Render) -> None:
        """Answer a delivery that asked for nothing to be done."""
        channel = ask.channel or ask.user
        await self._privately(ask.reply, channel, ask.user, render, thread=ask.thread)

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
        await self._privately(*to, render, replace=replace, secret=secret, thread=thread)

    async def _privately(
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
