"""Mentions and plain words: asked in a thread, understood, clicked; and what starts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.house import until

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


async def test_what_happened_here_is_told_to_whoever_asks(town: House, people: Chat) -> None:
    ada, cleo = people.ada, people.cleo
    await ada.types("/luthien create beta")
    done = await ada.sees("Create instance beta", "done in", private=False, within=30)
    line = await ada.sees("✓", thread=done.thread_ts or done.ts)
    await cleo.asks_about(line)
    told = await cleo.sees("Create instance beta: succeeded", private=True, thread=line.thread_ts)
    assert "Step" in told, "its timeline"
    await cleo.types("lunch?")
    await cleo.asks_about(await cleo.sees("lunch?"))
    await cleo.gets("no run and no instance that I know")


async def test_a_log_is_followed_in_a_thread_until_somebody_stops_it(
    town: House, people: Chat
) -> None:
    await people.ada.types("/luthien create gamma")
    await people.ada.sees("Create instance gamma", "done in", private=False, within=30)
    await people.cleo.types("/luthien logs gamma --follow 6s")
    root = await people.ben.sees("Log of gateway of gamma", "followed for", "Its time is over")
    assert len(await people.ben.messages(root.ts)) > 1, "lines in its thread"
    await people.cleo.types("/luthien logs gamma --follow 5m")
    live = await people.ben.sees("Log of gateway of gamma", "live for 5 min")
    await people.ben.clicks("Stop", live)
    await people.cleo.sees("followed for", "Ended: stopped by")


async def test_what_is_too_long_for_a_message_is_a_file_for_the_asker_alone(
    town: House, people: Chat
) -> None:
    await people.ada.types("/luthien create delta")
    await people.ada.sees("Create instance delta", "done in", private=False, within=30)
    traces = "\n".join(f"frame {n}: somewhere in the code" for n in range(200))
    await town.control("railway/crash", project="luthien-delta", service="gateway", message=traces)
    await people.cleo.types("/luthien logs delta")
    await people.cleo.gets("Log of gateway of delta", "a file in our direct conversation")
    alone = people.cleo.elsewhere("@luthien")

    async def sent() -> list[dict[str, Any]]:
        return [f for m in await alone.messages() for f in m.raw.get("files") or []]

    [file] = await until(sent, within=10, what="cleo has the file")
    assert file["name"] == "logs-delta.txt"
    everywhere = [m for person in (people.ada, people.ben) for m in await person.everything()]
    assert not [m for m in everywhere if m.raw.get("files")]


async def test_hesitation_starts_nothing(town: House, people: Chat) -> None:
    before = await runs(town)
    for said in ("don't delete acme", "what if I deleted acme?", "delete acme? no!"):
        await people.ben.types(f"@luthien {said}")
        answered = await people.ben.gets("so I begin nothing", "delete")
        assert "Yes, do it" not in answered.buttons
    assert await runs(town) == before


async def test_an_open_home_follows_what_happens(town: House, people: Chat) -> None:
    await people.ben.home()
    await people.ada.types("/luthien create omega")
    await people.ada.sees("Create instance omega", "done in", private=False, within=30)
    home = await people.ben.sees_at_home("omega>* · running")
    assert "Under way" not in str(home)

    await people.ben.chooses_at_home(home, "menu:omega", "status omega")
    await people.ben.elsewhere("@luthien").sees("omega: running")
    await people.ben.types("/luthien delete omega")
    await people.ben.clicks("Delete omega", await people.ben.gets("Delete omega?"))
    home = await people.ben.sees_at_home("is deleted", "in 6 d 23 h", "Keep ")
    await people.ben.chooses_at_home(home, "do:cancel-delete")
    await people.ben.sees_at_home("omega>* · running")


async def test_a_direct_message_is_a_conversation(town: House, people: Chat) -> None:
    alone: Person = people.ben.elsewhere("@luthien")
    await alone.types("who am i?")
    await alone.sees("I understood `whoami`", "deployer")
    await alone.types("crate bob somehow")
    told: Message = await alone.sees("I did not understand “crate bob somehow”")
    assert "/luthien help create" in told.buttons


@pytest.mark.asyncio(loop_scope="function")
async def test_the_same_where_slack_posts_to_us(http_house: House, http_chat: Chat) -> None:
    ada = http_chat.ada
    await ada.types("@luthien please create acme")
    await ada.clicks("Yes, do it", await ada.gets("waits for your click"))
    done = await ada.sees("Create instance acme", "done in", private=False, within=30)
    await ada.asks_about(done)
    await ada.gets("Create instance acme: succeeded")
    await ada.types("/luthien restart")
    offered = await ada.is_offered("complete:instance", "ac")
    assert offered == {"acme": "running"}
    assert list(await ada.is_offered("complete:service", "")) == ["gateway", "Postgres", "Redis"]
    home = await ada.home()
    assert "acme" in str(home)
