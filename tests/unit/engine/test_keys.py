"""API keys, and the links and sessions of the web page, in a real database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from engine.actor import Role
from engine.errors import AlreadyExists, NotFound, Refused
from engine.secrets import generate_key, parse_keys
from engine.sessions import AT_MOST, IDLE, LINK_LASTS
from engine.store.audit import AuditTrail
from engine.store.database import Database, open_database
from engine.store.keys import StoredKeys
from engine.store.models import ApiKeyRow
from engine.store.sessions import StoredSessions
from tests.unit.commands.clock import FakeClock
from tests.unit.engine.house import ADA, CLEO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MONTH = timedelta(days=30)


@dataclass
class Kept:
    database: Database
    clock: FakeClock
    keys: StoredKeys
    sessions: StoredSessions
    master: str

    def after_rotation(self) -> Kept:
        """With a new master key before the old one."""
        both = parse_keys(f"{generate_key()},{self.master}")
        keys = StoredKeys(self.database, both, self.clock)
        sessions = StoredSessions(self.database, both, self.clock)
        return Kept(self.database, self.clock, keys, sessions, self.master)

    async def everything(self) -> str:
        """All that the tables hold, as text."""
        said = []
        async with self.database.read() as session:
            for table in ("api_keys", "sign_in_links", "web_sessions", "audit"):
                said += [str(row) for row in await session.execute(text(f"SELECT * FROM {table}"))]
        return "\n".join(said)


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[Kept]:
    database = open_database(f"sqlite+aiosqlite:///{folder}/luthien.sqlite")
    await database.migrate()
    clock, master = FakeClock(), generate_key()
    seal = parse_keys(master)
    keys, sessions = StoredKeys(database, seal, clock), StoredSessions(database, seal, clock)
    try:
        yield Kept(database, clock, keys, sessions, master)
    finally:
        await database.close()


# ── keys ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_key_opens_until_it_ends_or_is_revoked(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        ends = house.clock.now() + MONTH
        key, presented = await house.keys.create("report", Role.VIEWER, ADA, ends)
        assert presented.startswith(f"luthien_{key.id}_")
        found = await house.keys.check(presented)
        assert found is not None
        assert (found.name, found.role, found.creator) == ("report", Role.VIEWER, ADA.key)
        assert await house.keys.check(presented[:-1]) is None
        assert await house.keys.check(f"luthien_{key.id}_") is None
        await house.clock.sleep(MONTH)
        assert await house.keys.check(presented) is None

        _, other = await house.keys.create("report", Role.VIEWER, ADA, house.clock.now() + MONTH)
        wanted = await house.keys.find("report")
        assert wanted.id != key.id, "a name means the living key"
        await house.keys.revoke(CLEO, wanted.id)
        await house.keys.revoke(CLEO, wanted.id)
        assert await house.keys.check(other) is None
        told = [(e.actor, e.action) for e in await AuditTrail(house.database).entries()]
        assert told == [
            (CLEO.key, "apikey.revoked"),
            (ADA.key, "apikey.created"),
            (ADA.key, "apikey.created"),
        ]


async def test_a_living_key_keeps_its_name(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        ends = house.clock.now() + MONTH
        await house.keys.create("report", Role.VIEWER, ADA, ends)
        with pytest.raises(AlreadyExists, match="a key named `report` already"):
            await house.keys.create("report", Role.VIEWER, CLEO, ends)
        with pytest.raises(NotFound, match="no API key `nobody`"):
            await house.keys.find("nobody")


async def test_its_last_use_is_kept_to_the_minute(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        began = house.clock.now()
        key, presented = await house.keys.create("report", Role.VIEWER, ADA, began + MONTH)
        for _ in range(3):
            await house.keys.check(presented)
            await house.clock.sleep(timedelta(seconds=25))
        assert (await house.keys.find(key.id)).used_at == began
        await house.keys.check(presented)
        assert (await house.keys.find(key.id)).used_at == began + timedelta(seconds=75)


async def test_no_table_and_no_audit_holds_a_key_a_link_or_a_session(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        ends = house.clock.now() + MONTH
        _, presented = await house.keys.create("report", Role.VIEWER, ADA, ends)
        used, unused = await house.sessions.invite(ADA), await house.sessions.invite(ADA)
        session = await house.sessions.enter(used)
        stored = await house.everything()
        _, _, secret = presented.split("_", 2)  # which may hold a "_" itself
        assert "report" in stored
        for word in (presented, secret, used, unused, session):
            assert word not in stored


async def test_a_row_that_was_planted_without_the_master_key_opens_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        ends = house.clock.now() + MONTH
        key, presented = await house.keys.create("report", Role.VIEWER, ADA, ends)
        async with house.database.write() as session:
            row = await session.scalar(select(ApiKeyRow).where(ApiKeyRow.id == key.id))
            assert row is not None
            other = parse_keys(generate_key())
            row.digest = other.digests(presented, about=f"api key {key.id}")[0]
        assert await house.keys.check(presented) is None


async def test_keys_and_sessions_outlive_a_rotation_of_the_master_key(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        ends = house.clock.now() + MONTH
        _, presented = await house.keys.create("report", Role.VIEWER, ADA, ends)
        session = await house.sessions.enter(await house.sessions.invite(ADA))
        later = house.after_rotation()
        assert await later.keys.check(presented) is not None
        assert await later.sessions.visitor(session) is not None


# ── links and sessions ────────────────────────────────────────────────────────────────────────


async def test_looking_at_a_link_does_not_use_it_up(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        token = await house.sessions.invite(ADA)
        for _ in range(3):
            assert (await house.sessions.invited(token)).visitor.actor == ADA.key
        session = await house.sessions.enter(token)
        visitor = await house.sessions.visitor(session)
        assert visitor is not None
        assert (visitor.actor, visitor.name) == (ADA.key, ADA.name)
        for use in (house.sessions.invited, house.sessions.enter):
            with pytest.raises(Refused, match="was used already"):
                await use(token)


async def test_of_many_at_the_same_moment_one_gets_in(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        token = await house.sessions.invite(ADA)
        came = await asyncio.gather(
            *(house.sessions.enter(token) for _ in range(20)), return_exceptions=True
        )
        assert sum(isinstance(one, str) for one in came) == 1
        assert all(isinstance(one, str | Refused) for one in came)


async def test_a_link_expires_and_a_made_up_one_never_was(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        token = await house.sessions.invite(ADA)
        await house.clock.sleep(LINK_LASTS)
        with pytest.raises(Refused, match="has expired"):
            await house.sessions.enter(token)
        with pytest.raises(Refused, match="is not known here"):
            await house.sessions.enter("made-up")


async def test_a_session_ends_idle_or_old_or_when_it_is_left(tmp_path: Path) -> None:
    async with kept(tmp_path) as house:
        sessions = house.sessions

        async def entered() -> str:
            return await sessions.enter(await sessions.invite(ADA))

        idle = await entered()
        await house.clock.sleep(IDLE)
        assert await sessions.visitor(idle) is None

        busy, waited = await entered(), timedelta()
        while waited + IDLE / 2 < AT_MOST:
            await house.clock.sleep(IDLE / 2)
            waited += IDLE / 2
            assert await sessions.visitor(busy) is not None
        await house.clock.sleep(IDLE / 2)
        assert await sessions.visitor(busy) is None

        left = await entered()
        await sessions.leave(left)
        await sessions.leave(left)
        assert await sessions.visitor(left) is None
        actions = [e.action for e in await AuditTrail(house.database).entries(limit=3)]
        assert actions == ["web.signed_out", "web.signed_in", "web.invited"]
