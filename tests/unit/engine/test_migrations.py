"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.store.database import open_database
from engine.store.models import Row

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection


async def test_models_and_migrations_agree(tmp_path: Path) -> None:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/fresh.sqlite")
    await database.migrate()
    await database.migrate()  # a second start changes nothing

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, Row.metadata))

    async with database.read() as session:
        connection = await session.connection()
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_the_database_is_durable_and_has_one_writer(tmp_path: Path) -> None:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/fresh.sqlite")
    await database.migrate()
    async with database.read() as session:
        connection = await session.connection()
        journal = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar()
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar()
    await database.close()
    assert (journal, synchronous) == ("wal", 2)
