"""What happens to a wish from Slack: understood, accepted durably, acknowledged, carried out.

Only then comes whatever asks a vendor. The answer goes to the asker alone, by response_url.
"""

from __future__ import annotations

import base64
import difflib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot import dialogs, forms, grammar, messages
from bot.answering import AT_ONCE
from bot.guarding import refuse_secrets
from engine import chronicle
from engine.actor import Door, Origin
from engine.command import Change
from engine.control_plane import Request
from engine.errors import InvalidInput, NotConfigured, OpsError, ProviderError, UnknownCommand
from engine.registry import unknown_command
from engine.words import PROMPT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from logging import Logger
    from typing import Any

    from bot.answering import Answering
    from bot.blocks import Block, Render
    from bot.grammar import Wish
    from bot.identity import Identity
    from bot.rooms import Rooms
    from engine.actor import Actor
    from engine.command import Command
    from engine.control_plane import ControlPlane
    from engine.rights import Rights
    from engine.secrets import SealKeys

ACK_FIRST = timedelta(milliseconds=4)
"""Head start of the acknowledgement over the work that it promises: they share one loop."""


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
    """Takes wishes, and has `answering` carry them out. `open_form` shows a modal (trigger id,
    view) and gives its id, under which `update_form` draws it anew."""

    def __init__(
        self,
        control: ControlPlane,
        identity: Identity,
        rooms: Rooms,
        answering: Answering,
        *,
        open_form: Callable[[str, Block], Awaitable[str]],
        update_form: Callable[[str, Block], Awaitable[None]],
        log: Logger,
        default_channel: str | None,
        bot_name: Callable[[], str],
        keys: SealKeys,
    ) -> None:
        self._keys = keys
        self._control = control
        self._identity = identity
        self._rooms = rooms
        self._answering = answering
        self._open_form = open_form
        self._update_form = update_form
        self._log = log
        self._default_channel = default_channel
        self._bot_name = bot_name

    # Taking a wish; what these return is to be shown at once, None means that an answer comes

    async def take_line(self, ask: Ask, line: str, *, escaped: bool) -> Render | None:
        """A command line, typed or on a button."""
        said = ""
        try:
            said = grammar.unescape(grammar.bounded(line)) if escaped else grammar.bounded(line)
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
            return self.refusal(await self._within_reach(ask, unknown), said, ask)
        except OpsError as error:
            return self.refusal(error, said, ask)

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
            return self.refusal(error, "", ask)

    async def correct(self, ask: Ask, line: str) -> Render | None:
        """The line again, as a form."""
        said = ""
        try:
            said = grammar.bounded(line)
            wish = grammar.read(said, self._control.registry, escaped=False)
            await self.permit(await self.actor(ask), wish.command)
        except OpsError as error:
            return self.refusal(error, said, ask)
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
            self.begin(self._answering.carry_out(request), after=ACK_FIRST)
            if not self._identity.knows(ask.user):
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
        reply = self._sealed(ask)
        form = forms.Form(wish.command.name, ask.channel, reply, patient=wish.patient)
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

    def _sealed(self, ask: Ask) -> str:
        """How to answer privately, as a form may carry it: whichever replica takes the form opens
        it again, for the same person."""
        if not ask.reply:
            return ""
        return base64.b64encode(self._keys.seal(ask.reply, about=_form_of(ask.user))).decode()

    def reply_of(self, form: forms.Form, user: str) -> str:
        """How to answer whoever filled the form in; empty where that is not known any more."""
        if not form.reply:
            return ""
        try:
            sealed = base64.b64decode(form.reply, validate=True)
            return self._keys.open(sealed, about=_form_of(user))
        except (ValueError, NotConfigured):  # not ours, or of a master key that is forgotten
            self._log.info("a form's way to answer cannot be opened")
            return ""

    # Answering

    async def resume(self) -> None:
        """Take up what was accepted before the last stop."""
        await self._answering.resume()

    async def say(self, ask: Ask, render: Render) -> None:
        """Answer a delivery that asked for nothing to be done."""
        channel = ask.channel or ask.user
        await self._answering.say_privately(
            ask.reply, channel, ask.user, render, thread=ask.thread
        )

    def refusal(self, error: OpsError, line: str, ask: Ask) -> Render:
        """Of what was not taken; what was taken and then refused is the control plane's to log."""
        chronicle.refused(error, actor=f"{Door.SLACK}:{ask.user}", request=ask.delivery)
        return self._answering.refusal(error, line)

    def not_taken(self, error: OpsError, ask: Ask, line: str) -> Render:
        """Of what could not even be looked at: the same may be said again."""
        try:
            said = grammar.unescape(grammar.bounded(line))
            refuse_secrets(said, self._control.registry)
        except OpsError as unsayable:
            return self.refusal(unsayable, "", ask)
        error.next_step = error.next_step or f"{PROMPT} {said or 'help'}"
        return self.refusal(error, "", ask)

    def incident(self, error: BaseException) -> Render:
        """Log a bug under a number, and say the number."""
        return self._answering.incident(error)

    def begin(self, work: Coroutine[Any, Any, None], *, after: timedelta = AT_ONCE) -> None:
        """Work in the background, whose bugs become incidents."""
        self._answering.begin(work, after=after)

    async def stop(self, grace: timedelta) -> None:
        """Let answers go out; what is accepted and not handled is taken up at the next start."""
        await self._answering.stop(grace)


def _form_of(user: str) -> str:
    return f"form of {user}"
