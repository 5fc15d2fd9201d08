"""What input is made of: JSON of any shape, and valid input with something wrong in it."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.canaries import MARK

WORDS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "\0",
            "\u202e",
            "\ud83d",
            "{}",
            "{0}",
            "%s",
            "-1",
            "1e999",
            "<!channel>",
            "<https://evil.example|acme>",
            "*bold*",
            "--",
            '"',
            "a" * 5_000,
            f"sk-ant-{MARK}",
        ]
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    WORDS,
)
JSON: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """A copy with up to three of its parts taken out, doubled, or replaced by anything."""
    value = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        value = _damage(draw, value)
    return value


def _damage(draw: st.DrawFn, value: Any) -> Any:
    places = [(value, None)]
    places += [(holder, key) for holder, key in _places(value)]
    holder, key = draw(st.sampled_from(places))
    if key is None:
        return draw(JSON) if draw(st.integers(0, 9)) == 0 else value
    how = draw(st.sampled_from(["replace", "replace", "remove", "rename", "double"]))
    if how == "replace":
        holder[key] = draw(JSON)
    elif how == "remove":
        del holder[key]
    elif how == "rename" and isinstance(holder, dict):
        holder[draw(st.text(max_size=10))] = holder.pop(key)
    elif how == "double" and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += [(value, key), *_places(inner)]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += [(value, index), *_places(inner)]
    return found


def broken_text(whole: str) -> st.SearchStrategy[str]:
    """Cut off, with a piece missing, or with something put in."""
    at = st.integers(0, len(whole))
    return st.one_of(
        at.map(lambda end: whole[:end]),
        st.tuples(at, st.integers(1, 40)).map(lambda p: whole[: p[0]] + whole[p[0] + p[1] :]),
        st.tuples(at, WORDS).map(lambda p: whole[: p[0]] + p[1] + whole[p[0] :]),
    )
