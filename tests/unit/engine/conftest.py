"""What the store promises it promises on both databases: each of these tests runs on each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests import postgres
from tests.unit.engine.house import DATABASE_FILE, Vendor, plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres import Postgres

ON_BOTH = (
    *(
        "test_audit",
        "test_audit_damage",
        "test_database",
        "test_deliveries",
        "test_keyring",
        "test_memory",
        "test_migrations",
    ),
    *("test_notices", "test_progress", "test_runs", "test_sessions", "test_told"),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.module.__name__.rpartition(".")[2]
    if {"tmp_path", "database_of_runs"} & set(metafunc.fixturenames) and name in ON_BOTH:
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="session")
def pg() -> Iterator[Postgres]:
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(pg: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database to copy: our tables are there, and DBOS's."""
    name, folder = pg.create(), tmp_path_factory.mktemp("migrated")
    (folder / DATABASE_FILE).write_text(pg.url(name))

    async def launch() -> None:
        async with plane(folder, Vendor()):
            pass

    asyncio.run(launch())
    return name


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty one, which `house.plane(tmp_path, ...)` uses, too."""
    kind = getattr(request, "param", "")
    if not kind:
        yield ""
        return
    tmp_path: Path = request.getfixturevalue("tmp_path")
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/luthien.sqlite"
        return
    pg, migrated = request.getfixturevalue("pg"), request.getfixturevalue("migrated")
    with pg.database(migrated) as url:
        (tmp_path / DATABASE_FILE).write_text(url)
        yield url
