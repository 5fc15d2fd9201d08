"""Every made-up secret of a unit test is a canary (tests/canaries.py): after each test its logs,
tracebacks included, its files and the metrics are searched for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest
from typing_extensions import override

from tests.canaries import MARK, contents, found, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPELT = spellings({MARK: "a made-up secret"})


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.said: list[str] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture(autouse=True)
def no_canary_escapes(request: pytest.FixtureRequest) -> Iterator[None]:
    lines = _Lines()
    logging.getLogger().addHandler(lines)
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    try:
        yield
    finally:
        logging.getLogger().removeHandler(lines)
    sinks = {"the log": ["\n".join(lines.said).encode()], "metrics": [generate_latest()]}
    for path in folder.rglob("*") if folder else ():
        if path.is_file() and path.name != GIVEN:
            sinks[path.name] = list(contents(path))
    escaped = {s: found(_SPELT, c) for s, some in sinks.items() for c in some}
    assert not any(escaped.values()), f"secrets escaped: {escaped}"


GIVEN = "given.secret"
"""What a person gives: a file of theirs."""
