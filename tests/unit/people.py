"""People, groups and what is granted to them, in memory: for the tests of every door."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.people import People
from engine.roles import FixedRoles, Grant, Somebody

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from engine.actor import Actor


@dataclass
class MemoryGrants:
    """Grants as they are given; `told` are those whose grant changed, in order."""

    known: list[Grant] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def all(self) -> Sequence[Grant]:
        return list(self.known)

    async def put(self, grant: Grant, by: Actor, check: Callable[[Sequence[Grant]], None]) -> None:
        after = [*(g for g in self.known if g.to.key != grant.to.key), grant]
        check(after)
        self.known = after
        self.told.append(f"{by.key} gives {grant.to.key} {grant.role.label}")

    async def remove(
        self, to: Somebody, by: Actor, check: Callable[[Sequence[Grant]], None]
    ) -> None:
        after = [g for g in self.known if g.to.key != to.key]
        check(after)
        self.known = after
        self.told.append(f"{by.key} takes from {to.key}")


@dataclass
class MemoryDirectory:
    """`groups`: the keys of each one's members, by the group's key."""

    everybody: Sequence[Somebody] = ()
    groups: dict[str, Collection[str]] = field(default_factory=dict)

    async def members(self, group: str) -> Collection[str]:
        return self.groups.get(group, ())

    async def find(self, word: str) -> Somebody | None:
        wanted = word.removeprefix("@")
        return next(
            (s for s in self.everybody if wanted in (s.key, s.key.partition(":")[2], s.name)), None
        )

    async def name_of(self, key: str) -> str:
        return next((s.name for s in self.everybody if s.key == key), "")


ADA, BEN, CLEO = (
    Somebody("slack:U0ADA", "ada"),
    Somebody("slack:U0BEN", "ben"),
    Somebody("slack:U0CLEO", "cleo"),
)
SRE = Somebody("slack:S0SRE", "sre-team", is_group=True)


def some_people(
    *grants: Grant,
    admins: Collection[str] = (ADA.key,),
    deployers: Collection[str] = (BEN.key,),
    in_sre: Collection[str] = (),
) -> People:
    """Ada is an admin and Ben a deployer by the settings, as long as nothing else is said."""
    return People(
        FixedRoles(frozenset(admins), frozenset(deployers)),
        MemoryGrants(list(grants)),
        MemoryDirectory((ADA, BEN, CLEO, SRE), {SRE.key: in_sre}),
    )
