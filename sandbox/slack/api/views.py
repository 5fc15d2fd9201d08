"""views.*: modals and App Home."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.slack import blockkit, modals, rendering
from sandbox.slack.api.method import Call, method
from sandbox.slack.errors import SlackError, invalid_arguments
from sandbox.slack.limits import Tier

if TYPE_CHECKING:
    from sandbox.slack.records import Json, Ticket, View

LARGEST_BYTES = 250_000
TRIGGER_ERRORS = (
    "duplicate_external_id exchanged_trigger_id expired_trigger_id invalid_trigger_id"
    " view_too_large"
)


def checked(call: Call, kind: str) -> Json:
    """The `view` argument. Raises invalid_arguments with everything that is wrong with it."""
    view = call.structure("view")
    if not isinstance(view, dict):
        raise invalid_arguments("must provide an object [json-pointer:/view]")
    if len(json.dumps(view)) > LARGEST_BYTES:
        raise SlackError("view_too_large")
    problems = blockkit.check_view(view, call.world.state.settings.unsupported_blocks)
    if problems:
        raise invalid_arguments(*(problem.line for problem in problems))
    if view["type"] != kind:
        raise invalid_arguments(f"view must be of type {kind} [json-pointer:/view/type]")
    return view


def _ticket(call: Call) -> Ticket:
    if not call.has("trigger_id"):
        raise invalid_arguments("missing required field: trigger_id")
    return modals.exchange(call.world, call.text("trigger_id"))


def _shown(view: View) -> Json:
    return {"view": rendering.view(view) | {"state": {"values": {}}}}


@method("views.open", tier=Tier.FOUR, required=["view"], errors=TRIGGER_ERRORS)
def views_open(call: Call) -> Json:
    view = checked(call, "modal")
    return _shown(modals.open_first(call.world, _ticket(call), view))


@method(
    "views.push",
    tier=Tier.FOUR,
    required=["view"],
    errors=f"{TRIGGER_ERRORS} not_found push_limit_reached",
)
def views_push(call: Call) -> Json:
    view = checked(call, "modal")
    return _shown(modals.push(call.world, _ticket(call).user, view))


@method(
    "views.update",
    tier=Tier.FOUR,
    required=["view"],
    errors="duplicate_external_id hash_conflict not_found view_too_large",
)
def views_update(call: Call) -> Json:
    if not (call.has("view_id") or call.has("external_id")):
        raise invalid_arguments("missing required field: view_id")
    current = modals.find(call.world, call.maybe("view_id"), call.maybe("external_id"))
    if current is None:
        raise SlackError("not_found")
    view = checked(call, current.type)
    if call.has("hash") and call.text("hash") != current.hash:
        raise SlackError("hash_conflict")
    return _shown(modals.replace(call.world, current, view))


@method(
    "views.publish",
    tier=Tier.FOUR,
    required=["user_id", "view"],
    errors="duplicate_external_id hash_conflict not_enabled view_too_large",
)
def views_publish(call: Call) -> Json:
    if not call.world.app.has_home:
        raise SlackError("not_enabled")
    user = call.text("user_id")
    if user not in call.world.state.people:
        raise invalid_arguments("user not found [json-pointer:/user_id]")
    view = checked(call, "home")
    current = modals.home(call.world, user)
    if call.has("hash") and (current is None or current.hash != call.text("hash")):
        raise SlackError("hash_conflict")
    return _shown(modals.publish(call.world, user, view))
