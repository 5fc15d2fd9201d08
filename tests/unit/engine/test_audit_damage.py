"""No single damage to a long audit goes unnoticed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text

from engine.control_plane import AuditCheck, AuditFault
from engine.errors import NotConfigured
from engine.secrets import generate_key, parse_keys
from engine.store import audit
from engine.store.audit import AuditTrail, Chain
from engine.store.audit_head import Signature, set_head
from engine.store.database import Database, open_database
from engine.store.models import AuditHeadRow, AuditRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncSession

MANY = 10_000
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = generate_key()
KEYS = parse_keys(KEY)


@dataclass
class Written:
    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    run_id: str
    detail: dict[str, Any]
    hash: str = ""


def written(count: int) -> list[Written]:
    """An audit as the product writes it."""
    rows, chain = [], Chain()
    for seq in range(1, count + 1):
        row = Written(
            seq,
            NOON + timedelta(milliseconds=seq),
            f"slack:U{seq % 7}",
            f"step.{'done' if seq % 3 else 'failed'}",
            f"acme-{seq % 11}",
            f"r{seq // 5}",
            {"step": f"s{seq % 5}", "note": "Grüße", "result": {"n": seq, "ok": True}},
        )
        rows.append(replace(row, hash=audit.link(chain.hash, row)))
        assert chain.add(rows[-1])
    return rows


EDITS: dict[str, Callable[[Written], Any]] = {
    "seq": lambda row: row.seq + 1,
    "at": lambda row: row.at + timedelta(microseconds=1),
    "actor": lambda row: row.actor + "x",
    "action": lambda row: row.action.upper(),
    "subject": lambda row: "",
    "run_id": lambda row: row.run_id + "0",
    "detail": lambda row: row.detail | {"result": {"n": row.seq, "ok": False}},
    "hash": lambda row: ("1" if row.hash[0] != "1" else "2") + row.hash[1:],
}


def holds(before: Written | None, rows: Sequence[Written], head: Written) -> bool:
    """Whether rows that begin after `before` are found whole: what `check` does from there on.
    It comes there with the same state, because nothing before was touched."""
    chain = Chain(before.seq, before.hash) if before else Chain()
    return all(map(chain.add, rows)) and (chain.seq, chain.hash) == (head.seq, head.hash)


def test_every_single_damage_anywhere_in_ten_thousand_rows_is_found() -> None:
    """Every column of every row, every row away, every two swapped, a row put in anywhere with a
    hash that fits, the end cut off anywhere, and edits with a fitting hash."""
    assert EDITS.keys() == {field.name for field in fields(Written)}
    rows = written(MANY)
    assert {c.name for c in AuditRow.__table__.columns} == EDITS.keys()
    assert holds(None, rows, rows[-1])
    for index, row in enumerate(rows):
        before, after = rows[index - 1] if index else None, rows[index + 1 : index + 2]
        # What follows these two follows as it did: it is enough to look so far.
        head = after[-1] if after else row
        assert holds(before, [row, *after], head)
        for column, edit in EDITS.items():
            damaged = replace(row, **{column: edit(row)})
            assert not holds(before, [damaged, *after], head), (row.seq, column)
        clean = replace(row, actor="slack:UEVE")
        clean = replace(clean, hash=audit.link(before.hash if before else "0" * 64, clean))
        assert not holds(before, [clean, *after], head), (row.seq, "with a hash that fits")
        assert not holds(before, after, head), (row.seq, "removed")
        assert not holds(before, [row], after[0]) if after else True, (row.seq, "cut off")
        put = replace(row, seq=row.seq + 1, action="put.in")
        put = replace(put, hash=audit.link(row.hash, put))
        assert not holds(before, [row, put, *after], head), (row.seq, "put in after it")
    for index, (one, other) in enumerate(pairwise(rows)):
        before = rows[index - 1] if index else None
        swapped = [replace(other, seq=one.seq), replace(one, seq=other.seq)]
        assert not holds(before, [other, one], other), (one.seq, "swapped")
        assert not holds(before, swapped, other), (one.seq, "swapped, with their numbers")


async def filled(url: str, rows: Sequence[Written]) -> Database:
    database = open_database(url, KEYS)
    await database.migrate()
    async with database.write() as session:
        await session.execute(insert(AuditRow), [vars(row) for row in rows])
        connection, last = await session.connection(), rows[-1]
        await connection.run_sync(set_head, KEYS, last.seq, last.hash, new=False)
    return database


class Undone(Exception):
    """Takes a damage back."""


async def found(database: Database, *damage: str, anchor: str = "") -> AuditCheck:
    """What `audit verify` says about it."""
    seen = AuditCheck(0, None)
    try:
        async with database.write() as session:
            for statement in damage:
                await session.execute(text(statement))
            seen = await audit.check(session, anchor)
            raise Undone
    except Undone:
        return seen


async def test_what_is_done_to_the_tables_is_found_where_it_begins(
    tmp_path: Path, database: str
) -> None:
    rows = written(300)
    opened = await filled(database, rows)
    whole = AuditCheck(300, None, None, f"300:{rows[-1].hash}")
    assert await AuditTrail(opened).verify() == whole
    assert await found(opened) == whole
    for statement, at, fault in [
        *(
            (f"UPDATE audit SET {column} = {value} WHERE seq = 77", 77, AuditFault.ALTERED)
            for column, value in [
                ("actor", "'slack:UEVE'"),
                ("action", "'x'"),
                ("subject", "'x'"),
                ("run_id", "''"),
                ("detail", "'{}'"),
                ("at", "'2026-11-21 12:00:00.078001'"),
                ("hash", "(SELECT hash FROM audit WHERE seq = 78)"),
                ("seq", "1077"),
            ]
        ),
        ("DELETE FROM audit WHERE seq = 300", 300, AuditFault.CUT_OFF),
        ("DELETE FROM audit WHERE seq > 5", 6, AuditFault.CUT_OFF),
        ("DELETE FROM audit", 1, AuditFault.CUT_OFF),
        ("DELETE FROM audit_head", 1, AuditFault.UNSIGNED),
        ("UPDATE audit_head SET seq = 299", 299, AuditFault.ALTERED),
        ("UPDATE audit_head SET seal = hash", 300, AuditFault.UNSIGNED),
    ]:
        check = await found(opened, statement)
        assert (check.broken_at, check.fault) == (at, fault), statement
    await opened.close()


async def test_what_is_done_with_care_is_found_as_well(tmp_path: Path, database: str) -> None:
    """By somebody who knows how the hashes are made, and has the database but not the key."""
    rows = written(30)
    opened = await filled(database, rows)
    added = replace(rows[-1], seq=31, actor="slack:UEVE")
    added = replace(added, hash=audit.link(rows[-1].hash, added))
    cut = (
        "DELETE FROM audit WHERE seq > 20",
        f"UPDATE audit_head SET seq = 20, hash = '{rows[19].hash}'",
    )
    check = await found(opened, *cut)
    assert (check.broken_at, check.fault) == (20, AuditFault.UNSIGNED)

    async def damaged(*, go_on: bool) -> AuditCheck:
        seen = AuditCheck(0, None)
        try:
            async with opened.write() as session:
                await session.execute(insert(AuditRow), [vars(added)])
                if go_on:
                    await audit.append(session, at=NOON, actor="cli:ada", action="next")
                seen = await audit.check(session)
                raise Undone
        except Undone:
            return seen

    check = await damaged(go_on=False)
    assert (check.broken_at, check.fault) == (31, AuditFault.ADDED)
    check = await damaged(go_on=True)
    assert (check.broken_at, check.fault) == (32, AuditFault.ALTERED)
    await opened.close()


async def test_what_was_cut_off_stays_found_when_the_audit_goes_on(
    tmp_path: Path, database: str
) -> None:
    rows = written(30)
    opened = await filled(database, rows)
    async with opened.write() as session:
        await session.execute(text("DELETE FROM audit WHERE seq > 25"))
    async with opened.write() as session:
        await audit.append(session, at=NOON, actor="cli:ada", action="next")
        assert await session.scalar(select(AuditHeadRow.seq)) == 31
    check = await AuditTrail(opened).verify()
    assert (check.broken_at, check.fault) == (26, AuditFault.ALTERED)
    await opened.close()


async def test_a_state_that_once_was_is_found_by_an_anchor(tmp_path: Path, database: str) -> None:
    """Rows and head put back together, as whoever has an old copy of the database can."""
    opened = await filled(database, written(20))
    async with opened.read() as session:
        old = (await session.execute(select(AuditHeadRow.seal))).scalar_one()
    for number in range(10):
        async with opened.write() as session:
            await audit.append(session, at=NOON, actor="cli:ada", action=f"later.{number}")
    trail = AuditTrail(opened)
    anchor = await trail.head()
    assert anchor.startswith("30:")
    assert (await trail.verify(anchor[:15])).broken_at is None
    back = (
        "DELETE FROM audit WHERE seq > 20",
        f"UPDATE audit_head SET seq = 20, seal = '{old}',"
        " hash = (SELECT hash FROM audit WHERE seq = 20)",
    )
    assert (await found(opened, *back)).broken_at is None
    check = await found(opened, *back, anchor=anchor)
    assert (check.broken_at, check.fault) == (30, AuditFault.REPLACED)
    check = await found(opened, anchor=f"20:{'0' * 16}")
    assert (check.broken_at, check.fault) == (20, AuditFault.REPLACED)
    await opened.close()


@pytest.mark.parametrize("known", [True, False])
async def test_the_end_stays_signed_over_a_new_master_key(
    tmp_path: Path, database: str, known: bool
) -> None:
    """Where the old one is known; else nothing that is added makes it whole again."""
    opened = await filled(database, written(3))
    await opened.close()
    new = generate_key()
    keys = parse_keys(new)
    later = open_database(database, parse_keys(f"{new},{KEY}") if known else keys)
    check = await AuditTrail(later).verify()
    assert check.fault is (None if known else AuditFault.UNSIGNED)
    async with later.write() as session:
        await append_one(session)
    await later.close()
    alone = open_database(database, keys)
    check = await AuditTrail(alone).verify()
    assert (check.broken_at, check.fault) == ((None, None) if known else (3, AuditFault.MARKED))
    await alone.close()


async def append_one(session: AsyncSession) -> None:
    await audit.append(session, at=NOON, actor="cli:ada", action="next")


# ── whoever has the database and knows how it is made, but has not the key ────────────────────


def relinked(rows: Sequence[Written]) -> list[Written]:
    """Numbered and hashed as the product would."""
    chain, made = Chain(), []
    for seq, row in enumerate(rows, 1):
        fresh = replace(row, seq=seq)
        made.append(replace(fresh, hash=audit.link(chain.hash, fresh)))
        assert chain.add(made[-1])
    return made


LONG = 30
WRITTEN = written(LONG)
PLACES = st.integers(0, LONG - 1)
DAMAGES: dict[str, Callable[[int], list[Written]]] = {
    "nothing": lambda at: WRITTEN,
    "edited": lambda at: [
        *WRITTEN[:at],
        replace(WRITTEN[at], actor="slack:UEVE"),
        *WRITTEN[at + 1 :],
    ],
    "deleted": lambda at: [*WRITTEN[:at], *WRITTEN[at + 1 :]],
    "put in": lambda at: [*WRITTEN[:at], replace(WRITTEN[at], action="x"), *WRITTEN[at:]],
    "moved": lambda at: [*WRITTEN[at:], *WRITTEN[:at]],
    "cut off": lambda at: WRITTEN[:at],
    "as if accepted": lambda at: [*WRITTEN[:at], replace(WRITTEN[at], action=audit.GIVEN_UP)],
    "written anew": lambda at: [replace(row, actor="slack:UEVE") for row in WRITTEN],
}
HEADS: dict[str, str] = {
    "left alone": "SELECT 1",
    "moved": "UPDATE audit_head SET seq = {seq}, hash = '{hash}'",
    "moved, of another key": (
        "UPDATE audit_head SET seq = {seq}, hash = '{hash}', key_id = '0011223344556677'"
    ),
    "moved, unsigned": (
        "UPDATE audit_head SET seq = {seq}, hash = '{hash}', seal = '', key_id = NULL"
    ),
    "moved, no letters of ours": "UPDATE audit_head SET seq = {seq}, hash = '{hash}', seal = 'ü'",
    "taken away": "DELETE FROM audit_head",
    "set to the beginning": "UPDATE audit_head SET seq = 0, hash = '" + "0" * 64 + "'",
}


def add_honestly(connection: Connection, count: int) -> None:
    for _ in range(count):
        audit.add(connection, KEYS, [audit.Fact(NOON, "cli:ada", "next")])


@settings(max_examples=40, deadline=None, database=None)
@given(st.sampled_from(sorted(DAMAGES)), st.sampled_from(sorted(HEADS)), PLACES)
@example("edited", "moved", 28)
@example("cut off", "moved", 25)
@example("cut off", "taken away", 0)
@example("cut off", "moved, unsigned", 0)
def test_nothing_that_is_added_makes_a_damaged_audit_whole(
    damage: str, head: str, at: int
) -> None:
    """Edited, deleted, put in, moved, cut off, written anew, each with the hashes made to fit."""
    rows = relinked(DAMAGES[damage](at))
    end = rows[-1] if rows else replace(WRITTEN[0], seq=0, hash="0" * 64)
    moved = HEADS[head].format(seq=end.seq, hash=end.hash)
    assume(rows != WRITTEN or head not in ("left alone", "moved", "moved, of another key"))

    async def seen() -> list[bool]:
        opened = await filled("sqlite+aiosqlite://", WRITTEN)
        async with opened.write() as session:
            await session.execute(text("DELETE FROM audit"))
            if rows:
                await session.execute(insert(AuditRow), [vars(row) for row in rows])
            await session.execute(text(moved))
            whole = [(await audit.check(session)).broken_at is None]
            connection = await session.connection()
            for more in (1, 99):
                await connection.run_sync(add_honestly, more)
                whole.append((await audit.check(session)).broken_at is None)
        await opened.close()
        return whole

    assert asyncio.run(seen()) == [False] * 3


async def test_the_mark_says_what_was_found_and_cannot_be_taken_away(
    tmp_path: Path, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    opened = await filled(database, WRITTEN)
    async with opened.write() as session:
        await session.execute(text("DELETE FROM audit WHERE seq > 25"))
        await session.execute(text(f"UPDATE audit_head SET seq = 25, hash = '{WRITTEN[24].hash}'"))
    async with opened.write() as session:
        await append_one(session)
        await append_one(session)
    assert "the audit was changed outside" in caplog.text
    trail = AuditTrail(opened)
    one, other, mark = await trail.entries(limit=3)
    assert (one.action, other.action) == ("next", "next")
    assert (mark.seq, mark.actor, mark.action) == (26, "luthien:audit", audit.BROKEN)
    assert mark.detail == {"ends": 25, "hash": WRITTEN[24].hash}
    found = await trail.verify()
    assert (found.rows, found.broken_at, found.fault) == (28, 25, AuditFault.MARKED)
    async with opened.write() as session:  # back to before the mark, which was never signed
        await session.execute(text("DELETE FROM audit WHERE seq > 25"))
        await session.execute(text(f"UPDATE audit_head SET seq = 25, hash = '{WRITTEN[24].hash}'"))
    assert (await trail.verify()).fault is AuditFault.UNSIGNED
    async with opened.write() as session:
        await append_one(session)
    assert (await trail.verify()).fault is AuditFault.MARKED
    await opened.close()


async def test_whoever_writes_without_a_key_never_signs(tmp_path: Path, database: str) -> None:
    opened = await filled(database, WRITTEN)
    keyless = open_database(database)
    async with keyless.write() as session:
        await append_one(session)
    await keyless.close()
    assert (await AuditTrail(opened).verify()).fault is AuditFault.UNSIGNED
    async with opened.write() as session:
        await append_one(session)
    assert (await AuditTrail(opened).verify()).fault is AuditFault.MARKED
    await opened.close()


# ── whose database it is ──────────────────────────────────────────────────────────────────────


async def test_a_database_of_another_key_is_not_opened(tmp_path: Path, database: str) -> None:
    opened = await filled(database, WRITTEN)
    await opened.migrate()
    await opened.close()
    other = parse_keys(generate_key())
    wrong = open_database(database, other)
    with pytest.raises(NotConfigured, match="another master key") as refused:
        await wrong.migrate()
    assert KEYS.current_id in refused.value.why
    assert other.current_id in refused.value.why
    assert refused.value.next_step == "luthien lost-key"
    found = await wrong.signature()
    assert found == Signature(LONG, KEYS.current_id, "", foreign=True)
    both = open_database(database, parse_keys(f"{generate_key()},{KEY}"))
    await both.migrate()
    lost = audit.Fact(NOON, "cli:ada", audit.GIVEN_UP, detail={"key": KEYS.current_id})
    await wrong.migrate(given_up=lost)
    check = await AuditTrail(wrong).verify()
    assert (check.broken_at, check.rows, check.unproven) == (None, LONG + 1, LONG)
    await wrong.migrate()
    with pytest.raises(NotConfigured):
        await both.migrate()
    for one in (wrong, both):
        await one.close()


async def test_what_was_tampered_with_is_opened_and_says_so(tmp_path: Path, database: str) -> None:
    """Whoever can write the database must not lock everybody out by one letter of a signature."""
    opened = await filled(database, WRITTEN)
    for damage in ("UPDATE audit_head SET seal = hash", "DELETE FROM audit_head"):
        async with opened.write() as session:
            await session.execute(text(damage))
        await opened.migrate()
        found = await opened.signature()
        assert found is None or (found.signer, found.foreign) == ("", False)
    async with opened.write() as session:
        await append_one(session)
    assert (await AuditTrail(opened).verify()).broken_at is not None
    await opened.close()
