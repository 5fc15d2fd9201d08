"""Where the audit ends: one row, signed with the master key by everything that adds to the audit.

The signature also tells whether a database belongs to the master key that it is opened with.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import exists, func, insert, inspect, null, select, update

from engine.errors import NotConfigured
from engine.store.models import (
    ApiKeyRow,
    AuditHeadRow,
    AuditRow,
    DeliveryRow,
    RunRow,
    SignInLinkRow,
    WebSessionRow,
    table_of,
)
from engine.words import plural

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.secrets import SealKeys

FIRST = "0" * 64
"""Stands for the hash before the first row."""
_ONLY = 1
_AUDIT, _HEAD = table_of(AuditRow), table_of(AuditHeadRow)
_IS = _HEAD.c.id == _ONLY
KNOWN = select(_HEAD.c.seq, _HEAD.c.hash, _HEAD.c.seal, _HEAD.c.key_id).where(_IS)
LAST = select(func.max(_AUDIT.c.seq))
END = KNOWN.add_columns(LAST.scalar_subquery().label("last"))
"""The head, and the number of the last row that there is."""
_MOVE = update(_HEAD).where(_IS)
_KEYED = tuple(
    map(table_of, (AuditRow, RunRow, DeliveryRow, ApiKeyRow, SignInLinkRow, WebSessionRow))
)
KEYED = frozenset(table.name for table in _KEYED)
"""Tables with rows that hang on the master key: a database without any belongs to none yet."""


class Head(Protocol):
    """As it is stored."""

    @property
    def seq(self) -> int: ...
    @property
    def hash(self) -> str: ...
    @property
    def seal(self) -> str: ...
    @property
    def key_id(self) -> str | None: ...


@dataclass(frozen=True)
class Signature:
    """What a database says of the master key that has signed its audit."""

    entries: int
    key_id: str
    """By its public id; empty where an older version, or no key, has signed it."""
    signer: str
    """Which of the keys that are known here it was in truth; empty: none of them."""
    foreign: bool
    """It belongs to another master key. False for a signature that names a key of ours and is not
    its: that one was tampered with."""


def signer(keys: SealKeys, head: Head) -> str:
    """The public id of the key of ours that has signed it; empty: none has."""
    for key_id, made in zip(keys.ids, _seals(keys, head.seq, head.hash), strict=True):
        if secrets.compare_digest(str(head.seal).encode(), made.encode()):
            return key_id
    return ""


def set_head(
    connection: Connection,
    keys: SealKeys | None,
    seq: int,
    hash: str,  # noqa: A002 - its name
    *,
    new: bool,
) -> None:
    """Say that the audit ends here, signed with the present key."""
    values = _signed(keys, seq, hash)
    if new:
        connection.execute(insert(_HEAD), {"id": _ONLY} | values)
    else:
        connection.execute(_MOVE, values)


def begin(connection: Connection, keys: SealKeys | None) -> None:
    """The first head, over whatever rows there are: once, when its table is made."""
    columns = select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
    seq, last = connection.execute(columns).first() or (0, FIRST)
    set_head(connection, keys, seq, last, new=True)


def signature(connection: Connection, keys: SealKeys | None) -> Signature | None:
    """Of a database of this version or an older one; None where nothing is signed."""
    seen = inspect(connection)
    if not seen.has_table(_HEAD.name):
        return None
    older = "key_id" not in {column["name"] for column in seen.get_columns(_HEAD.name)}
    columns = (_HEAD.c.seq, _HEAD.c.hash, _HEAD.c.seal)
    known = (*columns, null().label("key_id")) if older else (*columns, _HEAD.c.key_id)
    head = connection.execute(select(*known).where(_IS)).first()
    return _of(connection, head, keys) if head else None


def check_key(connection: Connection, keys: SealKeys) -> None:
    """Raises NotConfigured when the database belongs to another master key. One in which there is
    nothing yet belongs to these from now on."""
    head = connection.execute(KNOWN).first()
    if head is None or signer(keys, head):
        return
    found = _of(connection, head, keys)
    if found.foreign:
        raise NotConfigured(
            "The database belongs to another master key than the one that is given.",
            why=f"The end of its audit, {plural(found.entries, 'entry')}, is signed with"
            f" {named(found.key_id)}; given is {', '.join(keys.ids)}.",
            who="Whoever runs luthien-ops puts that key back: in LUTHIEN_MASTER_KEY or in the data"
            " folder's `master.key`, behind the present one with a comma between where both are"
            " needed. If it is lost for good, `luthien lost-key` says what goes with it before"
            " anything is done. If the given one is right, somebody has changed the database.",
            next_step="luthien lost-key",
        )
    if _empty(connection, head):
        # Nobody can have added to it meanwhile: they would have signed it.
        unmoved = _MOVE.where(_HEAD.c.seal == head.seal)
        connection.execute(unmoved, _signed(keys, head.seq, head.hash))


def named(key_id: str) -> str:
    return f"the key {key_id}" if key_id else "a key that is not known here"


def _of(connection: Connection, head: Any, keys: SealKeys | None) -> Signature:
    by = signer(keys, head) if keys else ""
    ours = by or (keys is not None and head.key_id in keys.ids) or _empty(connection, head)
    return Signature(head.seq, head.key_id or "", by, foreign=not ours)


def _empty(connection: Connection, head: Any) -> bool:
    return head.seq == 0 and not any(
        connection.scalar(select(exists().select_from(table))) for table in _KEYED
    )


def _signed(keys: SealKeys | None, seq: int, hash: str) -> dict[str, Any]:  # noqa: A002
    seal = _seals(keys, seq, hash)[0] if keys else ""
    return {
        "seq": seq,
        "hash": hash,
        "seal": seal,
        "key_id": keys.current_id if keys else None,
    }


def _seals(keys: SealKeys, seq: int, hash: str) -> tuple[str, ...]:  # noqa: A002
    return keys.digests(f"{seq}:{hash}", about="audit head")
