"""Roles as they are granted and taken: kept, audited, told, and effective at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from engine.actor import Actor, Door, Role
from engine.errors import NotAllowed, NotFound, Refused
from engine.roles import Grant, Somebody, Source
from tests.unit.engine.house import ADA, CLEO, OPS, Build, Vendor, plane
from tests.unit.people import MemoryDirectory, some_people

if TYPE_CHECKING:
    from pathlib import Path

    from engine.plane import Plane

T = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OWNER = Actor(door=Door.CLI, id="root", name="root", role=Role.ADMIN)
CLEO_TOO = Somebody("slack:U0CLEO", "cleo")
SRE = Somebody("slack:S0SRE", "sre", is_group=True)


async def grant(p: Plane, by: Actor, to: Somebody, role: Role) -> None:
    await p.people.grant(by, to, role, T)


async def test_a_granted_role_counts_at_once_and_a_taken_one_no_more(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        with pytest.raises(NotAllowed):
            await p.preview(CLEO, Build(), OPS)
        await grant(p, ADA, CLEO_TOO, Role.DEPLOYER)
        assert (await p.preview(CLEO, Build(), OPS)).title == "Build acme"
        await p.people.revoke(ADA, CLEO_TOO)
        promoted = CLEO.model_copy(update={"role": Role.ADMIN})
        with pytest.raises(NotAllowed):  # whatever role the door thought they had
            await p.preview(promoted, Build(), OPS)


async def test_grants_outlive_the_process_and_are_audited_and_told_once(tmp_path: Path) -> None:
    async with plane(tmp_path, Vendor()) as p:
        await grant(p, ADA, CLEO_TOO, Role.DEPLOYER)
        await grant(p, OWNER, SRE, Role.ADMIN)
    async with plane(tmp_path, Vendor()) as p:
        p.people.directory = MemoryDirectory((), {SRE.key: ["slack:U0BEN"]})
        assert await p.people.role_of("slack:U0CLEO") is Role.DEPLOYER
        assert await p.people.role_of("slack:U0BEN") is Role.ADMIN
        assert await p.people.with_role(Role.ADMIN) == ("slack:U0ADA", "slack:U0BEN")
        deployers = {"slack:U0ADA", "slack:U0CLEO", "slack:U0BEN"}
        assert set(await p.people.with_role(Role.DEPLOYER)) == deployers
        await p.people.revoke(ADA, CLEO_TOO)
        entries = [(e.actor, e.action, e.subject) for e in await p.audit.entries()]
        assert entries == [
            ("slack:U0ADA", "role.revoke", "slack:U0CLEO"),
            ("cli:root", "role.grant", "slack:S0SRE"),
            ("slack:U0ADA", "role.grant", "slack:U0CLEO"),
        ]
        told = [(w.notice.to, w.notice.text) for w in await p.notices.untold()]
    assert told == [
        (
            "slack:U0CLEO",
            "\ufdd0<@slack:U0ADA> gave you the role *deployer*."
            " `/luthien whoami` shows what that means.",
        ),
        (
            "",
            "root gave \ufdd0<@slack:S0SRE> the role *admin*. `/luthien whoami` shows what that"
            " means.",
        ),
        (
            "slack:U0CLEO",
            "\ufdd0<@slack:U0ADA> took the role *deployer* from you."
            " `/luthien whoami` shows what that means.",
        ),
    ]


async def test_two_admins_who_take_the_role_from_each_other_at_once_leave_one(
    tmp_path: Path,
) -> None:
    async with plane(tmp_path, Vendor(), admins=()) as p:
        ada, cleo = Somebody("slack:U0ADA", "ada"), CLEO_TOO
        for somebody in (ada, cleo):
            await grant(p, OWNER, somebody, Role.ADMIN)
        as_admin = CLEO.model_copy(update={"role": Role.ADMIN})
        ends = await asyncio.gather(
            p.people.revoke(ADA, cleo), p.people.revoke(as_admin, ada), return_exceptions=True
        )
        assert [type(end) for end in ends].count(Refused) == 1
        assert len(await p.people.with_role(Role.ADMIN)) == 1


async def test_the_highest_role_counts_whatever_it_comes_from() -> None:
    some = some_people(admins=(), deployers=("slack:U0BEN",), in_sre=["slack:U0BEN"])
    standing = await some.standing("slack:U0BEN")
    assert standing is not None
    assert (standing.role, standing.source) == (Role.DEPLOYER, Source.SETTING)
    some = some_people(
        Grant(SRE, Role.ADMIN, ADA.key, T),
        Grant(Somebody("slack:U0BEN", "ben"), Role.VIEWER, ADA.key, T),
        in_sre=["slack:U0BEN"],
    )
    standing = await some.standing("slack:U0BEN")
    assert standing is not None
    assert (standing.role, standing.source) == (Role.ADMIN, Source.GROUP)
    assert standing.words == "a grant by \ufdd0<@slack:U0ADA> to \ufdd0<@slack:S0SRE>"


async def test_nobody_gives_or_takes_more_than_they_have() -> None:
    ben = Actor(door=Door.SLACK, id="U0BEN", name="ben", role=Role.DEPLOYER)
    some = some_people(Grant(CLEO_TOO, Role.ADMIN, ADA.key, T))
    with pytest.raises(NotAllowed, match="You cannot give the role admin; yours is deployer"):
        await some.grant(ben, SRE, Role.ADMIN, T)
    with pytest.raises(NotAllowed, match="only such a person can change"):
        await some.grant(ben, CLEO_TOO, Role.VIEWER, T)
    with pytest.raises(NotAllowed, match="only such a person can change"):
        await some.revoke(ben, CLEO_TOO)


async def test_the_last_admin_may_go_where_the_settings_name_another() -> None:
    some = some_people(Grant(CLEO_TOO, Role.ADMIN, ADA.key, T), admins=["slack:U0ADA"])
    as_admin = CLEO.model_copy(update={"role": Role.ADMIN})
    await some.revoke(as_admin, CLEO_TOO)
    assert await some.with_role(Role.ADMIN) == ("slack:U0ADA",)


async def test_what_was_not_granted_cannot_be_taken() -> None:
    with pytest.raises(NotFound, match="Nothing is granted"):
        await some_people().revoke(ADA, CLEO_TOO)
