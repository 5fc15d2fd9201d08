"""What people do to messages: buttons, menus, reactions, shortcuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.control import ControlError
from sandbox.slack import forms, payloads, workspace
from sandbox.slack.acting.outcome import interact, shown
from sandbox.slack.records import Message

if TYPE_CHECKING:
    from sandbox.slack.records import Json, Person, View
    from sandbox.slack.world import World


async def click(world: World, person: Person, message: Message, target: Target) -> Json:
    """A click on an element of a message; a confirm dialog is accepted."""
    block, element = target.find(message.blocks or [])
    if person.id not in element.get("visible_to_user_ids", [person.id]):
        raise ControlError(f"{person.name} does not see this button")
    action = action_of(world, block, element, target.value)
    values = _touched(message, person, block, element, action)
    payload = payloads.message_actions(world, person, message, action, values)
    return shown(await interact(world, payload))


@dataclass(frozen=True)
class Target:
    """The element that a person means: named by action_id or label, told apart by block or value.

    `value` is also what they choose in it, where it is a menu or an input.
    """

    action_id: str | None = None
    label: str | None = None
    block_id: str | None = None
    value: Any = None

    def find(self, blocks: list[Json]) -> tuple[Json, Json]:
        """The element with its block."""
        everything = list(forms.elements(blocks))
        found = [(block, element) for block, element in everything if self._is(block, element)]
        exact = [pair for pair in found if self.value and pair[1].get("value") == self.value]
        if not found or (self.action_id is None and self.label is None):
            known = [next(iter(_labels(b, e)), e["action_id"]) for b, e in everything]
            here = ", ".join(known) or "nothing"
            raise ControlError(f"an element is named by action_id or label; here is: {here}")
        return (exact or found)[0]

    def _is(self, block: Json, element: Json) -> bool:
        return (
            self.action_id in (None, element["action_id"])
            and self.block_id in (None, block["block_id"])
            and self.label in (None, *_labels(block, element))
        )


def _labels(block: Json, element: Json) -> list[str]:
    texts = [element.get("text"), element.get("placeholder"), block.get("label")]
    texts += [element.get(f"{side}_button", {}).get("text") for side in ("positive", "negative")]
    return [text["text"] for text in texts if isinstance(text, dict)]


def action_of(world: World, block: Json, element: Json, value: Any) -> Json:
    """The entry of `actions` that says what was done with an element."""
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


async def suggest(world: World, person: Person, place: Message | View, target: Target) -> Json:
    """The options that the app offers for what was typed (`target.value`) into a menu."""
    block, element = target.find(place.blocks or [])
    typed = str(target.value or "")
    if len(typed) < element.get("min_query_length", 3):
        return {"options": []}
    where = (
        payloads.in_message(world, place)
        if isinstance(place, Message)
        else payloads.in_view(place)
    )
    payload = payloads.suggestion(person, where, element, block["block_id"], typed)
    outcome = await interact(world, payload)
    body = outcome.body if isinstance(outcome.body, dict) else {}
    if outcome.problem or not {"options", "option_groups"} & body.keys():
        raise ControlError(f"the app offered nothing: {outcome.problem or body}")
    return {name: body[name] for name in ("options", "option_groups") if name in body}


async def shortcut(
    world: World, person: Person, callback_id: str, message: Message | None
) -> Json:
    """A shortcut out of the menu, or on a message."""
    kind = "global" if message is None else "message"
    for entry in world.app.shortcuts:
        if entry.callback_id == callback_id and entry.type == kind:
            payload = payloads.shortcut(world, person, entry, message)
            return shown(await interact(world, payload))
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
