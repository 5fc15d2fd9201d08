"""`/luthien delete acme`: asked first, scheduled, kept, or gone when its time has come."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.chat import Chat, assert_says
from tests.e2e.house import House, open_house

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(people: Chat, name: str) -> None:
    await people.ada.types(f"/luthien create {name}")
    await people.ada.sees(f"Create instance {name}", "done in", within=30)


async def project(house: House, name: str) -> dict[str, Any]:
    [found] = [p for p in await house.projects() if p["name"] == f"luthien-{name}"]
    return found


async def test_delete_asks_and_everybody_can_keep_it(town: House, people: Chat) -> None:
    await made(people, "acme")
    before = await project(town, "acme")

    await people.ben.types("/luthien delete acme")
    asked = await people.ben.gets("Delete acme? This is what would be lost")
    assert "1 volume with all data" in asked
    assert "localhost" in asked
    assert (await project(town, "acme"))["description"] == before["description"]

    await people.ben.clicks("Delete acme", asked)
    told = await people.cleo.sees("Delete instance acme", "done in", "stays reachable until")
    assert "Keep it" in told.buttons
    kind, _, at = (await project(town, "acme"))["description"].partition(":")
    left = datetime.fromisoformat(at) - datetime.now(UTC)
    assert kind == "deletion-scheduled"
    assert timedelta(days=6, hours=23, minutes=59) < left <= timedelta(days=7)

    await people.cleo.types("/luthien status acme")
    seen = await people.cleo.gets("acme: deletion scheduled", "in 6 d 23 h")
    assert not [label for label in seen.buttons if label.startswith("Keep")], "a viewer may not"
    await people.cleo.clicks("Keep it", told)
    await people.cleo.gets("needs the role deployer")

    await people.ben.types("/luthien list acme")
    assert "Keep acme" in (await people.ben.gets("deletion scheduled")).buttons
    await people.ada.clicks("Keep it", told)
    await people.cleo.sees("Keep instance acme", "done in", "acme stays")
    assert (await project(town, "acme"))["description"] == before["description"]

    await people.ben.loses("Keep it", told)
    await people.ben.types(told.lines["Keep it"])
    await people.ben.gets("No deletion of `acme` is scheduled")


async def test_an_old_button_says_so_and_offers_the_command_again(
    town: House, people: Chat
) -> None:
    await made(people, "twice")
    await people.ada.types("/luthien delete twice")
    ada = await people.ada.gets("Delete twice?")
    await people.ben.types("/luthien delete twice")
    ben = await people.ben.gets("Delete twice?")
    await people.ada.clicks("Delete twice", ada)
    await people.ben.sees("Delete instance twice", "done in")
    scheduled = await project(town, "twice")

    await people.ben.clicks("Delete twice", ben)
    refusal = await people.ben.gets("The deletion of `twice` is scheduled already")
    assert_says(
        refusal,
        what="scheduled already",
        why="It is to be deleted on",
        who="can keep it",
        then="/luthien cancel-delete twice",
    )
    assert await project(town, "twice") == scheduled

    await people.ben.types("/luthien delete nobody")
    await people.ben.gets("There is no instance `nobody`")


async def test_a_viewer_is_refused_before_anything_is_shown(people: Chat) -> None:
    await people.cleo.types("/luthien delete whatever")
    await people.cleo.gets("`delete` needs the role deployer")


async def test_the_command_line_asks_or_is_told_yes(town: House, people: Chat) -> None:
    await made(people, "cli")
    asked = await town.luthien("delete", "cli", "--json")
    assert asked.code == 2
    assert asked.json["next_step"] == "luthien delete cli --yes"

    done = await town.luthien("delete", "cli", "--yes", "--json")
    assert done.code == 0, done.err
    at = (await project(town, "cli"))["description"].removeprefix("deletion-scheduled:")
    assert done.json["deletion_scheduled_at"] == at
    assert done.json["status"] == "deletion_scheduled"

    kept = await town.luthien("cancel-delete", "cli", "--json")
    assert kept.code == 0, kept.err
    assert (await project(town, "cli"))["description"] == "ready"


async def test_a_deletion_is_announced_and_carried_out(tmp_path: Path) -> None:
    """With a grace of half a minute: the warning four seconds ahead, then it is gone for good."""
    async with open_house(tmp_path, LUTHIEN_DELETE_GRACE="PT28S") as house:
        await house.serve()
        chat = Chat(house.http)
        for name in ("gone", "kept"):
            await made(chat, name)
        for name in ("gone", "kept"):
            await chat.ada.types(f"/luthien delete {name}")
            asked = await chat.ada.gets(f"Delete {name}?")
            await chat.ada.clicks(f"Delete {name}", asked)
            await chat.ben.sees(f"Delete instance {name}", "done in")
        due = {n: (await project(house, n))["description"].partition(":")[2] for n in ("gone",)}

        await chat.ben.types("/luthien sweep --dry-run")
        await chat.ben.gets("`sweep` needs the role admin")
        await chat.ada.types("/luthien sweep --dry-run")
        await chat.ada.gets("2 scheduled deletions: 0 would be deleted")
        await chat.ada.types("/luthien expire gone")
        await chat.ada.gets("`gone` is not deleted now", "It is to be deleted on")

        warned = await chat.cleo.sees(
            "kept is deleted with everything in it", "unless somebody keeps it", within=40
        )
        await chat.ben.clicks("Keep it", warned)
        await chat.cleo.sees("Keep instance kept", "done in")
        await chat.ben.loses("Keep it", warned)
        await chat.cleo.sees(
            "kept is deleted with", "*Keep it* is not possible any more. kept stays"
        )

        assert house.server.stop(signal.SIGKILL) != 0
        await house.serve()
        await chat.cleo.sees("Delete instance gone for good", "done in", within=40)
        assert datetime.now(UTC) >= datetime.fromisoformat(due["gone"])
        assert [p["name"] for p in await house.projects()] == ["luthien-kept"]
        deletions = [
            e for e in await house.journal("railway") if e["operation"] == "projectDelete"
        ]
        assert len(deletions) == 1
        seen = [m for m in await chat.cleo.messages() if "gone is deleted" in m]
        assert 1 <= len(seen) <= 2, "a first and perhaps a last warning, each once"
        assert len({m.text for m in seen}) == len(seen)
        for warning in seen:
            await chat.ben.loses("Keep it", warning)
        await chat.ben.types("/luthien cancel-delete gone")
        told = await chat.ben.gets("`gone` is gone.", "cannot be kept or brought back")
        assert "`expire gone` by scheduler" in told
