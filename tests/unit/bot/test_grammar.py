"""What people type, as they type it."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import grammar
from engine.errors import InvalidInput, OpsError, UnknownCommand
from tests.unit.bot.fakes import REGISTRY, Create, Credentials, Help, List, Status


def read(text: str) -> grammar.Wish:
    return grammar.read(text, REGISTRY)


@pytest.mark.parametrize("text", ["", "   ", "help", "HELP", "--help", "-h", "\u00a0help\u200b"])
def test_nothing_or_help_asks_for_help(text: str) -> None:
    assert read(text) == grammar.Wish(Help)


@pytest.mark.parametrize(
    "text", ["help create", "create --help", "create -h", "create acme —help"]
)
def test_help_for_one_command(text: str) -> None:
    assert read(text) == grammar.Wish(Help, {"command": "create"})


@pytest.mark.parametrize(
    "text",
    [
        "create acme",
        "CREATE acme",
        "/luthien create acme",
        "  create \u00a0 acme  ",
        "create “acme”",
        "create 'acme'",
        "create „acme“",
        "create «acme»",
        "create -- acme",
    ],
)
def test_the_same_wish_typed_in_many_ways(text: str) -> None:
    assert read(text) == grammar.Wish(Create, {"instance": "acme"})


@pytest.mark.parametrize("dash", ["--", "—", "–", "―"])
def test_dashes_that_a_keyboard_made_long(dash: str) -> None:
    wish = read(f"create acme {dash}keep {dash}plan {dash}repo=a/b {dash}size large")
    assert wish.plan_only
    assert wish.patient
    assert not read(f"create acme {dash}no-wait").patient
    assert wish.raw == {"instance": "acme", "keep": True, "repo": "a/b", "size": "large"}


def test_a_dash_between_words_is_a_word() -> None:
    assert read("list a — b – c-d").raw == {"words": ["a", "—", "b", "–", "c-d"]}


def test_options_may_be_quoted_repeated_and_in_any_case() -> None:
    wish = read('create acme --TAGS "two words" --tags=“more words” --tags one')
    assert wish.raw == {"instance": "acme", "tags": ["two words", "more words", "one"]}


def test_a_quoted_word_is_never_an_option() -> None:
    assert read('list "--state" it\'s').raw == {"words": ["--state", "it's"]}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("<@U0ADA|ada>", "U0ADA"),
        ("<@U0ADA>", "U0ADA"),
        ("<#C0OPS|ops>", "C0OPS"),
        ("<!subteam^S0ONCALL|@oncall>", "S0ONCALL"),
        ("<http://acme.dev|acme.dev>", "acme.dev"),
        ("<https://github.com/a/b>", "https://github.com/a/b"),
        ("<https://github.com/a/b|click here>", "https://github.com/a/b"),
        ("<mailto:ada@example.com|ada@example.com>", "ada@example.com"),
        ("a&lt;b&gt;&amp;c", "a<b>&c"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_slack_escapes_mean_what_was_typed(typed: str, meant: str) -> None:
    assert grammar.unescape(typed) == meant


def test_the_value_of_a_button_is_not_escaped() -> None:
    wish = grammar.read("list a&lt;b", REGISTRY, escaped=False)
    assert wish.raw == {"words": ["a&lt;b"]}


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('create "acme', "never closed"),
        ("create acme --repo", "needs a value"),
        ("create acme --repo --keep", "needs a value"),
        ("create acme --reop=x", "Did you mean `--repo`"),
        ("create acme beta", "no place for `beta`"),
        ("list --plan", "changes nothing"),
        ("list --no-wait", "never waits"),
        ("create acme --no-wait=yes", "takes no value"),
        ("create acme --plan=yes", "takes no value"),
        ("status", "instance is needed"),
    ],
)
def test_what_has_no_place_is_refused_with_the_reason(text: str, summary: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(text).parse()
    assert summary in refused.value.summary
    assert refused.value.next_step.startswith("/luthien ")


def test_an_unknown_command_has_a_nearest_one() -> None:
    with pytest.raises(UnknownCommand) as refused:
        read("statsu acme")
    assert refused.value.nearest == "status"


def test_flags_can_be_given_a_value() -> None:
    command = read("credentials acme --forget=false").parse()
    assert command == Credentials(instance="acme", forget=False)


words = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=12)


@given(words=st.lists(words | st.tuples(words, words).map(" ".join), max_size=4).map(tuple))
def test_a_command_survives_being_said_as_a_line(words: tuple[str, ...]) -> None:
    command = List(words=words, state="failed")
    assert grammar.read(command.line(), REGISTRY, escaped=False).parse() == command


@given(st.text(max_size=200))
def test_whatever_is_typed_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(OpsError):
        assert read(text).command in REGISTRY.commands


def test_status_takes_one_name() -> None:
    assert read("status acme").parse() == Status(instance="acme")


@pytest.mark.parametrize("piece", ["x", "a ", '" ', "'a' ", "A='", "KEY=«a» ", "\u200b", "—"])
def test_splitting_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def spent(length: int) -> float:
        text = (piece * length)[:length]
        times = []
        for _ in range(3):
            began = time.process_time()
            with contextlib.suppress(InvalidInput):
                grammar.split(text)
            times.append(time.process_time() - began)
        return min(times)

    assert spent(80_000) < 9 * max(spent(20_000), 0.002), "4 is linear, 16 the square"


def test_more_than_anybody_types_is_refused_before_it_is_understood() -> None:
    assert grammar.bounded("x" * grammar.LONGEST_LINE)
    with pytest.raises(InvalidInput) as refused:
        grammar.bounded("x" * (grammar.LONGEST_LINE + 1))
    assert "4,001 characters" in refused.value.summary
    assert "x" * 50 not in str(refused.value.as_json())
