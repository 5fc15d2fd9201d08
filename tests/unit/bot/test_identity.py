"""Who somebody in Slack is: people, groups, names; asked for seldom, believed not for long."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import pytest

from bot.identity import FRESH, Identity, SlackDirectory
from bot.voice import Voice
from engine.actor import Role
from engine.errors import NotAllowed
from engine.people import People
from engine.roles import FixedRoles, Somebody
from tests.unit.bot.fake_slack import LOST_BEFORE, FakeSlack, Fault
from tests.unit.bot.fakes import FakeClock
from tests.unit.people import MemoryGrants, some_people

SRE = "slack:S0SRE"


@dataclass
class House:
    clock: FakeClock = field(default_factory=lambda: FakeClock(running=True))

    def __post_init__(self) -> None:
        self.slack = FakeSlack(self.clock)
        self.slack.people = {"U0ADA": "Ada Lindqvist", "U0BEN": "ben"}
        self.slack.groups = {"S0SRE": ("sre-team", ["U0ADA"])}
        log = logging.getLogger("tests.bot.identity")
        voice = Voice(self.slack, self.clock, log, self.slack.hook)
        self.directory = SlackDirectory(voice, self.clock, log)


@pytest.mark.parametrize(
    ("user", "role"), [("U0ADA", Role.ADMIN), ("U0BEN", Role.DEPLOYER), ("U0CLEO", Role.VIEWER)]
)
async def test_an_actor_has_the_role_of_the_moment(user: str, role: Role) -> None:
    actor = await Identity(some_people()).actor(user, "name")
    assert (actor.role, actor.key, actor.name) == (role, f"slack:{user}", "name")


async def test_a_stranger_without_a_role_learns_whom_to_ask() -> None:
    closed = People(FixedRoles(frozenset({"slack:U0ADA"}), default=None), MemoryGrants())
    with pytest.raises(NotAllowed) as refused:
        await Identity(closed).actor("U0EVE")
    assert "<@slack:U0ADA> can do this for you" in refused.value.who
    assert "`/luthien role grant U0EVE viewer`" in refused.value.who


async def test_a_name_is_looked_up_once() -> None:
    house, people = House(), some_people()
    people.directory = house.directory
    identity = Identity(people)
    await identity.learn("U0ADA")
    await identity.learn("U0ADA")
    assert house.slack.count("users.info") == 1
    assert (await identity.actor("U0ADA", "ada")).name == "Ada Lindqvist"


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("U0ADA", Somebody("slack:U0ADA", "Ada Lindqvist")),
        ("slack:U0ADA", Somebody("slack:U0ADA", "Ada Lindqvist")),
        ("@ada lindqvist", Somebody("slack:U0ADA", "Ada Lindqvist")),
        ("Ben", Somebody("slack:U0BEN", "ben")),
        ("@sre-team", Somebody(SRE, "sre-team", is_group=True)),
        ("S0SRE", Somebody(SRE, "sre-team", is_group=True)),
        ("U0NOBODY", None),
        ("@nobody", None),
    ],
)
async def test_people_and_groups_are_found_by_id_or_name(word: str, found: object) -> None:
    assert await House().directory.find(word) == found


async def test_members_are_believed_until_slack_says_that_they_changed() -> None:
    house = House()
    assert set(await house.directory.members(SRE)) == {"slack:U0ADA"}
    house.slack.groups["S0SRE"] = ("sre-team", ["U0BEN"])
    assert set(await house.directory.members(SRE)) == {"slack:U0ADA"}
    assert house.slack.count("usergroups.users.list") == 1
    house.directory.changed("S0SRE")
    assert set(await house.directory.members(SRE)) == {"slack:U0BEN"}


async def test_members_are_asked_for_again_after_a_while() -> None:
    house = House(FakeClock())
    await house.directory.members(SRE)
    house.slack.groups["S0SRE"] = ("sre-team", [])
    await house.clock.advance(FRESH + 1)
    assert set(await house.directory.members(SRE)) == set()


async def test_without_an_answer_the_members_known_last_count() -> None:
    house = House()
    await house.directory.members(SRE)
    house.directory.changed("S0SRE")
    house.slack.faults += [Fault("usergroups.users.list", LOST_BEFORE)] * 5
    assert set(await house.directory.members(SRE)) == {"slack:U0ADA"}
    house.slack.groups["S0SRE"] = ("sre-team", ["U0BEN"])
    assert set(await house.directory.members(SRE)) == {"slack:U0BEN"}, "asked again at once"


async def test_a_group_that_is_gone_has_nobody_in_it() -> None:
    house = House()
    await house.directory.members(SRE)
    house.directory.changed("S0SRE")
    del house.slack.groups["S0SRE"]
    assert set(await house.directory.members(SRE)) == set()


async def test_a_group_gives_its_members_a_role_as_long_as_they_are_in_it() -> None:
    house = House()
    people = some_people(admins=(), deployers=())
    people.directory = house.directory
    actor = (await Identity(people).actor("U0ADA")).model_copy(update={"role": Role.ADMIN})
    group = await people.find("@sre-team")
    await people.grant(actor, group, Role.DEPLOYER, house.clock.now())
    assert (await Identity(people).actor("U0ADA")).role is Role.DEPLOYER
    assert await people.with_role(Role.DEPLOYER) == ("slack:U0ADA",)
    house.slack.groups["S0SRE"] = ("sre-team", [])
    house.directory.changed("S0SRE")
    assert (await Identity(people).actor("U0ADA")).role is Role.VIEWER
