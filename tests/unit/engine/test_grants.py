"""Who was given a role is known without asking the database, and never out of date."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete

from engine.actor import Role
from engine.clock import SystemClock
from engine.roles import Grant, Somebody
from engine.store.database import Database
from engine.store.grants import StoredGrants
from engine.store.models import GrantRow
from tests.unit.engine.house import ADA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

BEN = Somebody("slack:U0BEN", "ben")


class Counting(Database):
    """Says how often it was read; a reader waits before it gives up what it found."""

    reads = 0
    finished: asyncio.Event | None = None

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.reading = asyncio.Event()

    @asynccontextmanager
    async def read(self, *, one_moment: bool = False) -> AsyncIterator[AsyncSession]:
        self.reads += 1
        async with super().read(one_moment=one_moment) as session:
            yield session
            self.reading.set()
            if self.finished is not None:
                await self.finished.wait()


@pytest.fixture
async def counting(tmp_path: Path) -> AsyncIterator[Counting]:
    found = Counting(f"sqlite+aiosqlite:///{tmp_path}/grants.db")
    await found.migrate()
    yield found
    await found.close()


class Clock(SystemClock):
    time = 0.0

    def monotonic(self) -> float:
        return self.time


async def give(grants: StoredGrants, to: Somebody, role: Role = Role.DEPLOYER) -> None:
    grant = Grant(to, role, ADA.key, datetime.now(UTC))
    await grants.put(grant, ADA, lambda _: None)


async def known(grants: StoredGrants) -> dict[str, Role]:
    return {grant.to.name: grant.role for grant in await grants.all()}


async def test_they_are_read_once_and_again_after_each_change(counting: Counting) -> None:
    grants = StoredGrants(counting, SystemClock())
    for _ in range(3):
        assert await known(grants) == {}
    assert counting.reads == 1
    await give(grants, BEN)
    for _ in range(3):
        assert await known(grants) == {"ben": Role.DEPLOYER}
    assert counting.reads == 2
    await grants.remove(BEN, ADA, lambda _: None)
    assert await known(grants) == {}


async def test_what_was_read_while_they_changed_is_not_kept(counting: Counting) -> None:
    grants = StoredGrants(counting, SystemClock())
    counting.finished = asyncio.Event()
    early = asyncio.create_task(grants.all())
    await counting.reading.wait()
    await give(grants, BEN)
    counting.finished.set()
    await early
    assert await known(grants) == {"ben": Role.DEPLOYER}


async def test_a_change_that_is_refused_leaves_them_as_they_are(counting: Counting) -> None:
    grants = StoredGrants(counting, SystemClock())

    def refuse(_: object) -> None:
        raise PermissionError

    await give(grants, BEN)
    with pytest.raises(PermissionError):
        await grants.remove(BEN, ADA, refuse)
    assert await known(grants) == {"ben": Role.DEPLOYER}


async def test_what_another_process_changes_silently_is_found_after_a_while(
    counting: Counting,
) -> None:
    clock = Clock()
    grants = StoredGrants(counting, clock, timedelta(seconds=1))
    await give(grants, BEN)
    assert await known(grants) == {"ben": Role.DEPLOYER}
    async with counting.write() as session:
        await session.execute(delete(GrantRow))
    clock.time += 0.9
    assert await known(grants) == {"ben": Role.DEPLOYER}
    clock.time += 0.2
    assert await known(grants) == {}
