"""`luthien lost-key`: what goes with a master key that is lost, and going on without it.

The one way by which a database comes to belong to another key than the one that has signed it.
Nothing is removed: is the lost key found again, it is put behind the present one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app.data import key_place, tried
from engine.clock import SystemClock
from engine.errors import Refused
from engine.secrets import generate_key, parse_keys
from engine.store.audit import GIVEN_UP, AuditTrail, Fact
from engine.store.database import open_database
from engine.store.keyring import StoredKeyring
from engine.store.replicas import living
from engine.words import plural

if TYPE_CHECKING:
    from app.data import DataFolder
    from app.reading import Reading
    from app.settings import Settings
    from engine.control_plane import AuditCheck
    from engine.keyring import Census
    from engine.secrets import SealKeys

UNKNOWN = "unknown"
"""What is accepted where nothing says which key it was."""


@dataclass(frozen=True)
class _Loss:
    key_id: str
    """Of the key that is not here; `unknown` where nothing says it."""
    census: Census
    check: AuditCheck
    """As far as it can be told without the key."""

    @property
    def told(self) -> str:
        said = ["What goes with it:"]
        if self.census.lost:
            values = plural(self.census.lost, "sealed value")
            said.append(
                f"- {values} (answers to deliveries, values that wait in runs, forms): never to be"
                " read again."
            )
        if names := self.census.lost_api_keys:
            keys = f"{plural(len(names), 'API key')} ({', '.join(names)})"
            said.append(f"- {keys}: refused, to be made anew.")
        chain = (
            "follow from one another"
            if self.check.broken_at is None
            else f"are broken at entry {self.check.broken_at}"
        )
        said += [
            "- Sessions of the web page: people sign in again.",
            f"- The signature over the audit: its {plural(self.check.rows, 'entry')} {chain}, but"
            " that nobody wrote them anew cannot be proved any more. An entry will say so.",
            "Instances and their own keys are not touched; they live at the host.",
        ]
        return "\n".join(said)


def lost_key(reading: Reading, data: DataFolder, accepted: str | None, user: str) -> str:
    """Say what is lost, or with its id accept it. Raises Refused where no key is lost, and Locked
    while a server runs."""
    settings = reading.settings
    checked = tried(reading)
    ours = settings.luthien_master_key is None and settings.database_url is None
    needed = {"DATABASE_URL", "LUTHIEN_DATA_DIR"} | (set() if ours else {"LUTHIEN_MASTER_KEY"})
    if checked.faulty & needed or "LUTHIEN_MASTER_KEY" in reading.faulty:
        checked.usable(serving=False)
    with data.own("lost-key", wait=timedelta(0), database=settings.database_file):
        fresh = "LUTHIEN_MASTER_KEY" in checked.faulty
        given = settings.luthien_master_key
        text = (
            generate_key() if fresh else given.get_secret_value() if given else data.master_key()
        )
        keys = parse_keys(text)
        loss = asyncio.run(_survey(settings, keys, fresh=fresh))
        if accepted != loss.key_id:
            return (
                f"The database belongs to a master key that is not here: {loss.key_id}.\n"
                f"{loss.told}\n\n"
                f"Is there a copy? Put it back: {_place(settings, data, fresh=fresh)}\n"
                "Is the key here the right one? Then somebody has changed the database: restore"
                " a backup.\n"
                f"Lost for good: luthien lost-key --accept {loss.key_id}"
            )
        if fresh:
            data.replace_key(text)
        detail = {
            "key": loss.key_id,
            "in_its_place": keys.current_id,
            "sealed_values": loss.census.lost,
            "api_keys": list(loss.census.lost_api_keys),
        }
        fact = Fact(datetime.now(UTC), f"cli:{user}", GIVEN_UP, detail=detail)
        asyncio.run(_accept(settings, keys, fact))
    where = data.key_file if given is None else "LUTHIEN_MASTER_KEY"
    return (
        f"The lost key ({loss.key_id}) is given up. The database belongs to the key"
        f" {keys.current_id} now ({where}): keep a copy of it apart from the backups.\n"
        f"{loss.told}\n"
        "Is the lost one found again, put it behind the present one, with a comma between.\n"
        "Next: luthien doctor"
    )


async def _survey(settings: Settings, keys: SealKeys, *, fresh: bool) -> _Loss:
    """Raises Refused where nothing is lost."""
    keyless, opened = open_database(settings.database), open_database(settings.database, keys)
    try:
        await keyless.migrate()
        found = await opened.signature()
        if not fresh and (found is None or not found.foreign):
            raise Refused(
                "No master key is lost.",
                why=f"The database belongs to the key that is here ({keys.current_id}).",
                who="You can look at what hangs on it.",
                next_step="luthien secrets",
            )
        if alive := await living(keyless):
            raise Refused(
                "The master key is not lost: replicas are running with it.",
                why=f"{', '.join(alive)}.",
                who="Whoever runs luthien-ops finds it in their settings, or stops them first.",
                next_step="luthien doctor",
            )
        ring = StoredKeyring(opened, keys, key_place(settings), SystemClock())
        check = await AuditTrail(keyless).verify()
        return _Loss((found and found.key_id) or UNKNOWN, await ring.census(), check)
    finally:
        await keyless.close()
        await opened.close()


async def _accept(settings: Settings, keys: SealKeys, fact: Fact) -> None:
    database = open_database(settings.database, keys)
    try:
        await database.migrate(given_up=fact)
    finally:
        await database.close()


def _place(settings: Settings, data: DataFolder, *, fresh: bool) -> str:
    if settings.luthien_master_key is not None:
        return "LUTHIEN_MASTER_KEY=<that key>, or behind the present one, where both are needed."
    where = f"as {data.key_file}"
    return f"{where}." if fresh else f"{where}, or in it behind the present one with a comma."
