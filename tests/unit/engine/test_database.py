from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, select, text

from engine.errors import NotConfigured
from engine.store import audit
from engine.store.database import open_database
from engine.store.models import AuditRow, MemoryRow

if TYPE_CHECKING:
    from pathlib import Path

    from engine.store.database import Database
    from tests.postgres import Postgres


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@127.0.0.1:1/x",
        "postgresql+psycopg://ada:secret@127.0.0.1:1/x",
        "sqlite+aiosqlite:///{folder}",
        "sqlite+aiosqlite:///{folder}/file/x.db",
        "sqlite+aiosqlite:///{folder}/file",
    ],
)
async def test_a_database_that_cannot_be_opened_is_refused_in_our_words(
    tmp_path_factory: pytest.TempPathFactory, url: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("closed")
    (tmp_path / "file").write_text("no database, " * 99)
    with pytest.raises(NotConfigured, match="cannot be opened") as refused:
        await open_database(url.format(folder=tmp_path)).migrate()
    assert refused.value.why
    assert ("a copy" if url.startswith("sqlite") else "DATABASE_URL") in refused.value.who
    assert "secret" not in str(refused.value)


async def test_writers_of_several_processes_take_turns(tmp_path: Path, database: str) -> None:
    """Here connections of two pools: what one has read while writing stays true until it ends."""
    both = [open_database(database) for _ in range(2)]
    await both[0].migrate()

    async def record(used: Database, number: int) -> None:
        async with used.write() as session:
            at = datetime.now(UTC)
            await audit.append(session, at=at, actor="cli:ada", action="test", subject=str(number))

    await asyncio.gather(*(record(both[n % 2], n) for n in range(20)))
    async with both[1].read(one_moment=True) as session:
        assert await audit.first_break(session) is None
        assert len(list(await session.scalars(select(AuditRow.seq)))) == 20
    for used in both:
        await used.close()


async def test_several_processes_may_migrate_at_once(pg: Postgres) -> None:
    with pg.database() as url:
        several = [open_database(url) for _ in range(3)]
        await asyncio.gather(*(used.migrate() for used in several))
        async with several[0].read() as session:
            assert list(await session.scalars(select(AuditRow.seq))) == []
        for used in several:
            await used.close()


async def test_a_schema_of_a_newer_version_is_left_alone(tmp_path: Path, database: str) -> None:
    used = open_database(database)
    await used.migrate()
    async with used.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await used.migrate()
    async with used.read() as session:
        assert await session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    await used.close()


async def test_who_is_waited_for_does_not_wait_behind_many_transactions(tmp_path: Path) -> None:
    opened = open_database(f"sqlite+aiosqlite:///{tmp_path / 'turns.sqlite'}")
    await opened.migrate()
    order: list[str] = []

    async def write(name: str) -> None:
        async with opened.write():
            order.append(name)
            await asyncio.sleep(0)

    async def put() -> None:
        row = {"kind": "turn", "key": "put", "version": 1, "value": {}}
        await opened.put(insert(MemoryRow).values(row).returning(MemoryRow.key))
        order.append("put")

    writes = [asyncio.create_task(write(f"write {n}")) for n in range(5)]
    await asyncio.sleep(0)
    await asyncio.gather(put(), *writes)
    await opened.close()
    assert order.index("put") <= 2, order
    assert [name for name in order if name != "put"] == [f"write {n}" for n in range(5)]
