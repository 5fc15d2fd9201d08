"""Forms come from the same fields as the grammar, and understand what is filled in."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from bot import forms
from bot.grammar import Wish
from commands.config import Config
from commands.delete import DeleteInstance
from engine.command import Risk
from engine.errors import InvalidInput
from sandbox.slack.blockkit import Surface, check_blocks
from tests.unit.bot.fakes import Create, Credentials, List

FORM = forms.Form("create", "C0OPS", "t1")


def element(view: dict[str, Any], block: str) -> dict[str, Any]:
    found: dict[str, Any] = next(b for b in view["blocks"] if b.get("block_id") == block)[
        "element"
    ]
    return found


def test_a_field_becomes_the_input_that_fits_it() -> None:
    view = forms.view(Wish(Create), FORM)
    kinds = {b["block_id"]: b["element"]["type"] for b in view["blocks"] if b["type"] == "input"}
    assert kinds == {
        "instance": "plain_text_input",
        "repo": "plain_text_input",
        "size": "static_select",
        "keep": "checkboxes",
        "tags": "plain_text_input",
        forms.PLAN_BLOCK: "checkboxes",
        forms.WAIT_BLOCK: "checkboxes",
    }
    assert element(view, "size")["initial_option"]["value"] == "small"
    assert element(view, "instance")["placeholder"]["text"] == "e.g. acme"


def test_a_name_that_is_typed_to_confirm_has_no_other_name_as_its_example() -> None:
    asks = forms.Form("delete", "C0OPS", "t1", asks=("type_name",))
    view = forms.view(Wish(DeleteInstance, {"instance": "prod-shop"}), asks)
    assert "placeholder" not in element(view, "type_name")


def test_a_completed_field_asks_us_for_its_options() -> None:
    view = forms.view(Wish(Credentials, {"instance": "acme"}), FORM)
    select = element(view, "instance")
    assert (select["type"], select["action_id"]) == ("external_select", "complete:instance")
    assert select["initial_option"]["value"] == "acme"
    assert not any(b.get("block_id") == forms.PLAN_BLOCK for b in view["blocks"])


class GoOn(List):
    """A question by its answer, but it changes something."""

    name: ClassVar[str] = "go-on"
    risk: ClassVar[Risk] = Risk.CHANGES


def test_the_button_says_whether_something_will_be_done() -> None:
    shown = [forms.view(Wish(each), FORM)["submit"]["text"] for each in (Create, GoOn, List)]
    assert shown == ["Run it", "Run it", "Show"]


def test_what_was_typed_already_stands_in_the_form() -> None:
    raw = {"instance": "Acme!", "keep": True, "size": "large", "tags": ["a", "b"]}
    view = forms.view(Wish(Create, raw, plan_only=True), FORM)
    assert element(view, "instance")["initial_value"] == "Acme!"
    assert element(view, "tags")["initial_value"] == "a b"
    assert element(view, "size")["initial_option"]["value"] == "large"
    assert element(view, "keep")["initial_options"]
    assert element(view, forms.PLAN_BLOCK)["initial_options"]


def test_a_form_remembers_ids_only() -> None:
    view = forms.view(Wish(Create), FORM)
    assert forms.Form.of_metadata(view["private_metadata"]) == FORM
    assert len(view["title"]["text"]) <= 24


def test_what_is_filled_in_is_a_wish() -> None:
    values: dict[str, dict[str, Any]] = {
        "instance": {"value": {"type": "plain_text_input", "value": " acme "}},
        "repo": {"value": {"type": "plain_text_input", "value": None}},
        "size": {"value": {"type": "static_select", "selected_option": {"value": "large"}}},
        "keep": {"value": {"type": "checkboxes", "selected_options": [{"value": "on"}]}},
        "tags": {"value": {"type": "plain_text_input", "value": "a b"}},
        forms.PLAN_BLOCK: {"value": {"type": "checkboxes", "selected_options": []}},
    }
    wish = forms.submitted(Create, values)
    assert wish.parse() == Create(instance="acme", size="large", keep=True, tags=("a", "b"))
    assert not wish.plan_only


def test_an_empty_form_is_a_wish_for_the_defaults() -> None:
    assert forms.submitted(List, {}).parse() == List()


def test_reasons_stand_beside_their_fields() -> None:
    wish = forms.submitted(Create, {"instance": {"value": {"value": "Acme!"}}})
    with pytest.raises(InvalidInput) as refused:
        wish.parse()
    assert set(forms.errors(Create, refused.value)) == {"instance"}
    general = InvalidInput("Not like this.")
    assert forms.errors(Create, general) == {"instance": "Not like this."}


def blocks_of(view: dict[str, Any]) -> set[str]:
    return {b["block_id"] for b in view["blocks"] if b["type"] == "input"}


ON = {"value": {"selected_options": [{"value": "on"}]}}
OFF: dict[str, Any] = {"value": {"selected_options": []}}


@pytest.mark.parametrize("patient", [True, False])
def test_whether_it_may_wait_is_asked_as_the_line_said_and_brought_back(patient: bool) -> None:
    view = forms.view(Wish(Create, {"instance": "acme"}, patient=patient), FORM)
    assert ("initial_options" in element(view, forms.WAIT_BLOCK)) is not patient
    for state, found in ((ON, False), (OFF, True)):
        wish = forms.submitted(Create, {forms.WAIT_BLOCK: state}, FORM)
        assert wish.patient is found


def test_a_form_that_asks_for_one_thing_only_remembers_whether_it_may_wait() -> None:
    form = forms.Form("create", asks=("instance",), given={}, patient=False)
    assert blocks_of(forms.view(Wish(Create, patient=False), form)) == {"instance"}
    kept = forms.Form.of_metadata(form.as_metadata())
    assert kept == form
    assert not forms.submitted(Create, {"instance": {"value": {"value": "acme"}}}, kept).patient


def test_a_question_is_not_asked_whether_it_may_wait() -> None:
    assert not {forms.WAIT_BLOCK, forms.PLAN_BLOCK} & blocks_of(forms.view(Wish(List), FORM))


def test_several_values_are_completed_one_by_one() -> None:
    raw = {"instance": "acme", "what": "unset", "variables": ["LOG_LEVEL", "SENTRY_DSN"]}
    view = forms.view(Wish(Config, raw), FORM)
    menu = element(view, "variables")
    assert (menu["type"], menu["action_id"]) == ("multi_external_select", "complete:variable")
    assert [o["value"] for o in menu["initial_options"]] == ["LOG_LEVEL", "SENTRY_DSN"]
    assert check_blocks(view["blocks"], Surface.MODAL) == []
    chosen = {"complete:variable": {"selected_options": [{"value": "A=with spaces"}]}}
    assert forms.submitted(Config, {"variables": chosen}).raw["variables"] == ["A=with spaces"]
    long = forms.view(Wish(Config, raw | {"variables": [f"A={'x' * 150}"]}), FORM)
    assert element(long, "variables")["type"] == "plain_text_input", "no option is that long"


def test_what_completes_a_field_knows_what_was_given_before_the_form_was_opened() -> None:
    form = forms.Form("config", asks=("variables",), given={"instance": "acme", "what": "unset"})
    typed = {"state": {"values": {"what": {"value": {"value": "set"}}}}}
    view = {"private_metadata": form.as_metadata(), **typed}
    assert forms.known(view) == {"instance": "acme", "what": "set"}
