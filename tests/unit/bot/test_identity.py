"""Who somebody is, and whom to ask."""

from __future__ import annotations

import pytest

from bot.identity import Identity
from engine.actor import Role
from engine.errors import NotAllowed

HOUSE = Identity(frozenset({"U0ADA"}), frozenset({"U0BEN"}))


@pytest.mark.parametrize(
    ("user", "role"), [("U0ADA", Role.ADMIN), ("U0BEN", Role.DEPLOYER), ("U0CLEO", Role.VIEWER)]
)
def test_roles_come_from_the_settings(user: str, role: Role) -> None:
    actor = HOUSE.actor(user, "name")
    assert (actor.role, actor.key, actor.name) == (role, f"slack:{user}", "name")


def test_a_stranger_without_a_role_learns_whom_to_ask() -> None:
    closed = Identity(frozenset({"U0ADA"}), default_role=None)
    with pytest.raises(NotAllowed) as refused:
        closed.actor("U0EVE")
    assert "<@U0ADA>" in refused.value.who
    assert "U0EVE" in refused.value.who


def test_while_nobody_is_admin_the_exact_line_is_shown() -> None:
    refusal = Identity(frozenset()).explain(NotAllowed("No."), "U0EVE", Role.ADMIN)
    assert "`LUTHIEN_ADMINS=U0EVE`" in refusal.who
    assert refusal.next_step == "/luthien help"


def test_only_those_who_can_are_named() -> None:
    assert "<@U0BEN>" in HOUSE.explain(NotAllowed("No."), "U0EVE", Role.DEPLOYER).who
    assert "<@U0BEN>" not in HOUSE.explain(NotAllowed("No."), "U0EVE", Role.ADMIN).who


async def test_a_name_is_looked_up_once() -> None:
    house = Identity(frozenset())
    asked: list[str] = []

    async def ask(user: str) -> str:
        asked.append(user)
        return "Ada Lindqvist"

    await house.learn("U0ADA", ask)
    await house.learn("U0ADA", ask)
    assert asked == ["U0ADA"]
    assert house.actor("U0ADA", "ada").name == "Ada Lindqvist"
