"""The block tables against the public corpus of valid and invalid Block Kit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.models import blocks as sdk

from sandbox.slack.blockkit import (
    BLOCKS,
    ELEMENTS,
    Surface,
    check_blocks,
    check_message,
    check_view,
)
from sandbox.slack.blockkit.elements import IN_ACTIONS, IN_CONTEXT_ACTIONS
from tests.contract.sandbox_slack.block_samples import (
    INVALID,
    INVALID_VIEWS,
    actions,
    bars,
    button,
    container,
    data_table,
    feedback,
    field,
    image,
    modal,
    mrkdwn,
    option,
    pie,
    plain,
    plan,
    section,
    select,
    table,
    task,
    text_input,
    video,
)

Json = dict[str, Any]

OUTDATED = {
    # Corpus 1.0.1 is older than the probed limits of slackblocks 3.0.0 ("blocks.validate").
    "view-missing-blocks": "an empty list of blocks is accepted",
}
OUTDATED_FIXTURES = {
    "blocks/task_card_block.json": "a pending task may stand in a plan only",
    "messages/webhook_message_basic.json": "repeats a block_id",
    "messages/webhook_message_delete.json": "repeats a block_id",
    "rich_text/rich_text_list_ordered.json": "border is 0 or 1",
    "elements/rich_text_input_basic.json": "the initial value is a rich_text block",
}
INHERITED = {"alt_text", "confirm", "placeholder"}
"""What the SDK's base classes give to elements that do not have it."""
MODAL_ONLY = {"blocks/alert_block.json"}


def fixtures(slack_specs: Path, folder: str) -> list[tuple[str, Json]]:
    valid = slack_specs / "slackblocks-spec" / "spec" / "fixtures" / "valid"
    return [
        (f"{folder}/{path.name}", json.loads(path.read_text()))
        for path in sorted((valid / folder).glob("*.json"))
        if f"{folder}/{path.name}" not in OUTDATED_FIXTURES
    ]


def test_valid_blocks_pass(slack_specs: Path) -> None:
    for name, block in fixtures(slack_specs, "blocks"):
        surface = Surface.MODAL if name in MODAL_ONLY else Surface.MESSAGE
        assert check_blocks([block], surface) == [], name


def test_valid_elements_pass(slack_specs: Path) -> None:
    for name, element in fixtures(slack_specs, "elements"):
        kind = element["type"]
        if kind == "url":
            block = plan(task(sources=[element]))
        elif kind == "image":
            block = section(accessory=element)
        elif kind in IN_ACTIONS.split():
            block = actions(element)
        elif kind in IN_CONTEXT_ACTIONS.split():
            block = {"type": "context_actions", "elements": [element]}
        else:
            block = field(element)
        assert check_blocks([block], Surface.MESSAGE) == [], name


def workflow(given: Json) -> Json:
    return actions({"type": "workflow_button", "text": plain("Go"), "workflow": given})


WITH_OBJECT: dict[str, Callable[[Json], Json]] = {
    "option_group": lambda given: actions(select(option_groups=[given])),
    "option": lambda given: actions(select(options=[given])),
    "text": lambda given: {"type": "section", "text": given},
    "confirmation": lambda given: actions(button(confirm=given)),
    "conversation": lambda given: actions({"type": "conversations_select", "filter": given}),
    "dispatch": lambda given: field(text_input(dispatch_action_config=given)),
    "workflow": workflow,
    "trigger": lambda given: workflow({"trigger": given}),
    "input": lambda given: workflow(
        {"trigger": {"url": "https://e.example", "customizable_input_parameters": [given]}}
    ),
}


def test_valid_objects_pass(slack_specs: Path) -> None:
    for name, given in fixtures(slack_specs, "objects"):
        kind = next(kind for kind in WITH_OBJECT if name.startswith(f"objects/{kind}"))
        assert check_blocks([WITH_OBJECT[kind](given)], Surface.MESSAGE) == [], name


def test_valid_rich_text_passes(slack_specs: Path) -> None:
    for name, part in fixtures(slack_specs, "rich_text"):
        nested = part["type"].startswith("rich_text")
        elements = [part] if nested else [{"type": "rich_text_section", "elements": [part]}]
        block = {"type": "rich_text", "elements": elements}
        assert check_blocks([block], Surface.MESSAGE) == [], name


def test_valid_messages_and_attachments_pass(slack_specs: Path) -> None:
    for name, message in fixtures(slack_specs, "messages"):
        assert check_message(message) == [], name
    for name, attachment in fixtures(slack_specs, "attachments"):
        assert check_message({"attachments": [attachment]}) == [], name


def test_valid_views_pass(slack_specs: Path) -> None:
    for name, view in fixtures(slack_specs, "views"):
        assert check_view(view) == [], name


def test_every_invalid_case_of_the_corpus_is_covered(slack_specs: Path) -> None:
    corpus = slack_specs / "slackblocks-spec" / "spec" / "fixtures" / "invalid" / "manifest.json"
    cases = {case["id"] for case in json.loads(corpus.read_text())["cases"]}
    assert cases == {*INVALID, *INVALID_VIEWS, *OUTDATED}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_blocks_are_refused(case: str) -> None:
    problems = check_blocks([INVALID[case]], Surface.MESSAGE)
    assert problems
    assert all(problem.pointer.startswith("/blocks") for problem in problems)


@pytest.mark.parametrize("case", INVALID_VIEWS)
def test_invalid_views_are_refused(case: str) -> None:
    problems = check_view(INVALID_VIEWS[case])
    assert problems
    assert all(problem.pointer.startswith("/view") for problem in problems)


def test_what_stands_just_within_the_limits_passes() -> None:
    within = [
        section("x" * 3000, fields=[mrkdwn("x" * 2000)] * 10),
        {"type": "header", "text": plain("x" * 150)},
        actions(*(button(action_id=f"{n}", value="x" * 2000) for n in range(25))),
        actions(select(options=[option("x" * 75, f"{n}".zfill(150)) for n in range(100)])),
        plan(*(task(task_id=f"{n}", status="pending") for n in range(50))),
        {"type": "markdown", "text": "x" * 12_000},
        table(100, 20),
        data_table(201, 20),
        pie(12),
        bars(12, 20),
        container(10),
        image(alt_text="x" * 2000),
        video(author_name="x" * 50),
        feedback(),
    ]
    assert check_blocks(within, Surface.MESSAGE) == []
    assert check_blocks([section() for _ in range(50)], Surface.MESSAGE) == []
    assert check_view(modal(*[section()] * 100, private_metadata="x" * 3000)) == []


@pytest.mark.parametrize(
    ("blocks", "pointer", "message"),
    [
        ([section()] * 51, "/blocks", "no more than 50 items allowed"),
        ([section(block_id="a"), section(block_id="a")], "/blocks/1/block_id", "already exists"),
        ([actions(button(), button())], "/blocks/0/elements/1/action_id", "already exists"),
        ([plan(task(), task())], "/blocks/0/tasks/1/task_id", "already exists"),
        ([{"type": "task_card", **task(status="pending")}], "/blocks/0/status", "plan only"),
        ([{"type": "markdown", "text": "x" * 7000}] * 2, "/blocks", "in all markdown blocks"),
        ([table(), table()], "/blocks", "no more than 1 table"),
        ([pie(), pie(), pie()], "/blocks", "no more than 2 data_visualization"),
        ([{"type": "nonsense"}], "/blocks/0/type", "unsupported type: nonsense"),
        ([{"type": "alert", "text": plain("x")}], "/blocks/0/type", "unsupported type: alert"),
        ([section(colour="red")], "/blocks/0", "invalid additional property: colour"),
        ([{"type": "image", "image_url": "x"}], "/blocks/0", "missing required field: alt_text"),
        ([{"type": "header", "text": mrkdwn("x")}], "/blocks/0/text/type", "unsupported type"),
        ([section(accessory=text_input())], "/blocks/0/accessory/type", "unsupported type"),
        ([actions(button(style="red"))], "/blocks/0/elements/0/style", "valid enum value"),
        ([actions()], "/blocks/0/elements", "no fewer than 1 items allowed"),
        ("nonsense", "/blocks", "must provide an array"),
        ([1], "/blocks/0", "must provide an object"),
        (
            [actions(select(options=[option()], initial_option=option("B", "b")))],
            "/blocks/0/elements/0/initial_option",
            "must be one of the options",
        ),
    ],
)
def test_problems_name_place_and_reason(blocks: Any, pointer: str, message: str) -> None:
    problems = check_blocks(blocks, Surface.MESSAGE)
    assert any(p.pointer == pointer and message in p.message for p in problems), problems


def test_a_modal_with_inputs_needs_a_submit_button() -> None:
    assert [p.message for p in check_view(modal(field(text_input())))] == [
        "missing required field: submit"
    ]
    focused = [field(text_input(focus_on_load=True, action_id=f"{n}")) for n in range(2)]
    assert check_view(modal(*focused, submit=plain("Go")))


@pytest.mark.parametrize("junk", [None, 3, "x", [], [[]], {}, {"type": []}, {"type": {}}])
def test_junk_anywhere_is_refused_not_crashed_on(junk: Any) -> None:
    for block in (*INVALID.values(), plan(task()), container()):
        for name in block:
            check_blocks([{**block, name: junk}], Surface.MESSAGE)
    for name in ("type", "title", "blocks", "submit", "private_metadata"):
        check_view({**modal(), name: junk})
    check_message({"blocks": junk, "attachments": junk})


def test_refused_types_look_unknown() -> None:
    problems = check_blocks([plan(task())], Surface.MESSAGE, ["plan"])
    assert [p.line for p in problems] == ["unsupported type: plan [json-pointer:/blocks/0/type]"]


def test_every_attribute_of_the_sdk_is_known() -> None:
    """slack_sdk's models know nothing that our tables would refuse."""
    tables = {**BLOCKS, **ELEMENTS}
    models = {
        name: model
        for name, model in vars(sdk).items()
        if isinstance(model, type) and getattr(model, "type", None) in tables
    }
    assert len(models) > 40
    for name, model in models.items():
        attributes: set[str] = object.__new__(model).attributes
        known = {*tables[model.type].fields, *INHERITED, "type"}  # type: ignore[attr-defined]
        assert attributes <= known, name
