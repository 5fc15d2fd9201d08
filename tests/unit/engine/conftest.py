"""What the engine promises it promises on both databases: each of these tests runs on each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.store.database import open_database
from tests import postgres
from tests.unit.engine.house import DATABASE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Postgres

APART = ("test_commands", "test_moves", "test_secrets", "test_words")
"""They need no database."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.module.__name__.rpartition(".")[2]
    if "tmp_path" in metafunc.fixturenames and name not in APART:
        metafunc.fixturenames.append("database")
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="session")
def pg() -> Iterator[Postgres]:
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(pg: Postgres) -> str:
    """A database to copy: our tables are there, empty."""
    name = pg.create()

    async def migrate() -> None:
        database = open_database(pg.url(name))
        await database.migrate()
        await database.close()

    asyncio.run(migrate())
    return name


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty one, which `house.plane(tmp_path, ...)` uses, too."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/luthien.sqlite"
        return
    pg, migrated = request.getfixturevalue("pg"), request.getfixturevalue("migrated")
    with pg.database(migrated) as url:
        (tmp_path / DATABASE_FILE).write_text(url)
        yield url
