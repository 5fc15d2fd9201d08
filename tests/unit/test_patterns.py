"""No pattern of ours can be kept busy by what somebody sends: each is fast on the texts that are
the worst for patterns. (One that needs the square of the length would take minutes here.)"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator

import pytest

PACKAGES = ("api", "app", "bot", "commands", "engine", "providers", "scheduler")
LONG = 40_000
PIECES = (
    *("a", "A", "1", "_", "-", " ", "/", "=", ":", "@", ".", "<", "{", '"', "'", "`", "\\", "\n"),
    *("a1", "a ", "a.", "a-", "a_", "A_", "a:", "a@", "a=", "a/", "://", "http://", "://a:"),
    *("eyJ", "sk-", "xox", "<@", "<!", "<a|", "${{", "{{", "key=", "_key=", "token=", "Bearer "),
    *("https://x/commands", "postgres://a:b", "-----BEGIN ", "KEY_", "0.", "1d", "\u00e9", "*a"),
)
ENOUGH_S = 3.0


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    for package in PACKAGES:
        root = importlib.import_module(package)
        for found in pkgutil.walk_packages(root.__path__, f"{package}."):
            if ".migrations" in found.name or found.name.endswith("__main__"):
                continue
            module = importlib.import_module(found.name)
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                    yield f"{found.name}.{name}", value


@pytest.mark.parametrize(("name", "pattern"), sorted(dict(patterns()).items()))
def test_a_pattern_is_fast_on_the_worst_texts(name: str, pattern: re.Pattern[str]) -> None:
    for piece in PIECES:
        text = (piece * LONG)[:LONG]
        for worst in (text, f"{text}!"):
            began = time.process_time()
            pattern.sub("", worst)
            pattern.fullmatch(worst)
            assert time.process_time() - began < ENOUGH_S, f"{name} on {piece!r} again and again"
