"""World in, plan or answer or refusal out: one file per case, one runner.

A case says what is given and asked; what is expected was written by the runner, run with
`UPDATE_GOLDEN=1`, and read by a person.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.command import Change, Undecided
from engine.errors import OpsError
from engine.rights import permitted
from tests.unit.commands.worlds import REGISTRY, Described, Given

FOLDER = Path(__file__).parent / "golden"
CASES = sorted(FOLDER.glob("*/*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_case(path: Path) -> None:
    case = json.loads(path.read_text())
    given = Given(Described.model_validate(case["given"]))
    found = asyncio.run(_outcome(path.parent.name, case["asked"], given))
    if os.environ.get("UPDATE_GOLDEN"):
        kept = {key: case[key] for key in ("about", "given", "asked")}
        text = json.dumps(kept | {"expected": found}, indent=2, ensure_ascii=False)
        path.write_text(text + "\n")
        return
    assert found == case["expected"], case["about"]
    assert given.host.writes == [], "planning and answering change nothing at the host"


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_refusal_says_what_why_who_and_what_next(path: Path) -> None:
    refusal = json.loads(path.read_text())["expected"].get("refusal", {})
    assert not refusal or refusal["error"]
    assert not refusal or (refusal["why"] and refusal["who"])
    assert not refusal or refusal["next_step"].startswith("/luthien ")


def test_every_command_has_a_case() -> None:
    without = {command.name for command in REGISTRY.commands} - {p.parent.name for p in CASES}
    assert not without, f"add a case under {FOLDER.name}/<command>/ for {sorted(without)}"


def test_every_case_is_of_a_command() -> None:
    known = {command.name for command in REGISTRY.commands}
    assert {p.name for p in FOLDER.iterdir()} <= known


async def _outcome(name: str, asked: dict[str, Any], given: Given) -> dict[str, Any]:
    try:
        command = REGISTRY.command(name).parse(asked).checked(given.world)
        if command.asks:
            answer = await command.answer(given.world)
            rights = await given.control.rights(given.world.actor)
            answer = await permitted(answer, rights, given.control.show)
            outcome: dict[str, Any] = {"answer": answer.model_dump(mode="json")}
        else:
            assert isinstance(command, Change)
            shown = await command.confirmation(given.world)
            if shown is not None:
                return {"confirmation": shown.model_dump(mode="json")}
            plan = await command.plan(given.world)
            outcome = {
                "line": command.line(),
                "locks": list(command.locks()),
                "plan": plan.as_json(),
            }
    except Undecided as open_:
        outcome = {"choice": open_.answer.model_dump(mode="json")}
    except OpsError as error:
        outcome = {"refusal": error.as_json()}
    if given.control.recorded:
        outcome["recorded"] = [list(entry) for entry in given.control.recorded]
    if given.notices.waiting:
        notices = given.notices.waiting.values()
        outcome["notices"] = [[n.key, n.text, [o.line for o in n.offers]] for n in notices]
    if given.notices.remarks:
        outcome["remarks"] = given.notices.remarks
    if given.locks.asked:
        outcome["locks"] = given.locks.asked
    if changed := given.grants.told:
        outcome["grants"] = changed
    if given.control.asked:
        outcome["control"] = [list(entry) for entry in given.control.asked]
    return outcome
