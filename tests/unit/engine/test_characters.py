from __future__ import annotations

import pytest
from pydantic import SecretStr

import commands
from engine.characters import no_text, only_text
from engine.errors import InvalidInput
from engine.registry import discover

REGISTRY = discover(commands)


@pytest.mark.parametrize(
    "text", ["", "acme", "one\ttwo\r\nthree", "größer → 漢字 👩‍🚀 \u200b", "\ue000"]
)
def test_what_people_write_is_text(text: str) -> None:
    assert no_text(text) == ""
    assert only_text(text) == text


@pytest.mark.parametrize(
    ("odd", "name"),
    [
        *(("\0", "U+0000"), ("\x1b", "U+001B"), ("\x7f", "U+007F"), ("\x9b", "U+009B")),
        *(("\ud800", "U+D800"), ("\ufdd0", "U+FDD0"), ("\uffff", "U+FFFF")),
    ],
)
def test_what_terminals_and_databases_choke_on_is_none(odd: str, name: str) -> None:
    assert no_text(f"a{odd}b") == name
    assert only_text(f"a{odd}b") == "ab"
    assert no_text(["a", {"b": ("c", odd)}]) == name
    assert no_text({odd: "a"}) == name


def test_no_field_of_any_command_takes_it() -> None:
    """Every field of text, alone and in lists, whatever else it would have to be."""
    tried = 0
    for command in REGISTRY.commands:
        for parameter in command.parameters():
            if parameter.flag or parameter.choices:
                continue
            value = ["a\0b"] if parameter.many else "a\0b"
            with pytest.raises(InvalidInput) as refused:
                command.parse({parameter.name: value})
            assert parameter.name in refused.value.fields, command.name
            tried += 1
    assert tried > 50


def test_no_secret_holds_it_and_none_is_said() -> None:
    config = REGISTRY.command("config")
    field = config.confidential()
    with pytest.raises(InvalidInput) as refused:
        config.parse({"instance": "acme", field: {"API_KEY": SecretStr("sk-canary\0")}})
    assert "U+0000" in refused.value.fields[field]
    assert "canary" not in str(refused.value.as_json())
