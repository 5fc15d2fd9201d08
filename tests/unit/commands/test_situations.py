"""What is offered for an instance, over all commands and all situations that differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from commands.instances import all_instances
from commands.situation import Situations
from engine.actions import actions, is_about_one, offer, remedies
from engine.errors import NotAllowed, OpsError
from engine.policy_file import read_policy
from engine.rights import Rights
from engine.situation import Situation
from tests.unit.commands.clock import NOW
from tests.unit.commands.worlds import (
    PEOPLE,
    REGISTRY,
    Described,
    DescribedDisclosure,
    DescribedSpace,
    Given,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.command import Command

ALWAYS = {"status", "logs", "usage", "runs", "run"}
ASKED = {"status", "logs", "usage"}
"""Questions that make sense whatever is the matter."""
DEPLOYS = {"redeploy", "rollback", "rotate"}
RUNS = {"restart", "policy-config"}

OFFERED = {
    "seen by somebody who may not see its keys": (
        Situation(disclosed=False),
        {*DEPLOYS, *RUNS, "config", "delete", "lock"},
    ),
    "well": (Situation(), {*DEPLOYS, *RUNS, "config", "delete", "lock", "credentials"}),
    "does not run": (
        Situation(deployed=False),
        {*DEPLOYS, "config", "delete", "lock", "credentials"},
    ),
    "lacks a part": (
        Situation(whole=False),
        {*DEPLOYS, *RUNS, "adopt", "config", "delete", "lock", "credentials"},
    ),
    "the host does not know how it is built": (
        Situation(configured=False),
        {*DEPLOYS, *RUNS, "repair", "config", "delete", "lock", "credentials"},
    ),
    "the host does not know how it is built, and it was never finished": (
        Situation(made=False, configured=False),
        {*RUNS, "adopt", "config", "delete", "lock"},
    ),
    "lacks a part, and was adopted so": (
        Situation(whole=False, accepted=True),
        {*DEPLOYS, *RUNS, "config", "delete", "lock", "credentials"},
    ),
    "lacks what people reach": (
        Situation(whole=False, served=False, deployed=False),
        {"adopt", "delete", "lock"},
    ),
    "a run is at it": (
        Situation(busy=True),
        {*DEPLOYS, *RUNS, "config", "delete", "lock", "credentials"},
    ),
    "being made": (
        Situation(made=False, whole=False, served=False, deployed=False, busy=True),
        {"lock"},
    ),
    "perhaps being made by another bot": (
        Situation(made=False, creating=True, whole=False, deployed=False),
        {"config", "delete", "lock"},
    ),
    "never finished": (
        Situation(made=False, whole=False, deployed=False),
        {"adopt", "config", "delete", "lock"},
    ),
    "never finished, yet whole": (
        Situation(made=False),
        {*RUNS, "adopt", "config", "delete", "lock"},
    ),
    "to be deleted": (
        Situation(leaving=True),
        {*DEPLOYS, *RUNS, "config", "cancel-delete", "lock", "credentials"},
    ),
    "due": (
        Situation(leaving=True, due=True),
        {*DEPLOYS, *RUNS, "config", "cancel-delete", "expire", "lock", "credentials"},
    ),
    "due, and a run is at it": (
        Situation(leaving=True, due=True, busy=True),
        {*DEPLOYS, *RUNS, "config", "cancel-delete", "lock", "credentials"},
    ),
    "locked by oneself": (
        Situation(held=True),
        {*DEPLOYS, *RUNS, "config", "delete", "unlock", "credentials"},
    ),
    "locked by somebody else": (Situation(held=True, barred=True), {"unlock", "credentials"}),
    "locked by somebody else, to be deleted": (
        Situation(held=True, barred=True, leaving=True),
        {"unlock", "credentials"},
    ),
}


def names(commands: Iterable[type[Command]]) -> set[str]:
    return {command.name for command in commands}


@pytest.mark.parametrize("name", OFFERED)
def test_what_is_offered_in_each_situation(name: str) -> None:
    about, offered = OFFERED[name]
    assert names(actions(REGISTRY.listed, about)) - ALWAYS == offered


def test_every_command_about_an_instance_is_offered_in_some_situation_and_refused_in_none() -> (
    None
):
    about_one = {c.name for c in REGISTRY.listed if is_about_one(c)}
    assert about_one >= ASKED
    offered = set().union(*(names(actions(REGISTRY.listed, s)) for s, _ in OFFERED.values()))
    assert offered == about_one


def test_remedies_are_what_one_that_is_well_does_not_need() -> None:
    assert names(remedies(REGISTRY.listed)) == {
        "adopt",
        "cancel-delete",
        "expire",
        "repair",
        "unlock",
    }


def test_what_somebody_else_locked_is_asked_for_with_a_reason() -> None:
    unlock = REGISTRY.command("unlock")
    assert not offer(unlock, "acme", Situation(held=True)).form
    assert offer(unlock, "acme", Situation(held=True, barred=True)).form
    gone = offer(REGISTRY.command("expire"), "acme", Situation(leaving=True, due=True))
    assert gone.confirm is not None
    assert gone.style == "danger"


POLICY = """
production: ["prod-*"]
rules:
  - {commands: "*", production: true, may: admin}
  - {commands: restart, instances: "demo-*", may: viewer}
  - {commands: [rollback, lock], may: admin}
  - {commands: credentials, may: nobody}
freezes:
  - {name: fair, from: "daily 00:00", until: "daily 23:59", commands: rotate, still: admin}
"""


def rights(who: str) -> Rights:
    known = {command.name: command for command in REGISTRY.commands}
    return Rights(PEOPLE[who], read_policy(POLICY, "p.yaml", known).policy, REGISTRY, NOW)


def test_the_policy_in_force_decides_what_is_offered() -> None:
    ben, cleo, ada = rights("ben"), rights("cleo"), rights("ada")
    changing = {"redeploy", "restart", "delete", "config", "cancel-delete"}
    assert names(ben.commands("acme")) >= changing
    assert not names(ben.commands("prod-1")) & changing, "only admins change production"
    assert names(ada.commands("prod-1")) >= changing
    for somewhere in (None, "acme"):
        assert not names(ben.commands(somewhere)) & {"rollback", "lock", "rotate", "credentials"}
        assert not names(ada.commands(somewhere)) & {"credentials"}
        assert names(ada.commands(somewhere)) >= {"rollback", "lock", "rotate"}
    assert "restart" in names(cleo.commands("demo-1"))
    assert "restart" not in names(cleo.commands("acme"))
    assert "restart" in names(cleo.commands()), "on some instances"
    assert "redeploy" not in names(cleo.commands())
    assert "redeploy" in names(ben.commands()), "not only on production"


@pytest.mark.parametrize("who", ["ada", "ben", "cleo"])
async def test_what_is_not_offered_would_be_refused(who: str) -> None:
    """Over all commands: the two ways of asking never disagree."""
    given = Given(Described(actor="ben", policy="strict"))
    actor = PEOPLE[who]
    found = await given.control.rights(actor)
    for command in REGISTRY.commands:
        for instance in ("acme", "prod", "prod-eu", "demo-7"):
            rulings = await given.control.permissions.explain(actor, command)
            if "instance" not in command.model_fields:
                refused = any(not r.allowed for r in rulings if r.about in ("role", "freeze"))
                assert found.use(command) is not refused, command.name
                continue
            try:
                await given.control.permissions.permit(actor, command, instance)
                refused = False
            except OpsError as error:
                refused = "created" not in str(error)
            assert found.use(command, instance) is not refused, (command.name, instance)


RIGHTS = {
    "nobody's": (),
    "ben's": (DescribedDisclosure(subject="acme", to="ben"),),
    "ben's, forgotten": (DescribedDisclosure(subject="acme", to="ben", open=False),),
    "ada's": (DescribedDisclosure(subject="acme", to="ada"),),
}


@pytest.mark.parametrize("whose", RIGHTS)
@pytest.mark.parametrize("who", ["ada", "ben", "owner"])
async def test_keys_are_offered_to_those_alone_who_are_shown_them(who: str, whose: str) -> None:
    spaces = (DescribedSpace(name="luthien-acme", mark="ready"),)
    world = Given(Described(actor=who, spaces=spaces, disclosures=RIGHTS[whose])).world
    [instance] = await all_instances(world)
    offered = (await Situations.read(world)).actions(instance)
    command = REGISTRY.command("credentials").parse({"instance": "acme"})
    try:
        await command.answer(world)
        shown = True
    except NotAllowed:
        shown = False
    assert ("credentials" in names(offered)) is shown
