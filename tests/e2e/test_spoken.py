"""Mentions and plain words: asked in a thread, understood, clicked; and what starts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.chat import Chat, Message, Person
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def runs(house: House) -> list[str]:
    return [run["line"] for run in (await house.luthien("runs", "--json")).json["runs"]]


async def test_plain_words_wait_for_a_click_and_threads_know_what_they_are_about(
    town: House, people: Chat
) -> None:
    ada, cleo = people.ada, people.cleo
    await ada.types("@luthien could you please create acme?")
    asked = await ada.gets("I understood `/luthien create acme`", "waits for your click")
    assert await runs(town) == []
    await ada.clicks("Yes, do it", asked)
    done = await ada.sees("Create instance acme", "done in", private=False, within=30)
    assert asked.ts not in [message.ts for message in await ada.messages()], "it can be taken once"

    thread = done.thread_ts or done.ts
    await cleo.types("@luthien what's wrong with it?", thread=thread)
    await cleo.sees("I understood `status acme`", "acme: running", private=True, thread=thread)
    await cleo.types("@luthien logs for the last hour", thread=thread)
    shown = await cleo.sees("I understood `logs acme --since 1h`", private=True, thread=thread)
    await cleo.clicks("Share here", shown)
    await ada.sees("Shared by", private=False, thread=thread)
    await cleo.types("@luthien restart it", thread=thread)
    await cleo.sees("needs the role deployer", private=True, thread=thread)


async def test_hesitation_starts_nothing(town: House, people: Chat) -> None:
    before = await runs(town)
    for said in ("don't delete acme", "what if I deleted acme?", "delete acme? no!"):
        await people.ben.types(f"@luthien {said}")
        answered = await people.ben.gets("so I begin nothing", "delete")
        assert "Yes, do it" not in answered.buttons
    assert await runs(town) == before


async def test_a_direct_message_is_a_conversation(town: House, people: Chat) -> None:
    alone: Person = people.ben.elsewhere("@luthien")
    await alone.types("who am i?")
    await alone.sees("I understood `whoami`", "deployer")
    await alone.types("crate bob somehow")
    told: Message = await alone.sees("I did not understand “crate bob somehow”")
    assert "/luthien help create" in told.buttons
