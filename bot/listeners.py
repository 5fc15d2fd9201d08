"""What Slack sends, and who takes it. Whatever comes, it is acknowledged."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from slack_bolt.response import BoltResponse

from bot import completion, dialogs, forms, messages, refusals
from bot.blocks import PLAIN
from bot.desk import Ask
from bot.explaining import EXPLAIN, place_of
from bot.home import MENU
from bot.live import STOP
from bot.rush import field_errors
from bot.voice import Place
from engine.actor import Door
from engine.errors import OpsError
from engine.subject import about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slack_bolt.async_app import AsyncAck, AsyncApp

    from bot.blocks import Render
    from bot.completion import Completion
    from bot.desk import Desk
    from bot.explaining import Explaining
    from bot.hearing import Hearing
    from bot.home import Home
    from bot.identity import SlackDirectory
    from bot.live import Live
    from bot.rush import Rush
    from engine.registry import Registry

Body = dict[str, Any]
"""A payload: JSON at the wire's edge."""

ANYTHING = re.compile(".*", re.DOTALL)


def listen(
    app: AsyncApp,
    desk: Desk,
    hearing: Hearing,
    explaining: Explaining,
    live: Live,
    registry: Registry,
    completer: Completion,
    home: Home,
    directory: SlackDirectory,
    rush: Rush,
) -> None:
    """Register every listener; the catch-alls come last, since the first match wins."""
    _commands(app, desk, rush)
    _clicks(app, desk, live, rush)
    _forms(app, desk, registry, completer, rush)
    _shortcuts(app, desk, explaining, rush)
    _events(app, desk, hearing, home, directory, rush)
    _catch_alls(app)

    @app.error
    async def fault(error: Exception, body: Body) -> BoltResponse | None:
        """Said where it can be; what is not acknowledged Slack shows as a failure (a form stays
        open, with all that was entered), or sends again (an event)."""
        ask = _ask(body) if body.get("response_url") and body.get("trigger_id") else None
        with about(**_asked(body)):
            if isinstance(error, OpsError):
                return _not_taken(desk, error, ask, body) if ask else None
            render = desk.incident(error)
        if ask:
            desk.begin(desk.say(ask, render))
        return None


def _not_taken(desk: Desk, error: OpsError, ask: Ask, body: Body) -> BoltResponse:
    """Acknowledged, with the reason."""
    render = desk.not_taken(error, ask, body.get("text") or "")
    if "command" in body:
        said = render(PLAIN)
        answer = {"response_type": "ephemeral", "text": said.text, "blocks": said.blocks}
        return BoltResponse(status=200, body=answer)
    desk.begin(desk.say(ask, render))
    return BoltResponse(status=200)


def _commands(app: AsyncApp, desk: Desk, rush: Rush) -> None:
    @app.command("/luthien")
    async def typed(ack: AsyncAck, body: Body) -> None:
        ask = _ask(body)
        line = body.get("text", "")
        render = rush.of(ask) or await desk.take_line(ask, line, escaped=True)
        await _acknowledged(ack, render)


def _asked(body: Body) -> dict[str, str]:
    """Whom a log line about this delivery is about."""
    event = body.get("event") or {}
    user = body.get("user_id") or (body.get("user") or {}).get("id") or event.get("user")
    return {
        "actor": f"{Door.SLACK}:{user}" if user else "",
        "request": body.get("trigger_id") or body.get("event_id") or "",
    }


async def _acknowledged(ack: AsyncAck, render: Render | None) -> None:
    """What is known at once travels in the acknowledgement itself."""
    if render is None:
        await ack()
        return
    said = render(PLAIN)
    await ack(text=said.text, blocks=said.blocks, response_type="ephemeral")


def _ask(body: Body, *, share: bool = False) -> Ask:
    """The delivery of a command, a click, a submission or a shortcut."""
    user = body.get("user") or {}
    container = body.get("container") or {}
    return Ask(
        delivery=body["trigger_id"],
        user=body.get("user_id") or user["id"],
        user_name=body.get("user_name") or user.get("username") or user.get("name") or "",
        channel=body.get("channel_id")
        or (body.get("channel") or {}).get("id")
        or container.get("channel_id"),
        reply=body.get("response_url") or "",
        trigger=body["trigger_id"],
        clicked=bool(container.get("is_ephemeral")) or _taken_once(body),
        share=share,
        thread=container.get("thread_ts") if container.get("is_ephemeral") else None,
    )


def _taken_once(body: Body) -> bool:
    return any(a["action_id"].startswith(f"{messages.ONCE}:") for a in body.get("actions", ()))


def _clicks(app: AsyncApp, desk: Desk, live: Live, rush: Rush) -> None:
    @app.action(re.compile(rf"^({messages.DO}:|{messages.ONCE}:|{messages.SHARE}$|{MENU}:)"))
    async def taken(ack: AsyncAck, body: Body, action: Body) -> None:
        """An offer: its line is carried out as if the person had typed it."""
        ask = _ask(body, share=action["action_id"] == messages.SHARE)
        chosen = action.get("selected_option") or action
        line = chosen.get("value", "")
        render = rush.of(ask) or await desk.take_line(ask, line, escaped=False)
        await ack()
        if render is not None:
            desk.begin(desk.say(ask, render))

    @app.action(STOP)
    async def stopped(ack: AsyncAck, body: Body, action: Body) -> None:
        """What is followed ends; one that no process follows any more says so."""
        await ack()
        message = body.get("message") or {}
        if not await live.stop(action.get("value", ""), body["user"]["id"]):
            place = Place(body["channel"]["id"], message.get("ts", ""))
            desk.begin(live.forgotten(place, message.get("text", "")))

    @app.action(re.compile(rf"^{messages.FORM}\b"))
    async def correcting(ack: AsyncAck, body: Body, action: Body) -> None:
        ask = _ask(body)
        render = rush.of(ask) or await desk.correct(ask, action.get("value", ""))
        await ack()
        if render is not None:
            desk.begin(desk.say(ask, render))


def _forms(
    app: AsyncApp, desk: Desk, registry: Registry, completer: Completion, rush: Rush
) -> None:
    @app.view(forms.CALLBACK)
    async def submitted(ack: AsyncAck, body: Body, view: Body) -> None:
        await take(ack, body, view, drawn=False)

    @app.view(dialogs.CALLBACK)
    async def filled(ack: AsyncAck, body: Body, view: Body) -> None:
        await take(ack, body, view, drawn=True)

    async def take(ack: AsyncAck, body: Body, view: Body, *, drawn: bool) -> None:
        """`drawn`: by the command itself."""
        names: Sequence[str] = ()
        if often := rush.over(_ask(body)):
            why = f"{often.summary} {often.why} {often.next_step}."
            if errors := field_errors(view, why):
                await ack(response_action="errors", errors=errors)
                return
            await ack()
            desk.begin(desk.say(_ask(body), refusals.refusal(often, registry)))
            return
        try:
            form = forms.Form.of_metadata(view["private_metadata"])
            if drawn:
                wish, names = dialogs.submitted(registry, form, view)
            else:
                command = registry.command(form.command)
                wish = forms.submitted(command, view["state"]["values"], form)
        except OpsError as crafted:
            await ack()
            desk.begin(desk.say(_ask(body), refusals.refusal(crafted, registry)))
            return
        ask = replace(
            _ask(body), channel=form.channel, reply=desk.reply_of(form, body["user"]["id"])
        )
        said = await desk.take_form(ask, wish, names, asks=form.asks)
        if isinstance(said, dict):
            await ack(response_action="errors", errors=said)
            return
        await ack()
        if said is not None:
            desk.begin(desk.say(ask, said))

    @app.options(re.compile(rf"^{forms.COMPLETE}:"))
    async def completed(ack: AsyncAck, body: Body) -> None:
        kind = body["action_id"].partition(":")[2]
        typed, choices = body.get("value") or "", []
        try:
            filled = forms.known(body.get("view") or {})
            choices = await completer.choices(kind, typed, body["user"]["id"], filled)
        except Exception as error:  # noqa: BLE001 - a menu without an answer shows an error
            desk.incident(error)
        await ack(options=completion.options(choices, typed))


def _shortcuts(app: AsyncApp, desk: Desk, explaining: Explaining, rush: Rush) -> None:
    @app.shortcut(EXPLAIN)
    async def explained(ack: AsyncAck, body: Body) -> None:
        message = body.get("message") or {}
        ask = replace(_ask(body), thread=place_of(message))
        render = rush.of(ask) or await explaining.take(ask, message)
        await ack()
        if render is not None:
            desk.begin(desk.say(ask, render))

    @app.shortcut(re.compile(rf"^{forms.CALLBACK}:"))
    async def shortcut(ack: AsyncAck, body: Body) -> None:
        """`command:create` opens the form of `create`."""
        ask = _ask(body)
        name = body["callback_id"].partition(":")[2]
        render = rush.of(ask) or await desk.correct(ask, name)
        await ack()
        if render is not None:
            desk.begin(desk.say(ask, render))


def _events(
    app: AsyncApp,
    desk: Desk,
    hearing: Hearing,
    home: Home,
    directory: SlackDirectory,
    rush: Rush,
) -> None:
    async def spoken(body: Body, event: Body) -> None:
        """Somebody speaks to us: a mention, or a direct message."""
        elsewhere = event["type"] == "message" and event.get("channel_type") != "im"
        if elsewhere or event.get("bot_id") or event.get("subtype") or not event.get("user"):
            return
        ask = Ask(
            delivery=body["event_id"],
            user=event["user"],
            channel=event["channel"],
            thread=event.get("thread_ts"),
        )
        render = rush.of(ask) or await hearing.take(ask, event.get("text") or "")
        if render is not None:
            desk.begin(desk.say(ask, render))

    app.event("app_mention")(spoken)
    app.event("message")(spoken)

    @app.event("app_home_opened")
    async def opened(event: Body) -> None:
        if event.get("tab") == "home":
            desk.begin(home.show(event["user"]))

    @app.event("subteam_members_changed")
    async def regrouped(event: Body) -> None:
        directory.changed(event["subteam_id"])

    @app.event("subteam_updated")
    async def renamed_or_switched_off(event: Body) -> None:
        directory.changed(event["subteam"]["id"])


def _catch_alls(app: AsyncApp) -> None:
    """In Socket Mode Bolt acknowledges nothing that no listener takes."""

    async def unheard(ack: AsyncAck) -> None:
        await ack()

    @app.command(ANYTHING)
    async def unknown_command(ack: AsyncAck) -> None:
        await ack("I answer to `/luthien`. Try `/luthien help`.")

    app.action(ANYTHING)(unheard)
    app.view(ANYTHING)(unheard)
    app.view_closed(ANYTHING)(unheard)
    app.shortcut(ANYTHING)(unheard)
    app.event(ANYTHING)(unheard)

    @app.options(ANYTHING)
    async def no_options(ack: AsyncAck) -> None:
        await ack(options=[])
