"""Every made-up secret of a unit test is a canary (tests/canaries.py): after each test its logs,
tracebacks included, its files and the metrics are searched for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from tests.canaries import MARK, contents, found, logged, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPELT = spellings({MARK: "a made-up secret"})


@pytest.fixture(autouse=True)
def no_canary_escapes(request: pytest.FixtureRequest) -> Iterator[None]:
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    with logged() as lines:
        yield
    sinks = {"the log": ["\n".join(lines).encode()], "metrics": [generate_latest()]}
    for path in folder.rglob("*") if folder else ():
        if path.is_file() and path.name != GIVEN:
            sinks[path.name] = list(contents(path))
    escaped = {s: found(_SPELT, c) for s, some in sinks.items() for c in some}
    assert not any(escaped.values()), f"secrets escaped: {escaped}"


GIVEN = "given.secret"
"""What a person gives: a file of theirs."""
