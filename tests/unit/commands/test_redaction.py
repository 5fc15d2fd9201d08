from __future__ import annotations

import pytest

from commands.instances import BLUEPRINT
from commands.redaction import HIDDEN, redacted
from engine.secrecy import names_a_secret
from tests.unit.commands.worlds import BLUEPRINTS

FRONT = BLUEPRINTS[BLUEPRINT].front


@pytest.mark.parametrize(
    "name",
    ["PROXY_API_KEY", "CLIENT_API_KEY", "ADMIN_API_KEY", "ANTHROPIC_API_KEY", "NOBODY_KNOWS"],
)
def test_secret_generated_shared_and_unknown_values_are_hidden(name: str) -> None:
    assert redacted(FRONT, {name: "a-secret-value"}) == {name: HIDDEN}


def test_the_length_of_a_secret_is_not_told() -> None:
    assert (
        len({redacted(FRONT, {"ADMIN_API_KEY": "x" * n})["ADMIN_API_KEY"] for n in (1, 99)}) == 1
    )


@pytest.mark.parametrize("value", ["${{Postgres.DATABASE_URL}}", "${{ shared.DATABASE_URL }}", ""])
def test_a_whole_reference_is_no_secret(value: str) -> None:
    assert redacted(FRONT, {"DATABASE_URL": value}) == {"DATABASE_URL": value}


@pytest.mark.parametrize(
    "value",
    [
        "postgres://user:password@${{Postgres.HOST}}/db",
        "${{Postgres.PASSWORD}}secret",
        "${{a}}${{b}}",
    ],
)
def test_a_reference_beside_other_text_is_hidden(value: str) -> None:
    assert redacted(FRONT, {"DATABASE_URL": value}) == {"DATABASE_URL": HIDDEN}


def test_a_key_in_a_variable_that_is_no_secret_is_hidden_all_the_same() -> None:
    key = "sk-ant-api03-" + "x" * 40
    assert redacted(FRONT, {"LOG_LEVEL": key}) == {"LOG_LEVEL": HIDDEN}


def test_what_is_no_secret_is_shown_in_the_blueprints_order() -> None:
    shown = redacted(FRONT, {"ZED": "1", "LOG_LEVEL": "debug", "PORT": "8000", "ABC": "2"})
    assert list(shown) == ["LOG_LEVEL", "PORT", "ABC", "ZED"]
    assert (shown["PORT"], shown["LOG_LEVEL"]) == ("8000", "debug")


def test_every_secret_of_the_blueprint_is_known_by_its_name_alone() -> None:
    """So that it is refused where it is typed before anything is understood."""
    named = {name for name, variable in FRONT.variables.items() if names_a_secret(name)}
    assert {name for name in FRONT.variables if FRONT.hides(name)} == named
