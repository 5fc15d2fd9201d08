"""No pattern of ours can be kept busy by what somebody sends: its time grows with the length of a
text, not with the square of it. Each is tried with texts made of what it repeats itself, which end
in what it takes and in what it does not take (where it has to go back), and of what is commonly
bad for patterns.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
import re._constants as sre  # type: ignore[import-not-found] # the parser of patterns has no stubs
import re._parser as sre_parser  # type: ignore[import-not-found]
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ("api", "app", "bot", "commands", "engine", "providers", "scheduler")
ENDINGS = ("", "!", "x", "\0", " é", "\n")
PIECES = (
    *("a", "A", "1", "_", "-", " ", "/", "=", ":", "@", ".", "<", "{", '"', "'", "`", "\\", "\n"),
    *("a1", "a ", "a.", "a-", "a_", "A_", "a:", "a@", "a=", "a/", "://", "http://", "://a:"),
    *("eyJ", "sk-", "xox", "<@", "<!", "<a|", "${{", "{{", "key=", "_key=", "token=", "Bearer "),
    *("https://x/commands", "postgres://a:b", "-----BEGIN ", "KEY_", "0.", "1d", "\u00e9", "*a"),
)
SHORT = 2_000
LONGER = 4
"""Times SHORT: what grows with the length takes 4 times as long, with its square 16 times."""
MOST_GROWTH = 9
NOTICEABLE_S = 0.001
"""Of processor time on SHORT; what takes less is far from the square of the length."""


def patterns() -> dict[str, re.Pattern[str]]:
    """Each once, by where it stands."""
    found = {p.pattern: (where, p) for where, p in [*_inline(), *_kept()]}
    return {f"{where}: {pattern[:40]}": p for pattern, (where, p) in found.items()}


def _kept() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Patterns of modules and classes, alone and in lists and tables."""
    for package in PACKAGES:
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if ".migrations" in found.name or found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                for pattern in _in(value, deep=3):
                    yield f"{found.name}.{name}", pattern


def _in(value: object, *, deep: int) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield value
    elif deep and isinstance(value, dict):
        for one in [*value, *value.values()]:
            yield from _in(one, deep=deep - 1)
    elif deep and isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _in(one, deep=deep - 1)
    elif deep and dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _in(list(vars(value).values()), deep=deep - 1)


def _inline() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Patterns that are written where they are used: `re.sub(r"…", …)`."""
    for package in PACKAGES:
        for path in sorted(Path(package).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                    continue
                of = call.func.value
                if not (isinstance(of, ast.Name) and of.id == "re" and call.args):
                    continue
                text = call.args[0]
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    # Where it is used from the start of a text only, it is tried so.
                    start = r"\A" if call.func.attr in ("match", "fullmatch") else ""
                    yield f"{path}:{call.lineno}", re.compile(start + text.value)


def pieces(pattern: re.Pattern[str]) -> Iterable[str]:
    """What the pattern repeats, by itself and after what stands before it."""
    tree = sre_parser.parse(pattern.pattern, pattern.flags)
    return dict.fromkeys(word[:40] for word in (*PIECES, *_repeated(tree)) if word)


def _repeated(tree: Any) -> Iterator[str]:
    before = ""
    for op, value in tree:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            for sample in _samples(value[2]):
                yield sample
                yield before + sample
        for part in _parts(op, value):
            yield from _repeated(part)
        before += next(iter(_samples([(op, value)])), "")
    yield before


def _parts(op: Any, value: Any) -> list[Any]:
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [value[2]]
    if op is sre.SUBPATTERN:
        return [value[3]]
    if op is sre.BRANCH:
        return list(value[1])
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    return []


_OF_CATEGORY = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_SPACE: " \n",
    sre.CATEGORY_WORD: "a_",
    sre.CATEGORY_NOT_DIGIT: "a",
    sre.CATEGORY_NOT_SPACE: "a.",
    sre.CATEGORY_NOT_WORD: ".",
}


def _samples(tree: Any) -> list[str]:
    """A few texts that the tree takes; look-arounds are left out of account."""
    texts = [""]
    for op, value in tree:
        texts = [text + one for text in texts[:4] for one in _of(op, value)][:8]
    return texts


def _of(op: Any, value: Any) -> list[str]:
    if op is sre.LITERAL:
        return [chr(value)]
    if op is sre.NOT_LITERAL:
        return ["a" if value != ord("a") else "b"]
    if op is sre.ANY:
        return ["a", "."]
    if op is sre.IN:
        return _of_class(value)
    if op is sre.CATEGORY:
        return list(_OF_CATEGORY[value])
    if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least = value[0]
        return [one * max(1, least) for one in _samples(value[2])]
    if op is sre.SUBPATTERN:
        return _samples(value[3])
    if op is sre.BRANCH:
        return [one for branch in value[1] for one in _samples(branch)[:2]][:6]
    return [""]


def _of_class(members: Any) -> list[str]:
    if members and members[0][0] is sre.NEGATE:
        text = "".join(one for m in members[1:] for one in _of(*m) if m[0] is not sre.RANGE)
        return [c for c in "a1 .<:/-" if c not in text][:4]
    found = []
    for op, value in members:
        found += [chr(value[0])] if op is sre.RANGE else _of(op, value)
    return found[:12]


def spent(pattern: re.Pattern[str], text: str, times: int = 3) -> float:
    """Processor time; the least of some, so that it is the pattern's own."""
    least = float("inf")
    for _ in range(times):
        began = time.process_time()
        pattern.sub("", text)
        pattern.fullmatch(text)
        least = min(least, time.process_time() - began)
        if least < NOTICEABLE_S:
            break
    return least


def is_quadratic(pattern: re.Pattern[str], piece: str) -> bool:
    for ending in ENDINGS:
        short, long = ((piece * n)[:n] + ending for n in (SHORT, SHORT * LONGER))
        took = spent(pattern, short)
        if took < NOTICEABLE_S:
            continue
        if spent(pattern, long, times=1) > MOST_GROWTH * took:  # or something came between
            return spent(pattern, long) > MOST_GROWTH * spent(pattern, short)
    return False


PATTERNS = patterns()


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_the_time_of_a_pattern_grows_with_the_text_only(name: str) -> None:
    pattern = PATTERNS[name]
    assert next((piece for piece in pieces(pattern) if is_quadratic(pattern, piece)), "") == ""


@pytest.mark.parametrize("bad", [r"[\s.!?,;:…]+$", r"\b[\w-]*key[\w-]*=", r"<[^>]*>", r"\s+\Z"])
def test_a_bad_pattern_is_found(bad: str) -> None:
    pattern = re.compile(bad)
    assert any(is_quadratic(pattern, piece) for piece in pieces(pattern))


def test_there_are_patterns_to_look_at() -> None:
    assert len(PATTERNS) > 60
    assert any(name.startswith("providers.railway.masking._PATTERNS") for name in PATTERNS)
    assert any(name.startswith("app/values.py:") for name in PATTERNS)
