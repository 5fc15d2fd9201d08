"""What the bot says by itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx

from tests.canaries import MARK
from tests.e2e.chat import Chat
from tests.e2e.house import open_house, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.house import House

SECRET = f"a-secret-{MARK}-of-this-test"


async def populate(house: House, name: str, mark: str = "ready") -> str:
    """An instance that has been up for a while; the project's id."""
    told = await house.control("railway/populate", count=1, name=name, description=mark)
    return str(told["projects"][0])


async def mend(house: House, deployment: str) -> None:
    """Somebody deploys it anew at Railway itself."""
    answer = await house.http.post(
        "/railway/graphql/v2",
        headers={"Authorization": "Bearer sandbox-account"},
        json={
            "query": "mutation ($id: String!) { deploymentRedeploy(id: $id) { id } }",
            "variables": {"id": deployment},
        },
    )
    assert "errors" not in answer.json(), answer.text


async def hook(house: House, project: str, secret: str = SECRET) -> int:
    body: dict[str, Any] = {"type": "Deployment.crashed", "resource": {"project": {"id": project}}}
    url = f"http://{house.settings['LUTHIEN_LISTEN']}/hooks/railway/{secret}"
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.post(url, json=body)).status_code


async def test_an_instance_that_breaks_and_heals_is_told_once_in_one_thread(
    tmp_path: Path,
) -> None:
    async with open_house(tmp_path, LUTHIEN_WATCH="true", LUTHIEN_WEBHOOK_SECRET=SECRET) as house:
        project = await populate(house, "luthien-acme")
        await populate(house, "luthien-calm")
        await house.serve()
        chat = Chat(house.http)

        async def looked() -> bool:
            return any(e["operation"] == "projects" for e in await house.journal("railway"))

        await until(looked, within=10, what="a first look")
        broken = await house.control("railway/crash", project="luthien-acme", service="gateway")
        assert await hook(house, project, "wrong-and-too-long-anyway") == 404
        assert await hook(house, project) == 202
        root = await chat.cleo.sees("*acme* is unhealthy: gateway: the last deployment crashed")
        assert root.buttons == ["Status", "Logs"]

        await mend(house, broken["deployment"])
        end = await chat.cleo.sees("*acme* is healthy again after", thread=root.ts)
        assert end.thread_ts == root.ts
        told = [m for m in await chat.cleo.everything() if "unhealthy" in m or "healthy" in m]
        assert [m.ts for m in told] == [root.ts, end.ts]
        assert not [m for m in await chat.cleo.everything() if "calm" in m]

        runs = await house.luthien("runs", "--json")
        assert runs.json == {"runs": []}, "it changed nothing, so there is no run"
        audit = await house.luthien("audit", "--json")
        assert audit.json["entries"] == []


def set_back(house: House, moment: datetime) -> None:
    """As if the digest had been set then: its slot of this minute is still to come."""
    with closing(sqlite3.connect(house.folder / "luthien" / "luthien.db")) as database, database:
        database.execute(
            "UPDATE memory SET value = json_set(value, '$.done', ?) WHERE kind = 'digest'",
            [moment.isoformat()],
        )


async def test_a_digest_in_a_channel_and_its_keep_button(tmp_path: Path) -> None:
    leaving = datetime.now(UTC) + timedelta(days=3)
    async with open_house(tmp_path) as house:
        await populate(house, "luthien-acme")
        project = await populate(
            house, "luthien-leaving", f"deletion-scheduled:{leaving.isoformat()}"
        )
        await populate(house, "luthien-broken")
        await house.control("railway/crash", project="luthien-broken", service="gateway")
        await house.serve()
        chat = Chat(house.http)

        await chat.ben.types("/luthien digest #ops daily 09:00 Helsinki")
        await chat.ben.gets("#ops gets a digest daily 09:00 Europe/Helsinki", "09:00 there")
        await chat.cleo.types("/luthien digest #ops off")
        await chat.cleo.gets("`digest` needs the role deployer")

        await chat.ben.clicks("Show one now")
        told = await chat.cleo.sees("*Digest* of", "asked for by ben")
        assert not told.private
        assert "1 running, 1 unhealthy, 1 deletion scheduled" in told.shown
        assert "gateway: the last deployment crashed" in told.shown
        assert [b["type"] for b in told.blocks].count("data_visualization") == 1
        await chat.ben.clicks("Keep leaving", told)
        await chat.cleo.sees("Keep instance leaving", "done in")
        [kept] = [p for p in await house.projects() if p["id"] == project]
        assert kept["description"] == "ready"
        await chat.ben.loses("Keep leaving", told)
        await chat.cleo.sees("*Keep leaving* is not possible any more. leaving stays")

        now = datetime.now(UTC)
        await chat.ben.types(f"/luthien digest #ops daily {now:%H:%M}")
        await chat.ben.gets("#ops gets a digest daily", "UTC")
        set_back(house, now - timedelta(hours=1))
        slot = f"*Digest* of {now:%a %d %b %Y, %H:%M} (UTC)"
        told = await chat.cleo.sees(slot, "2 running, 1 unhealthy", within=60)
        assert "comes late" not in told
        assert "*What changed in the last 1 d*" in told
        assert "• Kept: leaving by ben" in told
        assert told.buttons == ["All instances"]
        assert len([m for m in await chat.cleo.messages() if slot in m]) == 1

        listed = await house.luthien("digest", "list", "--json")
        [digest] = listed.json["digests"]
        assert (digest["channel_name"], digest["by"]) == ("ops", "ben")
        nowhere = await house.luthien("digest", "nowhere", "now")
        assert nowhere.code == 2
        assert "/invite @" in nowhere.err
