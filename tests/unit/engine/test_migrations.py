"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from engine.store import migrations, schema
from engine.store.database import open_database
from engine.store.models import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

VERSIONS = Path(migrations.__file__).with_name("versions")


async def test_models_and_migrations_agree(tmp_path: Path, database: str) -> None:
    opened = open_database(database)
    await opened.migrate()
    await opened.migrate()  # a second start changes nothing

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, Row.metadata))

    async with opened.read() as session:
        connection = await session.connection()
        assert await connection.run_sync(differences) == []
    await opened.close()


async def test_what_is_made_at_once_is_what_the_migrations_come_to(
    tmp_path: Path,
    database: str,
) -> None:
    opened = open_database(database)

    def both(connection: Connection) -> tuple[object, object]:
        Row.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
        savepoint = connection.begin_nested()
        schema.migrate(connection)
        step_by_step = described(connection)
        savepoint.rollback()
        schema.bring_up(connection, None)
        return step_by_step, described(connection)

    async with opened.write() as session:
        connection = await session.connection()
        step_by_step, at_once = await connection.run_sync(both)
    await opened.close()
    assert at_once == step_by_step


def described(connection: Connection) -> dict[str, object]:
    """All that the database says of its tables."""
    seen = inspect(connection)

    def sorted_texts(found: Iterable[object]) -> list[str]:
        return sorted(map(str, found))

    return {
        table: (
            {column["name"]: str(column) for column in seen.get_columns(table)},
            seen.get_pk_constraint(table),
            sorted_texts(seen.get_foreign_keys(table)),
            sorted_texts(seen.get_unique_constraints(table)),
            sorted_texts(seen.get_check_constraints(table)),
            sorted_texts(seen.get_indexes(table)),
        )
        for table in seen.get_table_names()
    } | {"version": connection.scalar(text("SELECT version_num FROM alembic_version"))}


@pytest.mark.parametrize("revision", sorted(VERSIONS.glob("0*.py")), ids=lambda path: path.stem)
def test_migrations_only_expand(revision: Path) -> None:
    """Old and new code use one schema while replicas are exchanged one by one: a table or column
    may come, and none may go, be renamed or become stricter."""
    tree = ast.parse(revision.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    done = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    changing = {
        name for name in done if name.startswith(("drop_", "alter_", "rename_", "execute"))
    }
    assert not changing, f"{revision.name} has {changing}"
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_column":
            (column,) = (arg for arg in call.args if isinstance(arg, ast.Call))
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in column.keywords}
            lax = given.get("nullable") == "True" or "server_default" in given
            assert lax, f"{revision.name}: old code inserts rows without {ast.unparse(column)}"


async def test_the_embedded_database_is_durable_and_has_one_writer(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("embedded")
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/fresh.sqlite")
    await database.migrate()
    async with database.read() as session:
        connection = await session.connection()
        journal = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar()
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar()
    await database.close()
    assert (journal, synchronous) == ("wal", 2)
