"""What takes more than a sentence to understand leads to its page of the runbook, at every door;
small refusals stay as short as they are."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import commands
from api import problems, render
from api.errors import Bug
from bot import refusals
from bot.blocks import PLAIN
from commands.doctor import Doctor
from engine.answer import Offers
from engine.errors import Locked, OpsError, OutcomeUnknown, Rejected, Unreachable
from engine.registry import discover
from engine.run import RunStatus, Trouble
from engine.ways_on import ways_on
from engine.world import Finding
from tests.unit.api.fakes import run_view
from tests.unit.commands.worlds import Described, Given

if TYPE_CHECKING:
    from collections.abc import Sequence

VENDOR = {"vendor": "railway", "call": "projectCreate"}
REGISTRY = discover(commands)


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (Unreachable("Railway cannot be reached.", **VENDOR), "unreachable"),
        (Rejected("Railway said no.", **VENDOR), "rejected"),
        (OutcomeUnknown("Railway gave no answer.", **VENDOR), "outcome_unknown"),
        (Bug("Something broke."), "bug"),
        (Locked("acme is held."), ""),
    ],
)
def test_every_door_offers_the_page_of_an_error(error: OpsError, page: str) -> None:
    shown = io.StringIO()
    render.error(error, render.console(shown))
    assert problems.problem(error).get("runbook", "") == (
        f"/luthien runbook {page}" if page else ""
    )
    assert (f"luthien runbook {page}" in shown.getvalue()) is bool(page)
    if isinstance(error, Bug):  # Slack has words of its own for it
        said = refusals.incident("1a2b")(PLAIN)
    else:
        said = refusals.refusal(error, REGISTRY)(PLAIN)
    buttons = [one for block in said.blocks for one in block.get("elements", ())]
    lines = [one.get("value") for one in buttons if one["type"] == "button"]
    assert ("runbook" in str(lines)) is bool(page)
    if page:
        assert f"runbook {page}" in lines
        REGISTRY.command("runbook").parse({"page": page})


@pytest.mark.parametrize(
    ("status", "code", "line"),
    [
        (RunStatus.ERRORED, "outcome_unknown", "runbook outcome_unknown"),
        (RunStatus.ERRORED, "bug", "runbook bug"),
        (RunStatus.ERRORED, "", "runbook errored-runs"),
        (RunStatus.FAILED, "rejected", "runbook rejected"),
        (RunStatus.FAILED, "step_failed", ""),
        (RunStatus.CANCELLED, "unreachable", ""),
    ],
)
def test_a_run_in_trouble_offers_the_page_of_what_went_wrong(
    status: RunStatus, code: str, line: str
) -> None:
    trouble = Trouble(step="project", step_title="Create it", summary="No.", code=code)
    run = run_view(status).model_copy(update={"trouble": trouble})
    lines = [way.line for way in ways_on(run) if way.line.startswith("runbook")]
    assert lines == ([line] if line else [])


async def test_doctor_offers_the_page_of_each_problem_once() -> None:
    async def check() -> Sequence[Finding]:
        return [
            Finding("Token", ok=False, detail="refused", page="rejected"),
            Finding("Workspace", ok=False, detail="refused", page="rejected"),
            Finding("Database", ok=True, detail="there", page="unreachable"),
        ]

    world = replace(Given(Described()).world, checks=[check])
    said = await Doctor().answer(world)
    offers = next(part for part in said.parts if isinstance(part, Offers)).offers
    assert [offer.line for offer in offers] == ["doctor", "runbook rejected"]
    assert said.data["checks"][0]["runbook"] == "rejected"
