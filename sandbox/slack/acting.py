"""What people do: type, click, open, submit, close. Each answers how the app took it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.control import ControlError
from sandbox.slack import (
    blockkit,
    forms,
    markup,
    messages,
    modals,
    payloads,
    rendering,
    reply_urls,
    workspace,
)
from sandbox.slack.errors import SlackError
from sandbox.slack.records import Message

if TYPE_CHECKING:
    from sandbox.slack.delivery import Outcome
    from sandbox.slack.records import Channel, Json, Person, View
    from sandbox.slack.world import World

TROUBLE = "We had some trouble connecting. Try again?"


def shown(outcome: Outcome) -> Json:
    """How the app took it, for whoever drives the sandbox."""
    return {
        "ack_ms": outcome.ack_ms,
        "status": outcome.status,
        "body": outcome.problem or outcome.body,
    }


# -- writing --------------------------------------------------------------------------------------


async def command(
    world: World, person: Person, channel: Channel, said: str, thread_ts: str | None
) -> Json:
    """A slash command typed into a channel."""
    name, _, rest = said.strip().partition(" ")
    if not name.startswith("/"):
        raise ControlError(f"a slash command starts with a slash: {said!r}")
    name = name.lower()
    entry = world.app.command(name)
    if entry is None:
        return _refused(
            world,
            person,
            channel,
            f"`{name}` is not a valid command. In Slack, all messages that start with the `/`"
            " character are interpreted as commands.",
            thread_ts,
        )
    if thread_ts:
        text = f"`{name}` is not supported in threads. Sorry!"
        return _refused(world, person, channel, text, thread_ts)
    rest = rest.strip()
    text = markup.typed(rest, world.state, named=True) if entry.should_escape else rest
    payload = payloads.command(world, person, channel, entry, text, said.strip())
    outcome = await world.deliveries.command(payload)
    if outcome.problem:
        _slackbot(world, person, channel, f'`{name}` failed with the error "{outcome.problem}"')
    else:
        _answer_in_ack(world, payload["response_url"], outcome.body)
    return shown(outcome)


def _refused(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None
) -> Json:
    _slackbot(world, person, channel, text, thread_ts)
    return {"ack_ms": None, "status": 400, "body": text}


def _slackbot(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None = None
) -> None:
    messages.whisper(world, channel, person.id, workspace.SLACKBOT, text=text, thread_ts=thread_ts)


def _answer_in_ack(world: World, response_url: str, body: Any) -> None:
    reply = {"text": body} if isinstance(body, str) else body
    if isinstance(reply, dict) and (reply.get("text") or reply.get("blocks")):
        url = world.state.reply_urls["/".join(response_url.rsplit("/", 2)[1:])]
        try:
            reply_urls.reply(world, url, reply, counts=False)
        except SlackError as error:
            person = world.state.people[url.user]
            channel = world.state.channels[url.channel]
            _slackbot(world, person, channel, f'The app answered with an error: "{error.code}"')


def say(
    world: World, person: Person, channel: Channel, text: str, thread_ts: str | None
) -> Message:
    """A message typed into a channel or thread."""
    if thread_ts and thread_ts not in world.messages(channel.id):
        raise ControlError(f"there is no message {thread_ts} in #{channel.name}")
    message = messages.post(
        world,
        channel,
        person.id,
        text=markup.typed(text, world.state),
        thread_ts=thread_ts,
        client_msg_id=_client_msg_id(world),
    )
    mentioned = f"<@{workspace.BOT_USER}>" in message.text
    if mentioned and workspace.BOT_USER not in channel.members:
        _slackbot(
            world,
            person,
            channel,
            f"You mentioned <@{workspace.BOT_USER}>, but they're not in this channel.",
        )
    return message


def _client_msg_id(world: World) -> str:
    digits = world.secret(32, "0123456789abcdef")
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# -- clicking -------------------------------------------------------------------------------------


async def click(
    world: World,
    person: Person,
    message: Message,
    *,
    action_id: str | None = None,
    label: str | None = None,
    value: Any = None,
) -> Json:
    """A click on an element of a message; a confirm dialog is accepted."""
    found = _element(message.blocks or [], action_id, label)
    block, element = found
    if person.id not in element.get("visible_to_user_ids", [person.id]):
        raise ControlError(f"{person.name} does not see this button")
    action = _action(world, block, element, value)
    values = _touched(message, person, block, element, action)
    payload = payloads.message_actions(world, person, message, action, values)
    return shown(await world.deliveries.interaction(payload))


def _element(blocks: list[Json], action_id: str | None, label: str | None) -> tuple[Json, Json]:
    found = [
        (block, element)
        for block, element in forms.elements(blocks)
        if action_id in (None, element["action_id"]) and label in (None, *_labels(block, element))
    ]
    if not found or (action_id is None and label is None):
        known = [next(iter(_labels(b, e)), e["action_id"]) for b, e in forms.elements(blocks)]
        what = f"a button is named by action_id or label; here are: {', '.join(known) or 'none'}"
        raise ControlError(what)
    return found[0]


def _labels(block: Json, element: Json) -> list[str]:
    texts = [element.get("text"), element.get("placeholder"), block.get("label")]
    texts += [element.get(f"{side}_button", {}).get("text") for side in ("positive", "negative")]
    return [text["text"] for text in texts if isinstance(text, dict)]


def _action(world: World, block: Json, element: Json, value: Any) -> Json:
    action: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": world.timestamp(),
    }
    match element["type"]:
        case "button" | "workflow_button" | "icon_button":
            action |= {
                name: element[name]
                for name in ("text", "value", "style", "url")
                if name in element
            }
        case "feedback_buttons":
            action |= _feedback(element, value)
        case kind if kind in forms.KEYS:
            try:
                action |= forms.worded(element, value, world.state)
            except forms.Mistake as mistake:
                raise ControlError(str(mistake)) from mistake
    if element.get("confirm"):
        action["confirm"] = element["confirm"]
    return action


def _feedback(element: Json, value: Any) -> Json:
    for side in ("positive_button", "negative_button"):
        button = element[side]
        if value in (button.get("value"), button["text"]["text"], side):
            return {"text": button["text"], "value": button.get("value", "")}
    raise ControlError("feedback is given with the value or label of one of the two buttons")


def _touched(message: Message, person: Person, block: Json, element: Json, action: Json) -> Json:
    """What this person has chosen in the message's menus so far."""
    chosen = message.chosen.setdefault(person.id, {})
    values = forms.carried(forms.initial(message.blocks or []), chosen)
    key = forms.KEYS.get(element["type"])
    if key and element["type"] != "overflow":
        values[block["block_id"]][element["action_id"]] = {
            "type": element["type"],
            key: action[key],
        }
        message.chosen[person.id] = values
    return values


# -- modals and App Home --------------------------------------------------------------------------


async def view_action(
    world: World,
    person: Person,
    view: View,
    *,
    action_id: str | None,
    label: str | None,
    block_id: str | None,
    value: Any,
    values: Json,
) -> Json:
    """A button or menu inside a modal or App Home; `values` is what stands in the other fields."""
    blocks = [b for b in view.blocks if block_id in (None, b["block_id"])]
    block, element = _element(blocks, action_id, label)
    action = _action(world, block, element, value)
    enter(world, view, values)
    key = forms.KEYS.get(element["type"])
    if key and element["type"] != "overflow":
        view.values[block["block_id"]][element["action_id"]] = {
            "type": element["type"],
            key: action[key],
        }
    if block["type"] == "input" and not block.get("dispatch_action"):
        return {"ack_ms": None, "status": 200, "body": ""}
    payload = payloads.view_actions(world, person, view, action)
    return shown(await world.deliveries.interaction(payload))


def enter(world: World, view: View, values: Json) -> None:
    """Fill fields of a view."""
    try:
        view.values = forms.entered(view.blocks, view.values, values, world.state)
    except forms.Mistake as mistake:
        raise ControlError(str(mistake)) from mistake


async def submit(world: World, person: Person, view: View, values: Json) -> Json:
    """Fill a modal and press its submit button; answers `{errors}` when it stays open for that."""
    if view.submit is None and not any(block["type"] == "input" for block in view.blocks):
        raise ControlError("this modal has no submit button")
    enter(world, view, values)
    errors = forms.refusals(view.blocks, view.values)
    if errors:
        return {"errors": errors}
    outcome = await world.deliveries.interaction(payloads.view_submission(world, person, view))
    if outcome.problem:
        raise ControlError(f"{TROUBLE} ({outcome.problem})")
    return await _after_submission(world, person, view, outcome.body)


async def _after_submission(world: World, person: Person, view: View, body: Any) -> Json:
    if view.id not in world.state.views:
        return {}
    match body:
        case {"response_action": "errors", "errors": dict(errors)}:
            return {"errors": errors}
        case {"response_action": "update", "view": dict(given)}:
            _check(world, given)
            modals.replace(world, view, given)
        case {"response_action": "push", "view": dict(given)}:
            _check(world, given)
            try:
                modals.push(world, person.id, given)
            except SlackError as error:
                raise ControlError(f"{TROUBLE} ({error.code})") from error
        case {"response_action": "clear"}:
            await _say_closed(world, person, modals.clear(world, person.id), cleared=True)
        case _:
            modals.close(world, view)
    return {}


def _check(world: World, given: Json) -> None:
    problems = blockkit.check_view(given, world.state.settings.unsupported_blocks)
    if problems:
        lines = "; ".join(problem.line for problem in problems)
        raise ControlError(f"{TROUBLE} (the app answered with an invalid view: {lines})")


async def close(world: World, person: Person, view: View, *, everything: bool) -> None:
    """Dismiss a modal with its close button, or the whole stack with the cross."""
    whole = everything or view.clear_on_close
    views = modals.clear(world, person.id) if whole else [view]
    if not whole:
        modals.close(world, view)
    await _say_closed(world, person, views, cleared=whole)


async def _say_closed(world: World, person: Person, views: list[View], *, cleared: bool) -> None:
    for view in views:
        if view.notify_on_close:
            payload = payloads.view_closed(person, view, cleared=cleared)
            await world.deliveries.interaction(payload)


async def suggest(
    world: World,
    person: Person,
    place: Message | View,
    action_id: str,
    block_id: str | None,
    value: str,
) -> Json:
    """The options that the app offers for what was typed into a menu."""
    blocks = [b for b in place.blocks or [] if block_id in (None, b["block_id"])]
    block, element = _element(blocks, action_id, None)
    if len(value) < element.get("min_query_length", 3):
        return {"options": []}
    where = (
        payloads.in_message(world, place)
        if isinstance(place, Message)
        else payloads.in_view(place)
    )
    payload = payloads.suggestion(person, where, element, block["block_id"], value)
    outcome = await world.deliveries.interaction(payload)
    body = outcome.body if isinstance(outcome.body, dict) else {}
    if outcome.problem or not {"options", "option_groups"} & body.keys():
        raise ControlError(f"the app offered nothing: {outcome.problem or body}")
    return {name: body[name] for name in ("options", "option_groups") if name in body}


def open_home(world: World, person: Person, tab: str) -> None:
    """The person opens the app's Home or Messages tab."""
    event: Json = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": world.direct_channel(person.id).id,
        "tab": tab,
        "event_ts": world.timestamp(),
    }
    view = modals.home(world, person.id)
    if view is not None and tab == "home":
        event["view"] = rendering.view(view)
    world.emit("app_home_opened", event)


async def shortcut(
    world: World, person: Person, callback_id: str, message: Message | None
) -> Json:
    """A shortcut out of the menu, or on a message."""
    kind = "global" if message is None else "message"
    for entry in world.app.shortcuts:
        if entry.callback_id == callback_id and entry.type == kind:
            payload = payloads.shortcut(world, person, entry, message)
            return shown(await world.deliveries.interaction(payload))
    raise ControlError(f"the app has no {kind} shortcut {callback_id!r}")


def react(world: World, person: Person, message: Message, name: str) -> None:
    """Add a person's reaction to a message, or take it back."""
    users = message.reactions.setdefault(name, [])
    what = "reaction_removed" if person.id in users else "reaction_added"
    if person.id in users:
        users.remove(person.id)
        if not users:
            del message.reactions[name]
    else:
        users.append(person.id)
    event = {
        "type": what,
        "user": person.id,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": world.timestamp(),
    }
    channel = world.state.channels[message.channel]
    if workspace.BOT_USER in channel.members:
        world.emit(what, event)
    world.changed("changed", channel=message.channel, ts=message.ts)


def stop_stream(world: World, message: Message) -> None:
    """Press stop while the app streams a message."""
    if message.stream is None:
        raise ControlError("this message is not being streamed")
    message.stream.stopped_by_user = True
    world.changed("changed", channel=message.channel, ts=message.ts)
