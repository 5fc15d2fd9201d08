"""What keeps the record safe: `migrate`, `backup`, `restore`, `move`."""

from __future__ import annotations

import asyncio
import io
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.data import DataFolder, seal_keys, tried
from engine.errors import InvalidInput, NotFound, Refused
from engine.store.copying import Copied, NotWhole, check_file, copy, is_empty, snapshot
from engine.store.database import check_url, open_database

if TYPE_CHECKING:
    from app.reading import Reading
    from app.settings import Settings
    from engine.secrets import SealKeys

MAIN, DISPATCH = "luthien.db", "dispatch.db"
_AT_ONCE = timedelta(0)


def migrate(reading: Reading) -> str:
    """Safe beside running replicas: migrations only ever add. Raises NotConfigured."""
    settings = _settings(reading)

    async def run() -> None:
        database = open_database(settings.database, seal_keys(settings))
        try:
            await database.migrate()
        finally:
            await database.close()

    asyncio.run(run())
    return "The database has this version's schema."


def backup(reading: Reading, target: Path) -> str:
    """One archive of both SQLite files as they are at one moment each, also while a server runs.
    The run table decides what is to be done, so they need not be of the same moment."""
    settings = _settings(reading)
    main, dispatch = _files(settings)
    if not main.exists():
        raise NotFound(
            f"There is no database {main} yet.",
            why="It is made by the first start.",
            next_step="luthien serve",
        )
    if target.exists():
        raise Refused(
            f"{target} exists already.",
            why="A backup never replaces another one.",
            who="Whoever asks for it chooses another name.",
            next_step=f"luthien backup another-{target.name}",
        )
    with tempfile.TemporaryDirectory(prefix="luthien-backup-", dir=target.absolute().parent) as to:
        archive = Path(to) / "archive"
        archive.touch(mode=0o600)
        with tarfile.open(archive, "w:gz") as packed:
            for source, name in ((main, MAIN), (dispatch, DISPATCH)):
                if source.exists():
                    snapshot(source, Path(to) / name)
                    check_file(Path(to) / name)
                    packed.add(Path(to) / name, arcname=name)
        archive.rename(target)
    return f"{target}: {target.stat().st_size:,} bytes.\n" + _key_said(reading, "It does not hold")


def restore(reading: Reading, source: Path) -> str:
    """Put a backup in place of what is there, which is kept beside it. Raises Locked while a
    server runs."""
    settings = _settings(reading)
    main, dispatch = _files(settings)
    data = DataFolder(settings.luthien_data_dir)
    with (
        data.own("restore", wait=_AT_ONCE, database=settings.database_file),
        tempfile.TemporaryDirectory(prefix="luthien-restore-", dir=data.path) as folder,
    ):
        fresh = _unpacked(source, Path(folder))
        kept = datetime.now(UTC).strftime(".before-%Y%m%dT%H%M%SZ")
        for place, name in ((main, MAIN), (dispatch, DISPATCH)):
            for end in ("", "-wal", "-shm"):
                there = place.with_name(place.name + end)
                if there.exists():
                    there.rename(there.with_name(place.name + kept + end))
            if name in fresh:
                fresh[name].chmod(0o600)
                fresh[name].rename(place)
    said = f"{main} is restored; what was there lies beside it as {main.name}{kept}.\n"
    return said + _key_said(reading, "A backup does not hold")


def move(reading: Reading, to: str) -> str:
    """Copy everything into an empty Postgres. Raises Locked while a server runs."""
    settings = _settings(reading)
    _files(settings)
    try:
        check_url(to)
    except ValueError as wrong:
        raise InvalidInput(f"--to {wrong}.", next_step="luthien move --help") from None
    if to.startswith("sqlite"):
        raise InvalidInput("--to is no Postgres address.", next_step="luthien move --help")
    data = DataFolder(settings.luthien_data_dir)
    with data.own("move", wait=_AT_ONCE, database=settings.database_file):
        copied = asyncio.run(_move(settings.database, to, seal_keys(settings)))
    return (
        f"{copied.total} rows moved, {copied.rows['runs']} runs and {copied.rows['audit']} audit"
        " rows among them, their chain as it was.\nNext: set DATABASE_URL to that address. "
        + _key_said(reading, "Set LUTHIEN_MASTER_KEY to the key: Postgres does not hold")
    )


async def _move(source: str, target: str, keys: SealKeys) -> Copied:
    here, there = open_database(source, keys), open_database(target, keys)
    try:
        await here.migrate()
        await there.migrate()
        if not await is_empty(there):
            raise Refused(
                "The Postgres database is not empty.",
                why="Its rows and these would be mixed.",
                who="Whoever runs luthien-ops names an empty one.",
                next_step="luthien move --help",
            )
        return await copy(here, there)
    except NotWhole as wrong:
        raise Refused(
            "Nothing was moved: the copy is not whole.",
            why=str(wrong),
            who="Whoever runs luthien-ops still has everything in SQLite.",
            next_step="luthien audit verify",
        ) from None
    finally:
        await here.close()
        await there.close()


def _settings(reading: Reading) -> Settings:
    """Of Slack and Railway nothing is needed."""
    checked = tried(reading)
    if checked.faulty & {"DATABASE_URL", "LUTHIEN_DATA_DIR", "LUTHIEN_MASTER_KEY"}:
        checked.usable(serving=False)
    return checked.settings


def _files(settings: Settings) -> tuple[Path, Path]:
    """Of the embedded database. Raises Refused for another one."""
    if not settings.database.startswith("sqlite"):
        raise Refused(
            "This is for the embedded SQLite database, and DATABASE_URL names Postgres.",
            why="Postgres has tools of its own for it.",
            who="Whoever runs that server: pg_dump and pg_restore, or the host's own backups.",
            next_step="pg_dump",
        )
    main = settings.sqlite_file or settings.luthien_data_dir / MAIN
    return main, settings.luthien_data_dir / DISPATCH


def _unpacked(source: Path, folder: Path) -> dict[str, Path]:
    """The databases of a backup, found whole."""
    try:
        with tarfile.open(source, "r:gz") as packed:
            found = {}
            for name in (MAIN, DISPATCH):
                if name in packed.getnames():
                    member = packed.extractfile(name) or io.BytesIO()
                    found[name] = folder / name
                    found[name].write_bytes(member.read())
                    check_file(found[name])
    except (OSError, tarfile.TarError, EOFError, NotWhole) as wrong:
        found, why = {}, str(wrong)
    else:
        why = f"It holds no {MAIN}."
    if MAIN not in found:
        raise Refused(
            f"{source} is no backup of luthien-ops.",
            why=why,
            who="Nothing was changed; name a file that `luthien backup` has made.",
            next_step="luthien restore --help",
        )
    return found


def _key_said(reading: Reading, without: str) -> str:
    where = "LUTHIEN_MASTER_KEY"
    if reading.settings.luthien_master_key is None:
        where = str(DataFolder(reading.settings.luthien_data_dir).key_file)
    return (
        f"{without} the master key ({where}). Keep a copy of it elsewhere: what is sealed in the"
        " database, such as the private ways to answer, can never be read without it."
    )
