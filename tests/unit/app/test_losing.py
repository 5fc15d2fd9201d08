"""A master key that is lost, or another one: nothing goes on before somebody says yes to it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app import checks, keeping, losing
from app.data import MAIN, DataFolder, seal_keys, tried
from app.reading import Reading
from app.settings import Settings
from engine.actor import Role
from engine.clock import SystemClock
from engine.errors import NotConfigured, Refused
from engine.secrets import generate_key, parse_keys
from engine.store.audit import GIVEN_UP, AuditTrail
from engine.store.database import open_database
from engine.store.keys import StoredKeys
from engine.store.replicas import Replicas
from tests import postgres
from tests.unit.engine.house import ADA

if TYPE_CHECKING:
    from pathlib import Path

    from engine.control_plane import AuditCheck, AuditEntry
    from engine.world import Finding

KEY = generate_key()
ID = parse_keys(KEY).current_id


def reading(folder: Path, database: str = "", key: str = "") -> Reading:
    settings = Settings(
        _env_file=None,
        luthien_data_dir=folder,
        database_url=SecretStr(database) if database else None,
        luthien_master_key=SecretStr(key) if key else None,
    )
    return Reading(settings, ())


async def fill(url: str) -> None:
    """An API key, and what was recorded about it."""
    keys = parse_keys(KEY)
    database = open_database(url, keys)
    await database.migrate()
    ends = datetime.now(UTC) + timedelta(days=9)
    await StoredKeys(database, keys, SystemClock()).create("nightly", Role.VIEWER, ADA, ends)
    await database.close()


@pytest.fixture
def used(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    data = DataFolder(folder)
    data.make()
    data.key_file.write_text(KEY)
    asyncio.run(fill(reading(folder).settings.database))
    return folder


def lost(asked: Reading, accepted: str | None = None) -> str:
    data = DataFolder(asked.settings.luthien_data_dir)
    return losing.lost_key(asked, data, accepted, "ada")


def said(asked: Reading) -> list[Finding]:
    """By doctor, about the key."""
    return list(asyncio.run(checks.master_key(asked.settings)()))


def record(asked: Reading) -> tuple[AuditCheck, AuditEntry]:
    async def look() -> tuple[AuditCheck, AuditEntry]:
        database = open_database(asked.settings.database, seal_keys(asked.settings))
        trail = AuditTrail(database)
        [newest] = await trail.entries(limit=1)
        found = await trail.verify()
        await database.close()
        return found, newest

    return asyncio.run(look())


def test_no_key_is_made_beside_a_filled_database(used: Path) -> None:
    asked, data = reading(used), DataFolder(used)
    data.key_file.unlink()
    [fault] = tried(asked).faults
    assert fault.setting == "LUTHIEN_MASTER_KEY"
    assert f"{data.key_file} is not there, though {used / MAIN} belongs to a key" in fault.wrong
    assert "luthien lost-key" in fault.how
    with pytest.raises(NotConfigured, match="is not there"):
        seal_keys(asked.settings)
    [finding] = said(asked)
    assert not finding.ok
    assert (finding.detail, finding.fix) == (fault.wrong, fault.how)
    assert not data.has_key
    data.key_file.write_text(KEY)
    assert tried(asked).faults == ()


def test_where_there_is_nothing_yet_one_is_made(tmp_path: Path) -> None:
    asked = reading(tmp_path)
    [finding] = said(asked)
    assert finding.ok
    assert "made by the first start" in finding.detail
    (tmp_path / MAIN).touch()
    assert seal_keys(asked.settings).ids
    keeping.migrate(asked)
    DataFolder(tmp_path).key_file.unlink()
    assert tried(asked).faults == (), "nobody has signed or sealed anything"
    keeping.migrate(asked)
    assert [finding.ok for finding in said(asked)] == [True]


def test_a_file_that_cannot_be_read_counts_as_filled(tmp_path: Path) -> None:
    (tmp_path / MAIN).write_text("no database at all, and long enough to be looked at" * 9)
    assert [fault.setting for fault in tried(reading(tmp_path)).faults] == ["LUTHIEN_MASTER_KEY"]


def test_what_is_lost_is_said_before_it_is_given_up(used: Path) -> None:
    asked, data = reading(used), DataFolder(used)
    with pytest.raises(Refused, match="No master key is lost"):
        lost(asked)
    data.key_file.unlink()
    told = lost(asked)
    for words in (ID, "1 API key (nightly): refused", "its 1 entry", str(data.key_file)):
        assert words in told
    assert told.endswith(f"luthien lost-key --accept {ID}")
    assert lost(asked, "another") == told
    assert not data.has_key, "nothing was done"
    done = lost(asked, ID)
    new = parse_keys(data.master_key()).current_id
    assert f"belongs to the key {new} now" in done
    assert data.key_file.stat().st_mode & 0o777 == 0o600
    check, entry = record(asked)
    assert (check.broken_at, check.rows, check.unproven) == (None, 2, 1)
    assert (entry.actor, entry.action) == ("cli:ada", GIVEN_UP)
    assert (entry.detail["key"], entry.detail["api_keys"]) == (ID, ["nightly"])
    [finding] = said(asked)
    assert not finding.ok
    assert "API key nightly" in finding.detail
    data.key_file.write_text(f"{data.master_key()},{KEY}")
    [finding] = said(asked)
    assert finding.ok, "found again"
    assert "1 API key go" in finding.detail


def test_a_damaged_key_is_kept_beside_the_new_one(used: Path) -> None:
    asked, data = reading(used), DataFolder(used)
    data.key_file.write_text("damaged")
    assert "luthien lost-key" in tried(asked).faults[0].how
    lost(asked, ID)
    [kept] = used.glob("master.key.unreadable-*")
    assert kept.read_text() == "damaged"
    assert record(asked)[0].broken_at is None


def test_another_key_is_named_and_starts_nothing(used: Path) -> None:
    other = generate_key()
    asked = reading(used, key=other)
    [finding] = said(asked)
    assert not finding.ok
    assert ID in finding.detail
    assert parse_keys(other).current_id in finding.detail
    with pytest.raises(NotConfigured, match="another master key"):
        keeping.migrate(asked)
    with pytest.raises(NotConfigured, match="another master key"):
        keeping.move(asked, "postgresql+psycopg://postgres@127.0.0.1:1/x")
    both = reading(used, key=f"{other},{KEY}")
    assert keeping.migrate(both)
    assert [finding.ok for finding in said(both)] == [True]


def test_restore_says_which_key_it_wants(used: Path, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar.gz"
    keeping.backup(reading(used), archive)
    told = keeping.restore(reading(used), archive)
    assert "what was there lies beside it" in told
    assert f"belongs to the master key in {used / 'master.key'}" in told
    empty = tmp_path / "r2"
    told = keeping.restore(reading(empty), archive)
    assert "nothing was there" in told
    assert f"put the key {ID} of that time to {empty / 'master.key'}, before anything" in told
    assert not (empty / "master.key").exists()
    told = keeping.restore(reading(empty), archive)
    assert "what was there lies beside it" in told, "without a key, too"
    assert keeping.backup(reading(empty), tmp_path / "again.tar.gz")
    other = reading(empty, key=generate_key())
    told = keeping.restore(other, archive)
    assert "belongs to another master key than the one in LUTHIEN_MASTER_KEY" in told
    assert f"put the key {ID} there" in told


def test_a_tampered_end_is_a_finding_and_no_lost_key(used: Path) -> None:
    asked = reading(used)

    async def damage(statement: str) -> None:
        database = open_database(asked.settings.database)
        async with database.write() as session:
            await session.execute(text(statement))
        await database.close()

    for statement in ("UPDATE audit_head SET seal = hash", "DELETE FROM audit_head"):
        asyncio.run(damage(statement))
        key, end = said(asked)
        assert key.ok
        assert (end.name, end.ok, end.fix) == ("Audit", False, "luthien audit verify")
        assert keeping.migrate(asked)
        with pytest.raises(Refused, match="No master key is lost"):
            lost(asked)


def test_a_wrong_key_on_postgres_is_found_without_any_other_replica(tmp_path: Path) -> None:
    with postgres.server() as pg, pg.database() as url:
        asyncio.run(fill(url))
        asked = reading(tmp_path, url, generate_key())
        with pytest.raises(NotConfigured, match="another master key"):
            keeping.migrate(asked)
        [finding] = said(asked)
        assert not finding.ok
        assert ID in finding.detail

        async def beside() -> None:
            keys = parse_keys(KEY)
            database = open_database(url, keys)
            replica = Replicas(database, "1", keys=keys)
            await replica.join(timedelta(minutes=1))
            with pytest.raises(Refused, match="replicas are running with it"):
                await asyncio.to_thread(lost, asked, ID)
            await replica.leave()
            await database.close()

        asyncio.run(beside())
        assert "1 API key (nightly)" in lost(asked)
        assert f"The lost key ({ID}) is given up" in lost(asked, ID)
        check, entry = record(asked)
        assert (check.broken_at, entry.action) == (None, GIVEN_UP)
