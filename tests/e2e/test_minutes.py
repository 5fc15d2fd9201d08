"""The operator's minutes: how long somebody waits for a word, with a stopwatch in the hand."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.chat import Chat, assert_says
from tests.e2e.house import House, open_house, until
from tests.e2e.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.chat import Message, Person

PROMPTLY = 10.0
AT_ONCE = 3.0
"""Seconds. The promise is one (two for the keys); the machine that runs the tests may have more
to do."""

pytestmark = pytest.mark.asyncio(loop_scope="module")

OUTAGE = 30
"""Requests to Railway that go wrong: more than a command makes before it gives up."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def unhurried(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Our own times as in production; Railway's short enough for a run of half a minute."""
    folder = tmp_path_factory.mktemp("unhurried")
    async with open_house(folder, speed=4.0, LUTHIEN_PACE="1") as house:
        await house.serve()
        yield house


async def first_word(person: Person, line: str) -> tuple[float, Message]:
    """Seconds from Enter to the first word that this person sees."""
    before = {m.ts: m.words for m in await person.messages()}

    async def word() -> Message | None:
        new = [m for m in await person.messages() if before.get(m.ts) != m.words]
        return new[-1] if new else None

    began = time.monotonic()
    typed = asyncio.create_task(person.types(line))
    message = await until(word, within=10, what=f"a word after {line}")
    waited = time.monotonic() - began
    await typed
    return waited, message


@pytest.mark.parametrize("line", ["help", "list", "create Bad", "create soon --plan", "lst"])
async def test_an_answer_within_a_second(unhurried: House, line: str) -> None:
    waited, message = await first_word(Chat(unhurried.http).ada, f"/luthien {line}")
    assert waited < AT_ONCE, message.text


async def test_no_run_is_silent_and_its_keys_come_at_once(unhurried: House) -> None:
    chat = Chat(unhurried.http)
    async with watching(chat.ada) as seen:
        await chat.ada.types("/luthien create acme")
        await chat.ada.sees("*Create instance acme*: done in", within=90)
        await asyncio.sleep(0.2)
    over = seen.moment("*Create instance acme*: done in")
    assert over > 20
    assert seen.moment("Create instance acme") < AT_ONCE
    assert seen.longest_silence(until=over) < 15

    said = {m.text for m in seen.versions("Wait until gateway is deployed · ")}
    for phase in ("INITIALIZING", "BUILDING", "DEPLOYING"):
        assert any(phase in text for text in said), said

    calls = await unhurried.journal()
    healthy = max(_at(c) for c in calls if c["operation"] == "GET /ready")
    [told] = [_at(c) for c in calls if c["operation"] == "chat.postEphemeral"]
    assert 0 < told - healthy < PROMPTLY


def _at(call: dict[str, str]) -> float:
    return datetime.fromisoformat(call["at"]).timestamp()


@pytest.mark.parametrize("kind", ["500", "lost-before", "delay"])
async def test_also_while_railway_is_down(unhurried: House, kind: str) -> None:
    for nth in range(1, OUTAGE + 1):
        await unhurried.fault("railway", "*", kind, nth)
    chat = Chat(unhurried.http)
    asked = {chat.ada: "create unlucky", chat.ben: "status acme", chat.cleo: "list"}
    words = await asyncio.gather(*(first_word(p, f"/luthien {asked[p]}") for p in asked))
    for waited, message in words:
        assert waited < AT_ONCE, message.text
    if kind != "delay":  # then the answers do come, later
        for person, line in asked.items():
            refusal = await person.gets("Railway does not answer", within=15)
            assert_says(
                refusal,
                what="Railway does not answer.",
                why="HTTP " if kind != "lost-before" else "",
                who="https://status.railway.com shows known problems.",
                then=f"/luthien {line}",
            )
        assert "luthien-unlucky" not in [p["name"] for p in await unhurried.projects()]
    await unhurried.control("reset")
