"""The schema: made at once where there is none, else brought to this version step by step.

Most starts find it as it should be; that is seen without loading Alembic.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from engine.store import audit_head, migrations
from engine.store.models import AuditHeadRow, Row

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from engine.secrets import SealKeys

_log = logging.getLogger(__name__)

_MIGRATIONS = Path(migrations.__file__).parent
_VERSION = "alembic_version"


def versions() -> list[str]:
    """Of the schema, oldest first: revisions are named like the beginning of their file."""
    return sorted(path.name.partition("_")[0] for path in _MIGRATIONS.glob("versions/[0-9]*.py"))


def bring_up(connection: Connection, keys: SealKeys | None) -> None:
    """To this version. `keys` sign the audit's beginning."""
    present, known = _present(connection), versions()
    if present == known[-1]:
        return
    if present is not None and present not in known:
        # A newer version migrated already. Migrations only ever expand, so this one goes on.
        _log.info("the database's schema (%s) is newer than this version", present)
        return
    without_head = not inspect(connection).has_table(AuditHeadRow.__tablename__)
    if present is None:
        _make(connection, known[-1])
    else:
        migrate(connection)
    if without_head:
        audit_head.begin(connection, keys)


def migrate(connection: Connection) -> None:
    """Run the migrations that it has not seen."""
    # Imported late: only the first start of a new version needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _present(connection: Connection) -> str | None:
    """None: no tables yet."""
    if not inspect(connection).has_table(_VERSION):
        return None
    found = connection.scalar(text(f"SELECT version_num FROM {_VERSION}"))  # noqa: S608 (ours)
    return None if found is None else str(found)


def _make(connection: Connection, version: str) -> None:
    """What the migrations come to, all at once. Source: Alembic docs, cookbook, "Building an Up to
    Date Database from Scratch"."""
    Row.metadata.create_all(connection, checkfirst=False)
    connection.execute(
        text(
            f"CREATE TABLE {_VERSION} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {_VERSION}_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(
        text(f"INSERT INTO {_VERSION} (version_num) VALUES (:version)"),  # noqa: S608 (ours)
        {"version": version},
    )
