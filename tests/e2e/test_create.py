"""`/luthien create acme`, from the typed command to a gateway that answers.

What everybody sees, who gets the keys, and what exists at the host; over Socket Mode and HTTP.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.e2e.chat import Chat, Message
from tests.e2e.house import House, open_house, until
from tests.e2e.watching import Seen, watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEPS = (
    "Create the project luthien-acme",
    "Add the database Postgres",
    "Add the database Redis",
    "Add the service gateway",
    "Set 15 variables of gateway",
    "Set how gateway is built and run",
    "Give gateway a public domain (port 8000)",
    "Deploy gateway from LuthienResearch/luthien-proxy@main",
    "Switch off deploying gateway on every push",
    "Wait until gateway is deployed",
    "Check that gateway was built by its Dockerfile and checked at /health",
    "Check that gateway answers at /health and /ready",
    "Mark it ready",
)


@dataclass
class Created:
    """An instance that ada asked for while ben and cleo were looking on."""

    house: House
    chat: Chat
    seen: Seen
    """By ben."""
    root: Message
    """As it was first."""
    done: Message
    keys: Message

    @property
    def url(self) -> str:
        return self.done.links["Open gateway"]

    @property
    def proxy_key(self) -> str:
        return _value(self.keys, "Proxy API key")

    @property
    def admin_key(self) -> str:
        return _value(self.keys, "Admin API key")

    async def ask(self, path: str, key: str = "", **request: Any) -> tuple[int, Any]:
        """Status and answer of the gateway, as any client on the internet gets them."""
        host = self.url.removeprefix("http://")
        headers = {"Host": host} | ({"Authorization": f"Bearer {key}"} if key else {})
        method = "POST" if "json" in request else "GET"
        answer = await self.house.http.request(method, path, headers=headers, **request)
        return answer.status_code, answer.json()


def _value(keys: Message, label: str) -> str:
    found = re.search(rf"\*{label}\*\n`([\w-]+)`", keys.words)
    assert found, keys.words
    return found[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["Socket Mode", "HTTP"])
async def acme(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Created]:
    folder = tmp_path_factory.mktemp("house")
    async with open_house(folder, over_http=request.param == "HTTP") as house:
        await house.serve()
        slow_builds = {"railway": {"settings": {"pace": 3.0}}}
        await house.http.put("/control/state", json=slow_builds)
        chat = Chat(house.http)
        async with watching(chat.ben) as seen:
            ack = await chat.ada.types("/luthien create acme")
            assert (ack.status, ack.body) == (200, "")
            root = await chat.ben.sees("Create instance acme", "asked for by <@U0ADA00001>")
            keys = await chat.ada.gets("Credentials of acme", within=40)
            done = await chat.ben.sees("*Create instance acme*: done in")
            await asyncio.sleep(0.2)
        yield Created(house, chat, seen, root, done, keys)


async def test_one_message_tells_how_far_it_is(acme: Created) -> None:
    assert acme.root.buttons == ["Cancel"]
    versions = [m for _, m in acme.seen.sights if m.ts == acme.root.ts]
    assert len(versions) > 2
    for version in versions:
        [plan] = [block for block in version.blocks if block["type"] == "plan"]
        assert [task["title"].partition(" · ")[0] for task in plan["tasks"]] == list(STEPS)
    phases = [v.text for v in versions if "Wait until gateway is deployed · BUILDING" in v.text]
    assert phases
    assert all(re.search(r" · (<?[\d.]+ s) · asked for by", phase) for phase in phases)
    last = versions[-1]
    assert "All 13 steps done" in last
    assert last.text.startswith("✅ Create instance acme: Done in ")
    assert last.buttons == ["Open gateway", "Status"]


async def test_its_thread_has_a_line_for_every_step(acme: Created) -> None:
    ben = acme.chat.ben

    async def told() -> list[str]:
        lines = [m.text for m in await ben.messages(acme.root.ts) if m.text.startswith("✓")]
        return "\n".join(lines).splitlines()

    lines = await told()
    set_to = (
        "Set how gateway is built and run: Dockerfile docker/Dockerfile.gateway, health check"
        " /health, health check timeout 60 s, restart on failure and restart attempts 3"
    )
    said = [set_to if s == "Set how gateway is built and run" else s for s in STEPS]
    assert sorted(line.split(" · ")[0] for line in lines) == sorted(f"✓ {s}" for s in said)
    assert all(re.search(r" · (&lt;)?[\d.]+ s", line) for line in lines)
    [domain] = [line for line in lines if "public domain" in line]
    assert f"<{acme.url}|open>" in domain
    [deployed] = [line for line in lines if "Deploy gateway from" in line]
    assert "<https://railway.com/project/" in deployed


async def test_the_result_stands_in_the_channel_with_what_to_do_next(acme: Created) -> None:
    assert acme.done in await acme.chat.cleo.messages()
    assert acme.done.thread_ts == acme.root.ts
    assert acme.done.buttons == ["Open gateway", "Show credentials", "Status"]
    # Its text makes sense alone: a phone shows nothing else.
    for words in ("✅ Create instance acme: done in ", acme.url, "/luthien status acme"):
        assert words in acme.done.text
    assert re.search(r"Next: save the credentials .*, then open the gateway", acme.done.text)


async def test_only_the_requester_sees_the_keys(acme: Created) -> None:
    keys, ada = acme.keys, acme.chat.ada
    assert keys.private
    assert keys.thread_ts is None
    values = (acme.proxy_key, acme.admin_key)
    assert not any(value in keys.text for value in values)
    with_keys = [m for m in await ada.everything() if any(value in m.words for value in values)]
    assert [m.ts for m in with_keys] == [keys.ts]
    for other in (acme.chat.ben, acme.chat.cleo):
        assert not any(value in m.words for m in await other.everything() for value in values)
    for person in (acme.chat.ada, acme.chat.ben, acme.chat.cleo):
        assert await person.elsewhere("@luthien").messages() == []
    traffic = (await acme.house.http.get("/control/journal")).text
    assert not any(value in traffic for value in values)
    assert not any(value in acme.house.server.log for value in values)


async def test_the_gateway_answers_with_the_delivered_keys(acme: Created) -> None:
    assert await acme.ask("/health") == (200, {"status": "healthy", "version": "0.1.0"})
    status, ready = await acme.ask("/ready")
    assert (status, ready["status"]) == (200, "ready")

    status, policy = await acme.ask("/api/admin/policy/current", acme.admin_key)
    assert (status, policy["policy"]) == (200, "NoOpPolicy")
    assert (await acme.ask("/api/admin/policy/current", acme.proxy_key))[0] == 403

    question = {"model": "claude", "messages": [{"role": "user", "content": "Hello?"}]}
    status, said = await acme.ask("/v1/messages", acme.proxy_key, json=question)
    assert (status, said["content"][0]["text"]) == (200, "You said: Hello?")
    assert (await acme.ask("/v1/messages", "guessed", json=question))[0] == 401


async def test_the_instance_is_made_as_agreed(acme: Created) -> None:
    [project] = await acme.house.projects()
    assert (project["name"], project["description"]) == ("luthien-acme", "ready")
    [place] = project["environments"]
    services = {s["name"]: s for s in place["services"]}
    assert set(services) == {"gateway", "Postgres", "Redis"}
    assert all(s["status"] == "SUCCESS" for s in services.values())
    assert services["Postgres"]["volume"]
    assert services["gateway"]["domain"] == acme.url.removeprefix("http://").partition(":")[0]

    railway = (await acme.house.http.get("/control/state")).json()["railway"]
    written = railway["variables"][f"{place['id']}/{services['gateway']['id']}"]
    run = re.search(r"run `(\w+)`", acme.root.words)
    assert run
    assert written == written | {
        "DATABASE_URL": "${{Postgres.DATABASE_URL}}",
        "REDIS_URL": "${{Redis.REDIS_URL}}",
        "PORT": "8000",
        "GATEWAY_PORT": "${{PORT}}",
        "PROXY_API_KEY": acme.proxy_key,
        "CLIENT_API_KEY": acme.proxy_key,
        "ADMIN_API_KEY": acme.admin_key,
        "LUTHIEN_INSTANCE": "acme",
        "LUTHIEN_RUN": run[1],
    }
    assert len({acme.proxy_key, acme.admin_key, written["DATABASE_URL"]}) == 3

    asked = await acme.house.journal("railway")
    writes = [call for call in asked if (call["document"] or "").startswith("mutation")]
    assert 1 <= len(writes) <= 12


async def test_a_push_deploys_nothing(acme: Created) -> None:
    before = await acme.house.projects()
    pushed = await acme.house.control(
        "railway/push", repo="LuthienResearch/luthien-proxy", branch="main"
    )
    assert pushed["deployments"] == []
    assert await acme.house.projects() == before


async def test_show_credentials_answers_only_the_requester(acme: Created) -> None:
    ada, ben = acme.chat.ada, acme.chat.ben
    await ada.clicks("Show credentials", acme.done)
    shown = await ada.gets("Credentials of acme", acme.proxy_key, acme.admin_key)
    assert shown.ts != acme.keys.ts

    await ben.clicks("Show credentials", acme.done)
    refused = await ben.gets("The credentials of `acme` are not for you to see here.")
    for words in ("Only the one who created it", "ada created it", "Next: `/luthien run r"):
        assert words in refused
    assert acme.proxy_key not in refused.words

    await ada.types("/luthien credentials acme")
    again = await ada.gets("Credentials of acme", acme.proxy_key)
    assert "They can be shown to you again for 23 h" in again
    assert "Share here" not in again.buttons


async def test_saved_forget_them(acme: Created) -> None:
    ada = acme.chat.ada
    await ada.types("/luthien credentials acme")
    shown = await ada.gets("Credentials of acme", acme.proxy_key)
    await ada.clicks("Saved, forget them", shown)
    await ada.gets("The credentials of acme are not shown here any more")

    # The words of that answer took the place of the keys.
    async def replaced() -> bool:
        return not any(m.ts == shown.ts and acme.proxy_key in m for m in await ada.messages())

    await until(replaced, within=5, what="the clicked message without keys")
    for ask in (ada.types("/luthien credentials acme"), ada.clicks("Show credentials", acme.done)):
        await ask
        refused = await ada.gets("are not shown here any more", "You asked to forget them.")
        assert "Next: `/luthien status acme`" in refused
    # They go on working: nothing at the host was changed.
    assert (await acme.ask("/api/admin/policy/current", acme.admin_key))[0] == 200
