"""A form that a command draws itself, as a modal: groups of inputs, filled in. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bot import forms, grammar
from bot.blocks import Block, clip, context, mrkdwn, plain, sections
from bot.grammar import Wish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.errors import InvalidInput, OpsError
    from engine.form import Form, Input
    from engine.registry import Registry

CALLBACK = "dialog"
MOST_BLOCKS = 100
MOST_VALUE = 3_000
"""Characters that Slack takes in one input."""
_OPTION = "option "
"""Before the block ids of fields of the command: no input's name holds a space."""
_UNSET = "∅"
"""The value of the option that leaves a choice open: Slack knows no empty one."""
_INITIAL = ("initial_value", "initial_option")


def reading(wish: Wish) -> Block:
    """While what is true now is being read: Slack waits three seconds for a modal, at most."""
    return _view(_title(wish), [context("⏳ Reading what is set now …")])


def view(drawn: Form, wish: Wish, form: forms.Form) -> Block:
    """The modal; at most 100 blocks."""
    blocks = sections(mrkdwn(drawn.intro))
    for group in drawn.groups:
        if group.title:
            blocks.append({"type": "header", "text": plain(group.title, 150)})
        blocks += [_input(one) for one in group.inputs]
    parameters = {p.name: p for p in wish.command.parameters()}
    for name in drawn.options:
        asked = forms.asked(parameters[name], wish.raw.get(name))
        blocks.append(asked | {"block_id": f"{_OPTION}{name}"})
    how = forms.how(wish)
    blocks = [*blocks[: MOST_BLOCKS - len(how)], *how]
    return _view(drawn.title, blocks) | {
        "submit": plain("Run it", 24),
        "private_metadata": _metadata(drawn, form),
    }


def _metadata(drawn: Form, form: forms.Form) -> str:
    always = [i.name for group in drawn.groups for i in group.inputs if i.always]
    said = json.loads(form.as_metadata())
    return json.dumps(said | ({"always": always} if always else {}))


def failed(error: OpsError, wish: Wish) -> Block:
    """What stood in the way, in the modal's place."""
    lines = [f"*{mrkdwn(error.summary)}*", mrkdwn(error.why), mrkdwn(error.who)]
    following = [context(f"Next: `{mrkdwn(error.next_step)}`")] if error.next_step else []
    return _view(_title(wish), [*sections("\n".join(line for line in lines if line)), *following])


def submitted(
    registry: Registry, form: forms.Form, view: Mapping[str, Any]
) -> tuple[Wish, list[str]]:
    """The wish, and the names of the blocks. Only what differs from what was filled in counts."""
    said = grammar.read(form.line, registry, escaped=False)
    values, always = view["state"]["values"], _always(view["private_metadata"])
    names: list[str] = []
    changed: dict[str, str] = {}
    raw = dict(said.raw)
    for block, before in _inputs(view["blocks"]):
        names.append(block)
        now = forms.entered(values, block)
        if block.startswith(_OPTION):
            raw[block.removeprefix(_OPTION)] = now if isinstance(now, str) else bool(now)
        elif block not in (forms.PLAN_BLOCK, forms.WAIT_BLOCK):
            text = "" if now in (None, _UNSET) else str(now)
            if text != before or block in always:
                changed[block] = text
    plan_only, patient = forms.manner(values, form)
    return Wish(said.command, said.command.filled(raw, changed), plan_only, patient), names


def errors(names: Sequence[str], refused: InvalidInput) -> dict[str, str]:
    return forms.reasons_by(names, refused)


def _always(metadata: str) -> Sequence[str]:
    """Which inputs count also when they were left as they are."""
    always = json.loads(metadata).get("always")
    return tuple(map(str, always)) if isinstance(always, list) else ()


def _inputs(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each input block with what was filled in before anybody touched it."""
    for block in blocks:
        if block["type"] == "input":
            element = block["element"]
            found = next((element[key] for key in _INITIAL if key in element), "")
            value = str(found["value"]) if isinstance(found, dict) else str(found)
            yield block["block_id"], "" if value == _UNSET else value


def _view(title: str, blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain(title, 24),
        "close": plain("Cancel", 24),
        "blocks": blocks,
    }


def _title(wish: Wish) -> str:
    return wish.command.name.replace("-", " ").capitalize()


def _input(one: Input) -> Block:
    block: Block = {
        "type": "input",
        "block_id": one.name,
        "label": plain(one.label, 2_000),
        "optional": not one.required,
        "element": _element(one),
    }
    if one.hint:
        block["hint"] = plain(one.hint, 2_000)
    return block


def _element(one: Input) -> Block:
    if one.kind == "choice":
        return _menu(one)
    kinds = {"integer": "number_input", "url": "url_text_input"}
    element: Block = {
        "type": kinds.get(one.kind, "plain_text_input"),
        "action_id": forms.VALUE,
    }
    if one.placeholder:
        element["placeholder"] = plain(one.placeholder, 150)
    if one.value and one.kind != "secret":
        element["initial_value"] = clip(one.value, MOST_VALUE)
    match one.kind:
        case "integer":
            element["is_decimal_allowed"] = False
            limits = {"min_value": one.least, "max_value": one.most}
            element |= {key: str(value) for key, value in limits.items() if value is not None}
        case "lines":
            element |= {"multiline": True, "max_length": MOST_VALUE}
        case "text" | "secret":
            element["max_length"] = MOST_VALUE
    return element


def _menu(one: Input) -> Block:
    offered = [forms.option(choice) for choice in one.choices[: forms.MOST_OPTIONS - 1]]
    if not one.required:
        offered.insert(0, forms.option(_UNSET, one.unset or "not set"))
    wanted = one.value or (_UNSET if not one.required else "")
    chosen = next((o for o in offered if o["value"] == wanted), None)
    menu: Block = {"type": "static_select", "action_id": forms.VALUE, "options": offered}
    return menu | ({"initial_option": chosen} if chosen else {})
