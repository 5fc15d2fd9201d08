"""Views: each person's stack of modals and App Home, and the triggers that open them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import times
from sandbox.slack import forms, rendering
from sandbox.slack.errors import SlackError
from sandbox.slack.records import Ticket, View

if TYPE_CHECKING:
    from sandbox.slack.records import Json
    from sandbox.slack.world import World

DEEPEST = 3
GIVEN = (
    "blocks",
    "title",
    "submit",
    "close",
    "callback_id",
    "private_metadata",
    "external_id",
    "clear_on_close",
    "notify_on_close",
    "submit_disabled",
)


# -- triggers -------------------------------------------------------------------------------------


def trigger(
    world: World, user: str, *, channel: str | None = None, view: str | None = None
) -> str:
    """A new trigger_id: for three seconds and once, it opens something for this person."""
    # Apps tell deliveries apart by it, so it holds the time: not even a lost state repeats one.
    now, middle = int(times.now() * 1_000), world.secret(9, "0123456789")
    ticket = Ticket(
        id=f"{now}.{middle}.{world.secret(32).lower()}",
        user=user,
        expires=times.now() + world.state.settings.trigger_seconds,
        channel=channel,
        view=view,
    )
    tickets = world.state.tickets
    for old in [known for known, entry in tickets.items() if entry.expires < times.now() - 60]:
        del tickets[old]
    tickets[ticket.id] = ticket
    return ticket.id


def exchange(world: World, trigger_id: str) -> Ticket:
    """Use a trigger up. Raises: invalid, exchanged or expired_trigger_id."""
    ticket = world.state.tickets.get(trigger_id)
    if ticket is None:
        raise SlackError("invalid_trigger_id")
    if ticket.used:
        raise SlackError("exchanged_trigger_id")
    if ticket.expires < times.now():
        raise SlackError("expired_trigger_id")
    ticket.used = True
    return ticket


# -- the stack ------------------------------------------------------------------------------------


def stack(world: World, user: str) -> list[View]:
    """The modals in front of a person, the visible one last."""
    return [world.state.views[id_] for id_ in world.state.modals.get(user, [])]


def home(world: World, user: str) -> View | None:
    """What the app published as this person's App Home."""
    id_ = world.state.homes.get(user)
    return world.state.views[id_] if id_ else None


def find(world: World, view_id: str | None, external_id: str | None) -> View | None:
    """A view that is still on somebody's screen."""
    if view_id:
        return world.state.views.get(view_id)
    return next((v for v in world.state.views.values() if v.external_id == external_id), None)


def open_first(world: World, ticket: Ticket, given: Json) -> View:
    """Open a modal; whatever modals the person had open are gone."""
    _check_external_id(world, given)
    clear(world, ticket.user)
    return _add(world, ticket.user, given, channel=ticket.channel)


def push(world: World, user: str, given: Json) -> View:
    """Put a modal on top of those that are open."""
    below = stack(world, user)
    if not below:
        raise SlackError("not_found")
    if len(below) >= DEEPEST:
        raise SlackError("push_limit_reached")
    _check_external_id(world, given)
    return _add(
        world,
        user,
        given,
        previous_view_id=below[-1].id,
        root_view_id=below[0].id,
        channel=below[0].channel,
    )


def _add(world: World, user: str, given: Json, **place: str | None) -> View:
    view = View(
        id=world.mint("V"), user=user, type="modal", hash="", **_fields(world, given), **place
    )
    view.root_view_id = view.root_view_id or view.id
    view.values = forms.initial(view.blocks, view.channel)
    _stamp(world, view)
    world.state.views[view.id] = view
    world.state.modals.setdefault(user, []).append(view.id)
    world.changed("view", user=user)
    return view


def replace(world: World, view: View, given: Json) -> View:
    """Show something else in the same view; inputs that stay keep what was typed."""
    _check_external_id(world, given, besides=view)
    before = view.values
    for name, value in _fields(world, given).items():
        setattr(view, name, value)
    view.values = forms.carried(forms.initial(view.blocks, view.channel), before)
    _stamp(world, view)
    world.changed("home" if view.type == "home" else "view", user=view.user)
    return view


def publish(world: World, user: str, given: Json) -> View:
    """Set a person's App Home."""
    current = home(world, user)
    if current is not None:
        return replace(world, current, given)
    _check_external_id(world, given)
    view = View(id=world.mint("V"), user=user, type="home", hash="", **_fields(world, given))
    view.root_view_id = view.id
    view.values = forms.initial(view.blocks)
    _stamp(world, view)
    world.state.views[view.id] = view
    world.state.homes[user] = view.id
    world.changed("home", user=user)
    return view


def clear(world: World, user: str) -> list[View]:
    """Take every modal off a person's screen; answers which, top first."""
    views = stack(world, user)[::-1]
    for view in views:
        close(world, view)
    return views


def close(world: World, view: View) -> None:
    """Take one modal off the screen."""
    world.state.modals[view.user].remove(view.id)
    del world.state.views[view.id]
    world.changed("view", user=view.user)


def _fields(world: World, given: Json) -> Json:
    fields = {name: given[name] for name in GIVEN if given.get(name) is not None}
    fields["blocks"] = rendering.with_ids(world, given["blocks"])
    texts = {name: fields.get(name) for name in ("title", "submit", "close")}
    return fields | {
        name: {"emoji": True, **text} if text else None for name, text in texts.items()
    }


def _stamp(world: World, view: View) -> None:
    view.hash = f"{int(times.now())}.{world.secret(8)}"


def _check_external_id(world: World, given: Json, besides: View | None = None) -> None:
    external_id = given.get("external_id")
    taken = find(world, None, external_id) if external_id else None
    if taken is not None and taken is not besides:
        raise SlackError("duplicate_external_id")
