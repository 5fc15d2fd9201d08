"""Every command on every door: it can be reached there, said whole, explained, and is refused to
whoever may not. A door that could not express a command would be found here, as planted ones are.
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field
from starlette.datastructures import FormData, UploadFile

from api import cli
from api.web import forms as web_forms
from api.web import lines
from bot import forms as slack_forms
from bot import grammar
from bot.blocks import Block
from bot.grammar import Wish
from commands.help import Help
from engine.actor import Actor, Door, Origin, Role
from engine.command import Argument, Change, Question, Risk
from engine.errors import NotAllowed, OpsError
from engine.registry import Registry
from tests.unit.access import START
from tests.unit.api.fakes import FakeControl, desk
from tests.unit.api.web.visiting import Place, place
from tests.unit.commands.worlds import PEOPLE, REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.command import Command

COMMANDS = REGISTRY.commands
CLEO = PEOPLE["cleo"]


def said(definition: type[Command]) -> tuple[str, dict[str, Any], Command]:
    """The command's first example: as a line, as what was typed, and as the command it is."""
    line = next(iter(definition.examples), definition.name)
    words = [word for word in shlex.split(line) if word != grammar.PLAN]
    raw = cli.typed_fields(definition, words[1:])
    return shlex.join(words), raw, definition.parse(raw)


# ── each door says what a command means ───────────────────────────────────────────────────────


def slack_line(definition: type[Command], registry: Registry) -> Command:
    return grammar.read(said(definition)[0], registry, escaped=False).parse()


def slack_form(definition: type[Command], _: Registry) -> Command:
    """The modal as it is drawn, sent without touching it."""
    view = slack_forms.view(Wish(definition, said(definition)[1]), slack_forms.Form("x"))
    inputs = {b["block_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    missing = {p.name for p in definition.parameters()} - inputs.keys()
    assert not missing, f"the modal does not ask for {missing}"
    state = {block: {"value": _state(element)} for block, element in inputs.items()}
    return slack_forms.submitted(definition, state).parse()


def _state(element: Block) -> dict[str, Any]:
    """Source: Slack docs, view submissions, `state.values`."""
    return {
        "value": element.get("initial_value"),
        "selected_option": element.get("initial_option"),
        "selected_user": element.get("initial_user"),
    } | {
        name: element.get(f"initial_{kind}", [])
        for name, kind in (("selected_options", "options"), ("selected_users", "users"))
        if element["type"].startswith("multi") or element["type"] == "checkboxes"
    }


def command_line(definition: type[Command], registry: Registry) -> Command:
    control = FakeControl()
    control.registry = registry
    assert definition.name in cli.build(desk(control)).commands
    return cli.parse_line(registry, said(definition)[0])


def http_api(definition: type[Command], _: Registry) -> Command:
    """As JSON, beside `plan`, which belongs to the API."""
    body = json.loads(json.dumps({**said(definition)[2].wire(), "plan": False}))
    body.pop("plan")
    return definition.parse(body)


def web_page(definition: type[Command], registry: Registry) -> Command:
    """The form as it is drawn, sent without touching it; and the line at the top."""
    line, raw, meant = said(definition)
    known = {"variable": ["LOG_LEVEL"], "instance": ["acme"]}
    drawn = web_forms.inputs(definition, raw, suggestions=known, wrong={})
    sent: list[tuple[str, str | UploadFile]] = [
        (i.name, v) for i in drawn for v in (i.chosen if _is_chosen(i) else (i.value,))
    ]
    found = lines.read(registry, line)
    assert found.definition.parse(found.fields) == meant
    return definition.parse(web_forms.filled(definition, FormData(sent)))


def _is_chosen(one: web_forms.Input) -> bool:
    return one.kind in ("several", "choice", "choices", "flag")


DOORS: dict[str, Callable[[type[Command], Registry], Command]] = {
    "slack line": slack_line,
    "slack form": slack_form,
    "command line": command_line,
    "http api": http_api,
    "web page": web_page,
}


def fault(door: str, definition: type[Command], registry: Registry) -> str:
    """Why a door cannot express a command; empty: it can."""
    try:
        meant = DOORS[door](definition, registry)
    except (AssertionError, OpsError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    wanted = said(definition)[2]
    return "" if meant == wanted else f"{wanted!r} became {meant!r}"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("definition", COMMANDS, ids=lambda d: d.name)
def test_every_command_can_be_said_at_every_door(definition: type[Command], door: str) -> None:
    assert fault(door, definition, REGISTRY) == ""


class Planned(Change):
    """A field that bears the word with which the API asks for the plan only."""

    name: ClassVar[str] = "planned"
    risk: ClassVar[Risk] = Risk.ADDS
    examples: ClassVar[tuple[str, ...]] = ("planned roof",)
    of: Annotated[str, Argument()] = Field(alias="plan")


class ManyChoices(Question):
    """More choices than a menu of Slack holds."""

    name: ClassVar[str] = "many-choices"
    examples: ClassVar[tuple[str, ...]] = ("many-choices c101",)
    one: Annotated[Literal[tuple(f"c{n}" for n in range(102))], Argument()] = "c0"  # type: ignore[valid-type]


class TwoWords(Question):
    """A name that no door can tell from an argument."""

    name: ClassVar[str] = "two words"
    examples: ClassVar[tuple[str, ...]] = ("two words a",)
    thing: Annotated[str, Argument()] = "a"


PLANTED: dict[str, type[Command]] = {
    "slack line": TwoWords,
    "slack form": ManyChoices,
    "command line": TwoWords,
    "http api": Planned,
    "web page": TwoWords,
}


@pytest.mark.parametrize(("door", "planted"), PLANTED.items())
def test_a_command_that_a_door_cannot_express_is_found(door: str, planted: type[Command]) -> None:
    assert fault(door, planted, Registry({planted.name: planted}, {})) != ""


# ── explained, offered, refused ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("definition", COMMANDS, ids=lambda d: d.name)
def test_every_command_is_explained_with_an_example(definition: type[Command]) -> None:
    assert definition.examples, "people copy examples"
    assert definition.summary().endswith(".")
    assert all(p.description for p in definition.parameters()), "every field says what it is"


async def test_help_and_the_specification_know_every_command(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = there.browser()
        answer = await browser.http.get("/api/v1/openapi.json")
        paths = answer.json()["paths"]
        for definition in COMMANDS:
            assert f"/commands/{definition.name}" in paths
            for door in (Door.SLACK, Door.CLI, Door.API, Door.WEB):
                asked = Help(command=definition.name)
                told = await there.plane.ask(CLEO, asked, Origin(door=door))
                assert told.data["usage"] == definition.usage()


async def test_too_low_a_role_is_refused_at_every_door(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        key = await _key(there, CLEO)
        browser = await there.visited_by("cleo")
        offered = (await browser.opens("/commands")).links
        for definition in COMMANDS:
            meant = said(definition)[2]
            allowed = meant.needs <= CLEO.role
            assert (definition.name in offered) == (
                definition.listed and definition.role <= CLEO.role
            ), definition.name
            if allowed:
                continue
            for door in (Door.SLACK, Door.CLI):
                with pytest.raises(NotAllowed):
                    await there.plane.perform(CLEO, meant, Origin(door=door))
            answer = await browser.http.post(
                f"/api/v1/commands/{definition.name}",
                json=meant.wire(),
                headers={"Authorization": f"Bearer {key}"},
            )
            assert answer.status_code == 403, definition.name
            await browser.types(meant.line())
            assert browser.status == 403, definition.name
            await browser.opens(f"/c/{definition.name}?form")
            assert browser.status == 403, definition.name
        assert await there.plane.list_runs() == []


async def test_every_command_has_a_form_on_the_page(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        browser = await there.visited_by("ada")
        offered = (await browser.opens("/commands")).links
        for definition in COMMANDS:
            assert (definition.name in offered) == definition.listed
            page = await browser.opens(f"/c/{definition.name}?form")
            assert browser.status == 200, definition.name
            assert {p.name for p in definition.parameters()} <= page.names, definition.name


async def _key(there: Place, actor: Actor) -> str:
    ends = START.replace(year=START.year + 10)
    _, text = await there.plane.keys.create("matrix", Role.ADMIN, actor, ends)
    return text
