"""A command is defined once: grammar, help and validation all come from the class."""

from __future__ import annotations

import types
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from engine.actor import Role
from engine.command import LONGEST_VALUE, MOST_VALUES, Argument, Change, Completes, Question, Risk
from engine.errors import InvalidInput, UnknownCommand
from engine.registry import Registry, discover


class Paint(Change):
    """Paint a fence.

    More about fences.
    """

    name: ClassVar[str] = "paint"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = ("paint garden --colour red",)
    fence: Annotated[str, Argument(), Completes("fence")] = Field(
        description="Which fence", min_length=2
    )
    colour: Literal["red", "green"] = Field("green", description="In which colour")
    two_coats: bool = False
    helpers: Annotated[tuple[str, ...], Argument()] = ()
    note: str | None = None


def test_parameters_say_what_doors_need() -> None:
    fence, colour, coats, helpers, note = Paint.parameters()
    assert (fence.required, fence.argument, fence.completes) == (True, True, "fence")
    assert (colour.choices, colour.default, colour.option) == (
        ("red", "green"),
        "green",
        "--colour",
    )
    assert (coats.flag, coats.option, coats.label) == (True, "--two-coats", "Two coats")
    assert (helpers.many, helpers.argument) == (True, True)
    assert (note.required, note.default) == (False, None)
    assert Paint.usage() == (
        "paint <fence> [--colour red|green] [--two-coats] [helpers…] [--note NOTE]"
    )
    assert Paint.summary() == "Paint a fence."
    assert Paint.role == Role.DEPLOYER


def test_a_command_says_itself_as_a_line() -> None:
    paint = Paint(fence="front yard", colour="red", two_coats=True, helpers=("ben",))
    assert paint.line() == 'paint "front yard" --colour red --two-coats ben'
    assert Paint(fence="garden").line() == "paint garden"


@pytest.mark.parametrize(
    ("raw", "field", "missing"),
    [
        ({}, "fence", True),
        ({"fence": "x"}, "fence", False),
        ({"fence": "garden", "colour": "blue"}, "colour", False),
        ({"fence": "garden", "brush": "1"}, "brush", False),
    ],
)
def test_bad_input_names_the_field(raw: dict[str, str], field: str, missing: bool) -> None:
    with pytest.raises(InvalidInput) as refused:
        Paint.parse(raw)
    assert field in refused.value.fields
    assert refused.value.missing is missing
    assert refused.value.next_step == "/luthien paint garden --colour red"


def test_reasons_are_in_peoples_words() -> None:
    class Count(Question):
        """Count."""

        name: ClassVar[str] = "count"
        page: int = Field(1, ge=1)

    for typed, said in (
        ("abc", "page should be a whole number"),
        ("0", "page should be at least 1"),
    ):
        with pytest.raises(InvalidInput, match=said):
            Count.parse({"page": typed})


def test_an_unknown_command_names_the_nearest() -> None:
    registry = Registry({"paint": Paint}, {})
    assert registry.command("PAINT") is Paint
    with pytest.raises(UnknownCommand) as refused:
        registry.command("pant")
    assert refused.value.nearest == "paint"


def test_two_definitions_of_one_name_are_refused(tmp_path: object) -> None:
    import sys

    package = types.ModuleType("twice")
    package.__path__ = []
    registry = discover(package)
    assert registry.commands == ()
    assert "twice" not in sys.modules


def test_a_stored_command_comes_back_as_it_was() -> None:
    class Ask(Question):
        """Ask."""

        name: ClassVar[str] = "ask"

    registry = Registry({"paint": Paint, "ask": Ask}, {})
    paint = Paint(fence="garden", helpers=("ada", "ben"))
    assert registry.load_command("paint", paint.model_dump(mode="json")) == paint


def test_values_and_lists_have_an_end() -> None:
    class Words(Question):
        """Take words."""

        name: ClassVar[str] = "words"
        one: str = ""
        many: tuple[str, ...] = ()

    assert Words.parse({"one": "x" * LONGEST_VALUE, "many": ("x",) * MOST_VALUES})
    with pytest.raises(InvalidInput, match="at most 20000 characters"):
        Words.parse({"one": "x" * (LONGEST_VALUE + 1)})
    with pytest.raises(InvalidInput, match="at most 100 values"):
        Words.parse({"many": ("x",) * (MOST_VALUES + 1)})
