"""A create that does not reach its end: what people are told, what is removed, how it goes on."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.chat import Chat, Message, Person
    from tests.e2e.house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

ERROR = "ERROR: failed to solve: process 'uv sync --frozen' did not complete: exit code 1"

TRIES = 8
"""How often a step is tried before its run is given up as errored."""


async def fail_next(town: House, name: str, step: str) -> None:
    """The next deployment of this instance's gateway fails in this phase."""
    await town.control(
        "railway/fail", project=f"luthien-{name}", service="gateway", step=step, error=ERROR
    )


async def exists(town: House, name: str) -> bool:
    return f"luthien-{name}" in [project["name"] for project in await town.projects()]


async def thread_of(person: Person, name: str) -> list[Message]:
    root = await person.sees(f"*Create instance {name}*", "Asked for by", private=False)
    return await person.messages(root.ts)


def preformatted(message: Message) -> str:
    """The text of its log, which is the last of what stands in fixed width."""
    found = ""
    for block in message.blocks:
        for part in block.get("elements", ()):
            if part.get("type") == "rich_text_preformatted":
                found = "".join(piece["text"] for piece in part["elements"])
    return found


@asynccontextmanager
async def slow_builds(town: House, pace: float) -> AsyncIterator[None]:
    """So many times slower than usual, where it takes about a second."""
    await town.http.put("/control/state", json={"railway": {"settings": {"pace": pace}}})
    try:
        yield
    finally:
        await town.http.put("/control/state", json={"railway": {"settings": {"pace": 1.0}}})


async def test_told_in_plain_blocks_where_slack_knows_no_others(town: House, people: Chat) -> None:
    unknown = ["plan", "task_card", "data_table", "table"]
    await town.http.put("/control/state", json={"slack": {"unsupported_blocks": unknown}})
    await people.ada.types("/luthien create plain")
    await people.ben.sees("*Create instance plain*: done in", within=30)
    # Edits are the first to wait when the workspace's budget is spent, so this may take a while.
    root = await people.ben.sees("✅ *Create instance plain*", "● Mark it ready ·", within=30)
    assert {block["type"] for block in root.blocks} == {"section", "context", "actions"}
    for line in ("● Create the project luthien-plain ·", "● Wait until gateway is deployed ·"):
        assert line in root
    await people.ada.types("/luthien list plain")
    listed = await people.ada.gets("1 instance")
    assert "plain  running  http://gateway-" in re.sub(" +", "  ", preformatted(listed))
    await town.http.put("/control/state", json={"slack": {"unsupported_blocks": []}})


async def test_a_failed_build_is_told_and_cleaned_up(town: House, people: Chat) -> None:
    await fail_next(town, "broken", "BUILD_IMAGE")
    await people.ada.types("/luthien create broken")
    done = await people.ben.sees("*Create instance broken*: Failed after", within=30)
    assert "Failed phase: `BUILD_IMAGE`" in done
    assert ERROR in done
    assert "Removed again: 1 thing." in done
    assert done.buttons == ["Try again"]
    assert re.search(r"Next: `/luthien retry r\w{7}`", done.text)

    thread = await thread_of(people.ben, "broken")
    [told] = [m for m in thread if "✗ *Wait until gateway is deployed*" in m]
    assert "Failed phase: `BUILD_IMAGE`" in told
    log = preformatted(told).splitlines()
    assert 10 < len(log) <= 30
    assert ERROR in "\n".join(log)
    assert any("– removed project *luthien-broken* (`" in m for m in thread)
    assert not await exists(town, "broken")
    assert not any("Credentials of broken" in m for m in await people.ada.messages())

    # The log is kept with the run, although the project is gone.
    await people.cleo.types("/luthien run broken")
    shown = await people.cleo.gets("Create instance broken: failed")
    assert preformatted(shown).splitlines() == log
    assert "Removed: project luthien-broken" in shown

    # And the name is free again.
    await people.ada.clicks("Try again", done)
    await people.ben.sees("*Create instance broken*: done in", within=30)
    await people.ada.sees("Credentials of broken", private=True)
    assert await exists(town, "broken")


async def test_kept_for_a_look_then_tried_again(town: House, people: Chat) -> None:
    await fail_next(town, "kept", "HEALTHCHECK")
    await people.ada.types("/luthien create kept --keep")
    failed = await people.ben.sees("*Create instance kept*: Failed after", within=30)
    assert re.search(r"Still there:\n• project \*luthien-kept\* \(`[\w-]{36}`\)", failed.shown)
    assert failed.buttons == ["Try again", "Remove what was made"]
    assert await exists(town, "kept")

    await people.ada.clicks("Try again", failed)
    await people.ben.sees("*Create instance kept*: done in", within=30)
    made = [p for p in await town.projects() if p["name"] == "luthien-kept"]
    assert [p["description"] for p in made] == ["ready"]


async def test_stopped_by_the_button_and_removed(town: House, people: Chat) -> None:
    async with slow_builds(town, 40):
        await people.ada.types("/luthien create halted")
        root = await people.ben.sees(
            "Create instance halted", "Wait until gateway is deployed ·", within=20
        )
        await people.ben.clicks("Cancel", root)
        stopped = await people.ben.sees(
            "*Create instance halted*: Stopped by ben after", within=20
        )
    assert stopped.buttons == ["Go on", "Remove what was made"]
    assert await exists(town, "halted")
    await people.ben.clicks("Remove what was made", stopped)
    await people.ben.sees("*Create instance halted*: What it had made is removed")
    assert not await exists(town, "halted")
    lines = "\n".join(m.text for m in await thread_of(people.ben, "halted"))
    for words in (
        "✋ ben asked to stop it",
        "◌ Wait until gateway is deployed: stopped",
        "ben asked to remove what was made",
        "– removed project *luthien-halted*",
    ):
        assert words in lines


async def test_stopped_and_gone_on_with(town: House, people: Chat) -> None:
    async with slow_builds(town, 4):
        await people.ada.types("/luthien create paused")
        await people.ada.sees("Create instance paused", "Wait until gateway is", within=20)
        await people.ada.types("/luthien cancel paused")
        await people.ada.gets("Create instance paused: stopping")
        stopped = await people.ada.sees("*Create instance paused*: Stopped by ada", within=20)
    await people.ada.clicks("Go on", stopped)
    await people.ada.sees("*Create instance paused*: done in", within=40)
    calls = await town.journal("railway")
    asked = [c["variables"] for c in calls if c["operation"] == "projectCreate"]
    assert str(asked).count("luthien-paused") == 1  # what was done is not done again


async def test_an_errored_run_keeps_everything_and_is_tried_again(
    town: House, people: Chat
) -> None:
    for nth in range(1, TRIES + 1):
        await town.fault("railway", "serviceInstanceUpdate", "500", nth)
    await people.ada.types("/luthien create shaky")
    errored = await people.ben.sees("*Create instance shaky*: Interrupted after", within=60)
    assert "nothing was removed" in errored
    assert "project *luthien-shaky* (`" in errored
    assert errored.buttons == ["Try again", "Remove what was made", "What does this mean?"]
    await people.ben.clicks("What does this mean?", errored)
    await people.ben.sees("Outcome unknown")
    assert await exists(town, "shaky")
    lines = "\n".join(m.text for m in await thread_of(people.ben, "shaky")).splitlines()
    retries = [
        line for line in lines if line.startswith("↻ Set how gateway is built and run: again in")
    ]
    assert len(retries) == TRIES - 1
    assert all("Railway gave no answer" in line for line in retries)

    await people.ben.clicks("Try again", errored)
    await people.ben.sees("*Create instance shaky*: done in", within=60)
    [made] = [p for p in await town.projects() if p["name"] == "luthien-shaky"]
    assert made["description"] == "ready"
    # Its keys go to who asked for it, not to who helped.
    await people.ada.sees("Credentials of shaky", private=True)
    assert not any("Credentials of shaky" in m for m in await people.ben.messages())
