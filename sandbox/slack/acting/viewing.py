"""What people do in modals and App Home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.control import ControlError
from sandbox.slack import blockkit, forms, modals, payloads, rendering
from sandbox.slack.acting.clicking import action_of
from sandbox.slack.acting.outcome import interact, shown
from sandbox.slack.errors import SlackError

if TYPE_CHECKING:
    from sandbox.slack.acting.clicking import Target
    from sandbox.slack.records import Json, Person, View
    from sandbox.slack.world import World

TROUBLE = "We had some trouble connecting. Try again?"


async def view_action(
    world: World, person: Person, view: View, target: Target, values: Json
) -> Json:
    """A button or menu inside a modal or App Home; `values` is what stands in the other fields."""
    block, element = target.find(view.blocks)
    action = action_of(world, block, element, target.value)
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
    return shown(await interact(world, payload))


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
    outcome = await interact(world, payloads.view_submission(world, person, view))
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
            await interact(world, payload)


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
