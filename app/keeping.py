"""What keeps the record safe: `migrate`, `backup`, `restore`, `move`."""

from __future__ import annotations

import asyncio
import io
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from app.data import DISPATCH, MAIN, DataFolder, seal_keys, tried
from engine.errors import InvalidInput, NotFound, Refused
from engine.store.copying import Copied, NotWhole, check_file, copy, is_empty, snapshot
from engine.store.database import check_url, open_database

if TYPE_CHECKING:
    from app.reading import Reading
    from app.settings import Settings
    from engine.secrets import SealKeys
    from engine.store.audit_head import Signature

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
    settings = _settings(reading, needs_key=False)
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
    settings = _settings(reading, needs_key=False)
    main, dispatch = _files(settings)
    data = DataFolder(settings.luthien_data_dir)
    with (
        data.own("restore", wait=_AT_ONCE, database=settings.database_file),
        tempfile.TemporaryDirectory(prefix="luthien-restore-", dir=data.path) as folder,
    ):
        fresh = _unpacked(source, Path(folder))
        kept, replaced = datetime.now(UTC).strftime(".before-%Y%m%dT%H%M%SZ"), main.exists()
        for place, name in ((main, MAIN), (dispatch, DISPATCH)):
            for end in ("", "-wal", "-shm"):
                there = place.with_name(place.name + end)
                if there.exists():
                    there.rename(there.with_name(place.name + kept + end))
            if name in fresh:
                fresh[name].chmod(0o600)
                fresh[name].rename(place)
    beside = (
        f"what was there lies beside it as {main.name}{kept}" if replaced else "nothing was there"
    )
    return f"{main} is restored; {beside}.\n{_key_of(reading)}"


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


def _settings(reading: Reading, *, needs_key: bool = True) -> Settings:
    """Of Slack and Railway nothing is needed."""
    checked = tried(reading)
    needed = {"DATABASE_URL", "LUTHIEN_DATA_DIR"} | (
        {"LUTHIEN_MASTER_KEY"} if needs_key else set()
    )
    if checked.faulty & needed:
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
    return (
        f"{without} the master key ({_key_in(reading)}). Keep a copy of it elsewhere: what is"
        " sealed in the database, such as the private ways to answer, can never be read without"
        " it."
    )


def _key_in(reading: Reading) -> str:
    if reading.settings.luthien_master_key is not None:
        return "LUTHIEN_MASTER_KEY"
    return str(DataFolder(reading.settings.luthien_data_dir).key_file)


def _key_of(reading: Reading) -> str:
    """Whether the key that is here is that of what was restored, and what is to be done."""
    where, lost = _key_in(reading), "If it is lost for good: luthien lost-key"
    given = "LUTHIEN_MASTER_KEY" not in tried(reading).faulty
    keys = seal_keys(reading.settings) if given else None
    found = asyncio.run(_signature(reading.settings, keys))
    if keys is None:
        return (
            f"A backup does not hold the master key. Next: put {_id(found)} of that time to"
            f" {where}, before anything is started. {lost}"
        )
    if found is not None and found.foreign:
        return (
            f"It belongs to another master key than the one in {where} ({keys.current_id}). Next:"
            f" put {_id(found)} there, or behind the present one with a comma. {lost}"
        )
    fits = "belongs to the master key" if found and found.signer else "says nothing of the key"
    return f"It {fits} in {where}; keep a copy of that elsewhere, no backup holds it."


def _id(found: Signature | None) -> str:
    return f"the key {found.key_id}" if found and found.key_id else "the key"


async def _signature(settings: Settings, keys: SealKeys | None) -> Signature | None:
    database = open_database(settings.database, keys)
    try:
        return await database.signature()
    finally:
        await database.close()
