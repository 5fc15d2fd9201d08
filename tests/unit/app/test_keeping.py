"""Backups, and the way from SQLite to Postgres: nothing is lost, and nothing is taken on trust."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app import keeping
from app.data import DISPATCH, MAIN, DataFolder
from app.reading import Reading
from app.settings import Settings
from engine.errors import Locked, OpsError, Refused
from engine.secrets import parse_keys
from engine.store import audit
from engine.store.database import open_database
from tests import postgres
from tests.unit.engine.house import ADA, KEY, OPS, Build, Vendor, plane

if TYPE_CHECKING:
    from pathlib import Path


def reading(folder: Path, database: str = "") -> Reading:
    url = SecretStr(database) if database else None
    return Reading(Settings(_env_file=None, luthien_data_dir=folder, database_url=url), ())


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A data folder after one run, with a key that sealed something."""
    folder = tmp_path / "data"
    data = DataFolder(folder)
    data.make()
    data.key_file.write_text(KEY)

    async def once() -> None:
        async with plane(tmp_path, Vendor()) as opened:
            run = await opened.submit(ADA, Build(), OPS)
            async for _ in opened.follow(run.id):
                pass

    asyncio.run(once())
    (tmp_path / "luthien.sqlite").rename(folder / MAIN)
    (tmp_path / "dispatch.sqlite").rename(folder / DISPATCH)
    return folder


def rows(database: Path) -> list[tuple[object, ...]]:
    found = sqlite3.connect(database)
    try:
        return found.execute("SELECT seq, action, hash FROM audit ORDER BY seq").fetchall()
    finally:
        found.close()


def test_a_backup_taken_while_somebody_writes_is_restored_whole(
    used: Path, tmp_path: Path
) -> None:
    before, archive = rows(used / MAIN), tmp_path / "backup.tar.gz"
    writer = sqlite3.connect(used / MAIN)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM audit")
    said = keeping.backup(reading(used), archive)
    writer.commit()
    writer.close()
    assert "does not hold the master key" in said
    assert str(used / "master.key") in said
    assert DataFolder(used).master_key().encode() not in archive.read_bytes()
    assert rows(used / MAIN) == []
    keeping.restore(reading(used), archive)
    assert rows(used / MAIN) == before
    [kept] = used.glob("luthien.db.before-*Z")
    assert rows(kept) == []


def test_a_backup_replaces_no_file_and_rubbish_is_not_restored(used: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar.gz"
    archive.write_text("something else")
    with pytest.raises(Refused, match="exists already"):
        keeping.backup(reading(used), archive)
    before = rows(used / MAIN)
    with pytest.raises(Refused, match="no backup"):
        keeping.restore(reading(used), archive)
    assert rows(used / MAIN) == before


def test_nothing_is_restored_or_moved_under_a_running_server(used: Path, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar.gz"
    keeping.backup(reading(used), archive)
    with DataFolder(used).own("serve", wait=timedelta(0)):
        with pytest.raises(Locked, match="serve"):
            keeping.restore(reading(used), archive)
        with pytest.raises(Locked, match="serve"):
            keeping.move(reading(used), "postgresql+psycopg://postgres@127.0.0.1:1/x")


def test_everything_moves_to_postgres_and_goes_on_there(used: Path) -> None:
    with postgres.server() as pg, pg.database() as url:
        said = keeping.move(reading(used), url)
        assert "1 runs" in said
        assert "LUTHIEN_MASTER_KEY" in said
        with pytest.raises(Refused, match="not empty"):
            keeping.move(reading(used), url)

        async def look() -> None:
            database = open_database(url, parse_keys(DataFolder(used).master_key()))
            async with database.read() as session:
                kept = await session.execute(
                    text("SELECT seq, action, hash FROM audit ORDER BY seq")
                )
                assert [tuple(row) for row in kept] == rows(used / MAIN)
                last = await session.scalar(text("SELECT max(seq) FROM events"))
            async with database.write() as session:
                at = datetime.now(UTC)
                await audit.append(session, at=at, actor="cli:ada", action="test")
                follows = await session.scalar(
                    text(
                        "INSERT INTO events (run_id, at, kind, data)"
                        " VALUES ('r', now(), 'queued', '{}') RETURNING seq"
                    )
                )
                assert follows == (last or 0) + 1
                assert await audit.first_break(session) is None
            await database.close()

        asyncio.run(look())
        assert keeping.migrate(reading(used, url))
        with pytest.raises(OpsError, match="embedded SQLite"):
            keeping.backup(reading(used, url), used / "x")
        with pytest.raises(OpsError, match="embedded SQLite"):
            keeping.move(reading(used, url), url)
        with pytest.raises(OpsError, match="no Postgres address"):
            keeping.move(reading(used), f"sqlite+aiosqlite:///{used}/other.db")
