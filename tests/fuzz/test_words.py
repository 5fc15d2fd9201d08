"""Anything typed is a wish or a clear refusal; nothing of it is a bug."""

from __future__ import annotations

import contextlib
from functools import cache

from hypothesis import example, given
from hypothesis import strategies as st

import commands
from bot import grammar
from bot.guarding import refuse_secrets
from commands.marks import Mark, MarkKind
from engine.errors import OpsError, SecretTyped
from engine.registry import Registry, discover
from tests.canaries import MARK
from tests.fuzz.making import WORDS


@cache
def registry() -> Registry:
    return discover(commands)


_NAMES = st.sampled_from(sorted(command.name for command in registry().commands))
_OPTIONS = st.sampled_from(
    sorted({p.option for c in registry().commands for p in c.parameters()} | {"--plan", "--help"})
)
_EXAMPLES = st.sampled_from(sorted({line for c in registry().commands for line in c.examples}))
LINES = st.one_of(
    st.text(max_size=200),
    st.tuples(_NAMES, st.lists(st.one_of(WORDS, _OPTIONS), max_size=6)).map(
        lambda parts: " ".join([parts[0], *parts[1]])
    ),
    st.tuples(_EXAMPLES, st.lists(st.one_of(WORDS, _OPTIONS), max_size=2)).map(
        lambda parts: " ".join([parts[0], *parts[1]])
    ),
)


@given(LINES, st.booleans())
@example("audit verify --anchor {0}", True)
@example("create acme --repo", False)
def test_a_line_is_a_wish_or_a_refusal(line: str, escaped: bool) -> None:
    """So is what was understood, as it says itself again (on a button)."""
    try:
        refuse_secrets(line, registry())
    except SecretTyped as refused:
        assert MARK not in str(refused.as_json())
        return
    except OpsError:
        return
    try:
        command = grammar.read(line, registry(), escaped=escaped).parse()
    except OpsError as refused:
        assert refused.summary
        assert refused.next_step
        return
    with contextlib.suppress(OpsError):
        grammar.read(command.line(), registry(), escaped=False).parse()


@given(st.one_of(WORDS, st.sampled_from(["ready", "creating r1", "deletion-scheduled:"])), WORDS)
def test_a_mark_is_one_of_ours_or_somebody_elses(start: str, rest: str) -> None:
    mark = Mark.parse(start + rest)
    assert mark.kind in MarkKind
    if mark.kind not in (MarkKind.FOREIGN, MarkKind.EARLIER):
        assert Mark.parse(str(mark)) == mark
