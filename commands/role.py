"""Say who may do what here, and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Table, Text
from engine.command import Argument, Completes, Question, Risk
from engine.errors import InvalidInput
from engine.roles import Source
from engine.words import ago, plural, typed

if TYPE_CHECKING:
    from engine.roles import Grant, Somebody
    from engine.world import World


class Roles(Question):
    """Show who has which role, or give and take one: `grant @ada deployer`, `revoke @ada`.

    A role can be given to a person or to a user group, whose members have it as long as they are
    in it. Whoever has several roles has the highest. Only admins give and take, nobody gives more
    than they have, and the last admin stays one. A viewer may look, a deployer may change
    instances, an admin may do everything.
    """

    name: ClassVar[str] = "role"
    group: ClassVar[str] = "People"
    risk: ClassVar[Risk] = Risk.CHANGES
    examples: ClassVar[tuple[str, ...]] = (
        "role list",
        "role grant @ada deployer",
        "role grant @sre-team admin",
        "role revoke @ada",
    )

    action: Annotated[Literal["list", "grant", "revoke"], Argument()] = Field(
        default="list", description="What to do", examples=["grant"]
    )
    person: Annotated[str | None, Argument(), Completes("person")] = Field(
        default=None, description="A person or a user group", examples=["@ada"]
    )
    new_role: Annotated[Literal["viewer", "deployer", "admin"] | None, Argument()] = Field(
        default=None, description="The role to give", examples=["deployer"]
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        needed = {"grant": ("person", "new_role"), "revoke": ("person",)}.get(self.action, ())
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise InvalidInput(
                f"`role {self.action}` needs {' and '.join(_NEEDS[name] for name in missing)}.",
                fields=dict.fromkeys(missing, "is needed"),
                missing=True,
                why="Nothing was changed.",
                who="You can type it again.",
                next_step=typed("role grant @ada deployer"),
            )
        return self

    @property
    def needs(self) -> Role:
        return Role.VIEWER if self.action == "list" else Role.ADMIN

    async def answer(self, world: World) -> Answer:
        if self.action == "list":
            return await _listed(world)
        somebody = await world.people.find(self.person or "")
        if self.action == "grant":
            role = Role.parse(self.new_role or "")
            await world.people.grant(world.actor, somebody, role, world.now())
            title = f"{somebody.mention} has the role {role.label} now"
        else:
            await world.people.revoke(world.actor, somebody)
            title = f"Nothing is granted to {somebody.mention} any more"
        return await _changed(world, somebody, title)


_NEEDS = {"person": "a person or a user group", "new_role": "a role"}


async def _changed(world: World, somebody: Somebody, title: str) -> Answer:
    """What holds from now on, which may be more than was given."""
    if somebody.is_group:
        members = await world.people.directory.members(somebody.key)
        said = f"It counts for {plural(len(members), 'member')} at once, and for whoever joins."
        role = None
    else:
        standing = await world.people.standing(somebody.key)
        role = standing.role.label if standing else "none"
        said = f"What counts is the highest: {role}"
        said += f", from {standing.words}." if standing else "."
    return Answer(
        title=title,
        parts=(
            Text(text=f"{said} {'The group' if somebody.is_group else 'The person'} is told."),
            Offers(offers=(Offer(label="Roles", line="role list"),)),
        ),
        data={"key": somebody.key, "name": somebody.name, "role": role},
    )


async def _listed(world: World) -> Answer:
    entries = await _entries(world)
    default = world.people.fixed.default
    everybody = f"Everybody else: {default.label if default else 'nothing at all'}."
    rows = tuple((e["name"], e["role"], e["because"]) for e in entries)
    table = Table(columns=("Who", "Role", "Because"), rows=rows, empty="Nobody has more.")
    return Answer(
        title=f"{plural(len(entries), 'role')} given by name",
        parts=(table, Text(text=everybody)),
        data={"roles": entries, "default": default.label if default else None},
    )


async def _entries(world: World) -> list[dict[str, Any]]:
    """Those in the settings first, then the grants as they were made."""
    fixed = world.people.fixed
    entries = []
    for key in sorted(fixed.admins | fixed.deployers):
        role = Role.ADMIN if key in fixed.admins else Role.DEPLOYER
        name = await world.people.directory.name_of(key) or key.rpartition(":")[2]
        setting = f"LUTHIEN_{role.name}S"
        entries.append(_entry(key, name, role, Source.SETTING, f"setting {setting}"))
    return entries + [await _grant_entry(world, g) for g in await world.people.grants()]


async def _grant_entry(world: World, grant: Grant) -> dict[str, Any]:
    names = world.people.directory
    by = await names.name_of(grant.by) or grant.by.rpartition(":")[2]
    because = f"granted by {by} {ago(grant.at, world.now())}"
    name = grant.to.name
    if grant.to.is_group:
        members = [
            await names.name_of(key) or key.rpartition(":")[2]
            for key in sorted(await names.members(grant.to.key))
        ]
        name = f"@{name} ({', '.join(members[:5]) or 'nobody'}{', …' if members[5:] else ''})"
    source = Source.GROUP if grant.to.is_group else Source.GRANT
    return _entry(grant.to.key, name, grant.role, source, because)


def _entry(key: str, name: str, role: Role, source: Source, because: str) -> dict[str, Any]:
    return {"key": key, "name": name, "role": role.label, "source": source, "because": because}
