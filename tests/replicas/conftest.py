"""One Postgres for all of these tests; each has a database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Postgres


@pytest.fixture(scope="session")
def pg() -> Iterator[Postgres]:
    with postgres.server() as server:
        yield server
