"""A form (modal) for a command, generated from the same fields as its grammar. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.blocks import Block, clip, mrkdwn, plain, sections
from bot.grammar import Wish
from engine.command import Change, Risk, stands_in_line
from engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.command import Command, Parameter

CALLBACK = "command"
PLAN_BLOCK = "preview only"
WAIT_BLOCK = "no waiting"
"""Block ids that no field can have: Python names hold no spaces."""
VALUE = "value"
"""Action id of fields without completion."""
COMPLETE = "complete"
"""Action ids of completed fields begin with it: `complete:instance`."""
MOST_OPTIONS = 100
LONGEST_OPTION = 150
"""Characters of an option's value. Source: Block Kit reference, option object."""
PERSON = "person"
"""What is completed by Slack itself. A user group can only be typed: no menu of Slack has them."""
_FLAG = "on"


@dataclass(frozen=True)
class Form:
    """What a form remembers while it is open: nothing that its reader may not know, for it travels
    through the client."""

    command: str
    channel: str | None = None
    reply: str = ""
    """How to answer privately: a response_url, sealed."""
    line: str = ""
    """Of a command that draws its own form: what was said already. Never a secret."""
    asks: tuple[str, ...] = ()
    """The only fields that are asked for; empty: all."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the others."""
    patient: bool = True
    """It may wait in line, unless the form asks that, too."""

    def as_metadata(self) -> str:
        said = {"line": self.line} if self.line else {}
        given = {"asks": self.asks, "given": dict(self.given)} if self.asks else {}
        where = {"command": self.command, "channel": self.channel, "r": self.reply}
        waits = {} if self.patient else {"patient": False}
        return json.dumps(where | said | given | waits)

    @classmethod
    def of_metadata(cls, text: str) -> Form:
        """Raises InvalidInput for anything that `as_metadata` did not write."""
        try:
            data = json.loads(text)
            return cls(
                str(data["command"]),
                str(data["channel"]) if data.get("channel") else None,
                str(data.get("r") or ""),
                str(data.get("line") or ""),
                tuple(str(name) for name in data.get("asks") or ()),
                dict(data.get("given") or {}),
                data.get("patient") is not False,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InvalidInput(
                "This form is none that this bot has opened.",
                why="What it should remember cannot be read.",
                who="You can open it again.",
                next_step="/luthien help",
            ) from None


def view(wish: Wish, form: Form, intro: str = "") -> Block:
    """The modal, filled in as far as the wish goes. `intro` says why it is shown."""
    command = wish.command
    blocks = sections(mrkdwn(intro or command.summary()))
    shown = [p for p in command.parameters() if not form.asks or p.name in form.asks]
    blocks += [asked(p, wish.raw.get(p.name), needed=bool(form.asks)) for p in shown]
    if not form.asks:
        blocks += how(wish)
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain(command.name.replace("-", " ").capitalize(), 24),
        "submit": plain("Show" if command.risk is Risk.READS else "Run it", 24),
        "close": plain("Cancel", 24),
        "private_metadata": form.as_metadata(),
        "blocks": blocks[:100],
    }


def asked(parameter: Parameter, value: object, *, needed: bool = False) -> Block:
    """One field of a command as an input; `needed` although the command could do without."""
    block: Block = {
        "type": "input",
        "block_id": parameter.name,
        "label": plain(parameter.label, 2_000),
        "optional": not (needed or parameter.required),
        "element": _element(parameter, value),
    }
    if parameter.description and not parameter.flag:
        block["hint"] = plain(parameter.description.rstrip(".") + _hint(parameter), 2_000)
    return block


def _hint(parameter: Parameter) -> str:
    if parameter.many:
        chosen = parameter.choices or parameter.completes
        return "" if chosen else "; several are separated by spaces"
    if parameter.required or parameter.default in (None, ""):
        return ""
    return f"; {parameter.default} unless given"


def _element(parameter: Parameter, value: object) -> Block:
    values = [str(v) for v in value] if isinstance(value, list | tuple) else []
    typed = values or ([str(value)] if value not in (None, "") else [])
    if parameter.flag:
        return _checkbox(parameter.description or parameter.label, _is_on(value))
    if parameter.choices:
        return _select(parameter, typed)
    if parameter.completes == PERSON:
        return _person_select(parameter, typed)
    if parameter.completes and all(len(word) <= LONGEST_OPTION for word in typed):
        element: Block = {
            "type": "multi_external_select" if parameter.many else "external_select",
            "action_id": f"{COMPLETE}:{parameter.completes}",
            "min_query_length": 0,
            "placeholder": plain(_example(parameter) or "Choose or type", 150),
        }
        if typed:
            chosen = [option(word) for word in typed[:MOST_OPTIONS]]
            element |= (
                {"initial_options": chosen} if parameter.many else {"initial_option": chosen[0]}
            )
        return element
    element = {"type": "plain_text_input", "action_id": VALUE, "max_length": 3_000}
    if example := _example(parameter):
        element["placeholder"] = plain(example, 150)
    if typed:
        element["initial_value"] = clip(" ".join(typed), 3_000)
    return element


def _person_select(parameter: Parameter, typed: Sequence[str]) -> Block:
    """Source: Block Kit reference, multi-select and select menu of users."""
    people = [word for word in typed if word.startswith(("U", "W"))]
    element: Block = {
        "type": "multi_users_select" if parameter.many else "users_select",
        "action_id": VALUE,
        "placeholder": plain("Choose somebody", 150),
    }
    if people:
        key = "initial_users" if parameter.many else "initial_user"
        element[key] = people if parameter.many else people[0]
    return element


def _example(parameter: Parameter) -> str:
    return f"e.g. {parameter.examples[0]}" if parameter.examples else ""


def _is_on(value: object) -> bool:
    return str(value).lower() in ("true", "1", "yes", "on") if value is not None else False


def _checkbox(text: str, on: bool) -> Block:
    choice = {"text": plain(text, 75), "value": _FLAG}
    element: Block = {"type": "checkboxes", "action_id": VALUE, "options": [choice]}
    return element | ({"initial_options": [choice]} if on else {})


def _select(parameter: Parameter, typed: Sequence[str]) -> Block:
    options = [option(choice) for choice in parameter.choices[:MOST_OPTIONS]]
    chosen = [o for o in options if o["value"] in typed]
    element: Block = {
        "type": "multi_static_select" if parameter.many else "static_select",
        "action_id": VALUE,
        "options": options,
    }
    if not chosen and parameter.default is not None and not parameter.many:
        chosen = [o for o in options if o["value"] == str(parameter.default)]
    if chosen:
        key = "initial_options" if parameter.many else "initial_option"
        element[key] = chosen if parameter.many else chosen[0]
    return element


def option(value: str, label: str = "") -> Block:
    return {"text": plain(label or value, 75), "value": clip(value, LONGEST_OPTION)}


def how(wish: Wish) -> list[Block]:
    """How a change is asked for: only as a plan, or not if it has to wait in line."""
    if not issubclass(wish.command, Change):
        return []
    text = "Only show the plan, and change nothing"
    blocks = [_switch(PLAN_BLOCK, "Preview", text, on=wish.plan_only)]
    if stands_in_line(wish.command):
        text = "Don't wait in line: refuse when something else is at it"
        blocks.append(_switch(WAIT_BLOCK, "Waiting", text, on=not wish.patient))
    return blocks


def _switch(block: str, label: str, text: str, *, on: bool) -> Block:
    return {
        "type": "input",
        "block_id": block,
        "label": plain(label, 100),
        "optional": True,
        "element": _checkbox(text, on),
    }


def manner(values: Mapping[str, Mapping[str, Any]], form: Form | None) -> tuple[bool, bool]:
    """What `how` brought back: whether only the plan is wanted, whether it may wait."""
    patient = form.patient if form else True
    if WAIT_BLOCK in values:
        patient = not entered(values, WAIT_BLOCK)
    return bool(entered(values, PLAN_BLOCK)), patient


def submitted(
    command: type[Command], values: Mapping[str, Mapping[str, Any]], form: Form | None = None
) -> Wish:
    """What the person filled in, as if it had been typed. `values` is `view.state.values`; what
    the form did not ask for is as it was given."""
    raw: dict[str, object] = dict(form.given) if form else {}
    for parameter in command.parameters():
        if form and form.asks and parameter.name not in form.asks:
            continue
        value = entered(values, parameter.name)
        if parameter.flag:
            raw[parameter.name] = bool(value)
        elif parameter.many and isinstance(value, str):
            raw[parameter.name] = value.split()
        elif value not in (None, "", []):
            raw[parameter.name] = value
    plan_only, patient = manner(values, form)
    return Wish(command, raw, plan_only, patient)


def entered(values: Mapping[str, Mapping[str, Any]], block: str) -> str | list[str] | None:
    """What stands in the one element of an input block."""
    return _value(next(iter((values.get(block) or {}).values()), {}))


def known(view: Mapping[str, Any]) -> dict[str, str]:
    """The single values that an open form holds, by field: those that were given before it was
    opened, and those that stand in it."""
    found: dict[str, object] = {}
    if metadata := view.get("private_metadata"):
        found |= Form.of_metadata(metadata).given
    values = (view.get("state") or {}).get("values") or {}
    found |= {block: _value(next(iter(state.values()), {})) for block, state in values.items()}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}


def _value(state: Mapping[str, Any]) -> str | list[str] | None:
    """Source: Slack docs, view_submission, `state.values` by element type."""
    if state.get("selected_option"):
        return str(state["selected_option"]["value"])
    if "selected_options" in state:
        return [str(o["value"]) for o in state["selected_options"] or []]
    if state.get("selected_user"):
        return str(state["selected_user"])
    if "selected_users" in state:
        return [str(user) for user in state["selected_users"] or []]
    value = state.get("value")
    return str(value).strip() if value is not None else None


def errors(
    command: type[Command], refused: InvalidInput, asks: Sequence[str] = ()
) -> dict[str, str]:
    """Block id → reason, for what is wrong; a reason without a field that is shown stands at the
    first."""
    names = [p.name for p in command.parameters() if not asks or p.name in asks]
    return reasons_by(names, refused)


def reasons_by(names: Sequence[str], refused: InvalidInput) -> dict[str, str]:
    """Block id → reason; a reason without a block stands at the first."""
    reasons = {
        name: reason[:1].upper() + reason[1:]
        for name, reason in refused.fields.items()
        if name in names
    }
    return reasons or {(names or [PLAN_BLOCK])[0]: refused.summary}
