"""A link lets in once, however many use it at the same moment and in however many processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.clock import SystemClock
from engine.errors import Refused
from engine.secrets import parse_keys
from engine.store.database import open_database
from engine.store.sessions import StoredSessions
from tests.unit.engine.house import BEN, KEY

if TYPE_CHECKING:
    from pathlib import Path


async def test_of_many_who_use_a_link_at_once_one_is_let_in(tmp_path: Path, database: str) -> None:
    opened = [open_database(database) for _ in range(2)]
    await opened[0].migrate()
    sessions = [StoredSessions(one, parse_keys(KEY), SystemClock()) for one in opened]
    for _ in range(2):
        link = await sessions[0].invite(BEN)
        came = await asyncio.gather(
            *(sessions[number % 2].enter(link) for number in range(8)), return_exceptions=True
        )
        let_in = [session for session in came if isinstance(session, str)]
        assert len(let_in) == 1
        refused = [error for error in came if isinstance(error, Refused)]
        assert len(refused) == 7
        assert all("was used already" in str(error) for error in refused)
        visitor = await sessions[1].visitor(let_in[0])
        assert visitor is not None
        assert visitor.actor == BEN.key
    for one in opened:
        await one.close()
