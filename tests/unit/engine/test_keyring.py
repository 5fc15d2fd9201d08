"""The exchange of the master key: nothing is lost, and at no moment is anything unreadable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import LargeBinary, insert, select, update

from engine.actor import Role
from engine.errors import NotConfigured, Refused
from engine.keyring import Resealed
from engine.run import RunStatus
from engine.secrets import SealKeys, generate_key, parse_keys
from engine.store.audit import AuditTrail
from engine.store.database import Database, open_database
from engine.store.keyring import SEALED, StoredKeyring
from engine.store.keys import StoredKeys
from engine.store.models import DeliveryRow, Row, RunRow
from engine.store.replicas import Replicas
from engine.store.sessions import StoredSessions
from tests.unit.commands.clock import FakeClock
from tests.unit.engine.house import ADA

if TYPE_CHECKING:
    from pathlib import Path

MANY = 10_000
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Place:
    """A file, in memory; `text` is what a new process would find."""

    text: str
    where: str = "/data/master.key"
    kept: list[str] = field(default_factory=list)

    def keep(self, text: str) -> None:
        self.text = text
        self.kept.append(text)


class House:
    """What one process has; `again` is the next one, after a kill."""

    def __init__(self, url: str, place: Place, clock: FakeClock, *, ours: bool = True) -> None:
        self.url, self.place, self.clock, self.ours = url, place, clock, ours
        self.keys = parse_keys(place.text)
        self.database: Database = open_database(url, self.keys)
        self.keyring = StoredKeyring(self.database, self.keys, place if ours else None, clock)
        self.api_keys = StoredKeys(self.database, self.keys, clock)
        self.sessions = StoredSessions(self.database, self.keys, clock)

    async def again(self) -> House:
        await self.database.close()
        return House(self.url, self.place, self.clock, ours=self.ours)


async def house(url: str, *, ours: bool = True) -> House:
    opened = House(url, Place(generate_key()), FakeClock(), ours=ours)
    await opened.database.migrate()
    return opened


def delivery(number: int, keys: SealKeys) -> dict[str, Any]:
    name = f"d{number:05}"
    return {
        "id": name,
        "received_at": NOW,
        "actor": {},
        "command": "look",
        "arguments": {},
        "origin": {},
        "plan_only": False,
        "prompt": "",
        "reply": keys.seal(f"reply {number}", about=name) if number % 2 else None,
        "sealed": keys.seal(f"secret {number}", about=name),
    }


def run(number: int, keys: SealKeys) -> dict[str, Any]:
    name = f"r{number:05}"
    return {
        "id": name,
        "command": "build",
        "arguments": {},
        "line": "build",
        "title": "Build",
        "subject": "",
        "status": RunStatus.ERRORED,
        "execution": 1,
        "removing": False,
        "actor": {},
        "origin": {},
        "plan": {},
        "replan": False,
        "plan_digest": "",
        "expected_s": 1,
        "created_at": NOW,
        "result": {},
        "cancelled_by": "",
        "thread_url": "",
        "sealed": keys.seal(f"secret {number}", about=name),
    }


async def fill(opened: House, runs: int, deliveries: int) -> None:
    async with opened.database.write() as session:
        if runs:
            await session.execute(insert(RunRow), [run(n, opened.keys) for n in range(runs)])
        rows = [delivery(n, opened.keys) for n in range(deliveries)]
        await session.execute(insert(DeliveryRow), rows)


async def values(database: Database) -> list[tuple[str, bytes]]:
    """Everything sealed, with what it is about."""
    found: list[tuple[str, bytes]] = []
    async with database.read() as session:
        for column in SEALED:
            query = select(column.row.id, column.value).where(column.value.is_not(None))
            found += [(n, bytes(v)) for n, v in await session.execute(query) if v is not None]
    return found


async def test_ten_thousand_secrets_survive_an_exchange_that_is_killed_again_and_again(
    tmp_path: Path, database: str
) -> None:
    """After every transaction, all of them can be read by what a new process would find; at the
    end by the new key alone, and none by the old one."""
    opened = await house(database)
    old_text, old = opened.place.text, opened.keys.current_id
    await fill(opened, MANY // 2, MANY // 3 + 1)
    before = [(n, opened.keys.open(v, about=n)) for n, v in await values(opened.database)]
    total = len(await values(opened.database))
    assert total >= MANY
    new = await opened.keyring.renew(old)
    assert new != old
    opened = await opened.again()  # killed right after the file was written
    assert await opened.keyring.renew(old) == new, "done already"
    assert opened.place.kept == [opened.place.text]
    passes, after, left = 0, "", total
    while True:
        some = await opened.keyring.reseal(after)
        passes, after, left = passes + 1, some.after, left - some.done
        census = await opened.keyring.census()
        assert (census.current, census.earlier) == (new, (old,))
        assert (census.stale, census.lost) == (left, 0)
        assert not left or await opened.keyring.retire() == ()
        if not after:
            break
        if passes % 10 == 0:
            opened = await opened.again()  # killed: what is done is done, it begins anew
            after = ""
            readable = [opened.keys.open(v, about=n) for n, v in await values(opened.database)]
            assert len(readable) == total
    assert left == 0
    assert await opened.keyring.retire() == (old,)
    assert opened.place.text != old_text
    assert old_text not in opened.place.text
    alone, gone = parse_keys(opened.place.text), parse_keys(old_text)
    sealed = await values(opened.database)
    assert sorted((n, alone.open(v, about=n)) for n, v in sealed) == sorted(before)
    for name, value in sealed:
        with pytest.raises(NotConfigured):
            gone.open(value, about=name)
    await opened.database.close()


async def test_whatever_comes_meanwhile_is_sealed_with_the_new_key(
    tmp_path: Path, database: str
) -> None:
    opened = await house(database)
    await fill(opened, 0, 300)
    await opened.keyring.renew(opened.keys.current_id)
    first = await opened.keyring.reseal()
    assert first.after
    async with opened.database.write() as session:
        await session.execute(insert(DeliveryRow), [delivery(0, opened.keys) | {"id": "a-new"}])
    while (some := await opened.keyring.reseal(first.after)).after:
        first = some
    assert (await opened.keyring.census()).stale == 0
    await opened.database.close()


async def test_a_damaged_value_stays_as_it_is_and_keeps_its_key(
    tmp_path: Path, database: str
) -> None:
    opened = await house(database)
    old = opened.keys.current_id
    await fill(opened, 0, 3)
    async with opened.database.write() as session:
        kept = (await session.get_one(DeliveryRow, "d00002")).sealed or b""
        spoiled = kept[:-1] + bytes([kept[-1] ^ 1])
        await session.execute(
            update(DeliveryRow).where(DeliveryRow.id == "d00002").values(sealed=spoiled)
        )
    await opened.keyring.renew(old)
    done, after = Resealed(0, 0, ""), ""
    while True:
        some = await opened.keyring.reseal(after)
        done = Resealed(done.done + some.done, done.unreadable + some.unreadable, some.after)
        after = some.after
        if not after:
            break
    assert (done.done, done.unreadable) == (3, 1)
    assert ("d00002", spoiled) in await values(opened.database)
    assert await opened.keyring.retire() == ()
    await opened.database.close()


async def test_a_value_whose_key_is_lost_is_counted(tmp_path: Path, database: str) -> None:
    opened = await house(database)
    await fill(opened, 0, 2)
    opened.place.text = generate_key()
    opened = await opened.again()
    census = await opened.keyring.census()
    assert (census.values, census.lost, census.stale) == (3, 3, 0)
    assert (await opened.keyring.reseal()).done == 0
    await opened.database.close()


async def test_keys_and_sessions_move_over_when_they_are_used(
    tmp_path: Path, database: str
) -> None:
    opened = await house(database)
    old = opened.keys.current_id
    ends = opened.clock.now() + timedelta(days=30)
    _, text_ = await opened.api_keys.create("report", Role.VIEWER, ADA, ends)
    session = await opened.sessions.enter(await opened.sessions.invite(ADA))
    link = await opened.sessions.invite(ADA)
    await opened.keyring.renew(old)
    waiting = {w.what for w in (await opened.keyring.census()).waiting}
    assert waiting == {"API key report", "sign-in link of ada", "web page session of ada"}
    assert await opened.keyring.retire() == ()
    assert await opened.api_keys.check(text_) is not None
    assert await opened.sessions.visitor(session) is not None
    assert [w.what for w in (await opened.keyring.census()).waiting] == ["sign-in link of ada"]
    later = await opened.sessions.enter(link)
    assert (await opened.keyring.census()).idle
    assert await opened.keyring.retire() == (old,)
    opened = await opened.again()
    assert opened.keys.ids == (opened.keys.current_id,)
    assert await opened.api_keys.check(text_) is not None
    assert await opened.sessions.visitor(session) is not None
    assert await opened.sessions.visitor(later) is not None
    await opened.database.close()


async def test_what_nobody_uses_holds_the_key_until_it_ends(tmp_path: Path, database: str) -> None:
    opened = await house(database)
    old = opened.keys.current_id
    ends = opened.clock.now() + timedelta(days=30)
    await opened.api_keys.create("report", Role.VIEWER, ADA, ends)
    await opened.keyring.renew(old)
    [waiting] = (await opened.keyring.census()).waiting
    assert waiting.until == ends
    await opened.clock.sleep(timedelta(days=31))
    assert (await opened.keyring.census()).signed_by == old
    assert await opened.keyring.retire() == (old,)
    assert (await opened.keyring.census()).signed_by == opened.keys.current_id
    opened = await opened.again()
    await opened.database.migrate()
    assert (await AuditTrail(opened.database).verify()).broken_at is None
    await opened.database.close()


async def test_a_key_that_is_a_setting_is_left_to_whoever_sets_it(
    tmp_path: Path, database: str
) -> None:
    opened = await house(database, ours=False)
    await fill(opened, 0, 2)
    with pytest.raises(Refused, match="has to be set first") as refused:
        await opened.keyring.renew(opened.keys.current_id)
    assert opened.place.text not in str(refused.value.as_json())
    opened.place.text = f"{generate_key()},{opened.place.text}"
    opened = await opened.again()
    assert not (await opened.keyring.census()).idle, "the audit's end is signed with the old one"
    await opened.keyring.reseal()
    after = ""
    while after := (await opened.keyring.reseal(after)).after:
        pass
    assert (await opened.keyring.census()).idle
    assert await opened.keyring.retire() == ()
    assert not opened.place.kept
    await opened.database.close()


def test_no_column_with_sealed_values_is_forgotten() -> None:
    held = {
        (table.name, column.name)
        for table in Row.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert held == {(column.row.__tablename__, column.name) for column in SEALED}


async def test_replicas_that_cannot_read_each_other_do_not_start(
    tmp_path: Path, database: str
) -> None:
    """A new key comes behind the present one first."""
    if database.startswith("sqlite"):
        pytest.skip("has no replicas")
    old, new = generate_key(), generate_key()
    opened: list[tuple[Database, Replicas]] = []

    async def join(text: str) -> None:
        keys = parse_keys(text)
        used = open_database(database, keys)
        replica = Replicas(used, "1", keys=keys)
        opened.append((used, replica))
        await replica.join(timedelta(minutes=1))

    await join(old)
    for wrong in (new, f"{new},{old}"):
        with pytest.raises(NotConfigured, match="cannot read what the other") as refused:
            await join(wrong)
        said = str(refused.value.as_json())
        assert old not in said
        assert new not in said
        await opened.pop()[0].close()
    await join(f"{old},{new}")
    used, first = opened.pop(0)
    await first.leave()
    await used.close()
    await join(f"{new},{old}")
    for used, replica in opened:
        await replica.leave()
        await used.close()
