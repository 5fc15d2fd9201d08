"""Who may do what: a person's role is the highest of what the settings say, what was granted to
them, and what was granted to a group that they are in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engine.actor import OWNER, Door, Role, person_of
from engine.errors import NotAllowed, NotFound, Refused
from engine.mentions import mention
from engine.roles import Grant, NoDirectory, Source, Standing
from engine.words import listed, typed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from engine.actor import Actor
    from engine.command import Command
    from engine.roles import Directory, FixedRoles, Grants, Somebody


class Makers(Protocol):
    """Who made which API key."""

    async def maker(self, key_id: str) -> str:
        """`slack:U0ADA`, also of a dead key; empty where there is no such key."""


@dataclass
class People:
    """Everybody's role, read anew whenever it is asked for. `directory` is replaced by the door
    that knows people and groups; `keys` knows who made an API key."""

    fixed: FixedRoles
    kept: Grants
    directory: Directory = field(default_factory=NoDirectory)
    keys: Makers | None = None

    async def standing(self, key: str) -> Standing | None:
        """None: a stranger, where strangers may do nothing."""
        found = self._fixed(key)
        for grant in sorted(await self.kept.all(), key=lambda g: (-g.role, g.to.is_group)):
            if found is not None and found.role >= grant.role:
                break
            if grant.to.key == key:
                found = Standing(grant.role, Source.GRANT, grant)
            elif grant.to.is_group and key in await self.directory.members(grant.to.key):
                found = Standing(grant.role, Source.GROUP, grant)
        return found

    async def role_of(self, key: str) -> Role | None:
        """`key` is an actor's: `slack:U0ADA`."""
        found = await self.standing(key)
        return found.role if found else None

    async def with_role(self, role: Role) -> tuple[str, ...]:
        """The keys of those who have at least this role by name or by a group; not those who only
        have it because everybody has."""
        grants = await self.kept.all()
        return _with_role(self.fixed, grants, await self._members(grants), role)

    async def grants(self) -> Sequence[Grant]:
        return await self.kept.all()

    async def now(self, actor: Actor) -> Actor:
        """The actor with the role that they have at this moment; an API key with at most that of
        whoever made it.

        Raises NotAllowed for a stranger where strangers may do nothing.
        """
        if actor.door is Door.API:
            return await self._program(actor)
        if actor.door is not Door.SLACK:
            return actor
        role = await self.role_of(actor.key)
        if role is None:
            raise await self.refusal(actor, "You are not known here, so nothing was done.")
        return actor.model_copy(update={"role": role})

    async def person(self, actor: Actor) -> str:
        return actor.person if actor.behalf else await self.person_behind(actor.key)

    async def person_behind(self, key: str) -> str:
        """An API key of which it is not known who made it is only itself."""
        return person_of(await self._maker(key) or key)

    async def find(self, word: str) -> Somebody:
        """Raises NotFound."""
        found = await self.directory.find(word)
        if found is None:
            raise NotFound(
                f"`{word}` is nobody that is known here.",
                why="Neither a person nor a user group of the workspace has that name or id.",
                who="You can type it again: a mention (@name), or the id from the profile.",
                next_step=typed("role list"),
            )
        return found

    async def grant(self, by: Actor, to: Somebody, role: Role, at: datetime) -> None:
        """Raises NotAllowed for more than the giver has, Refused when nobody would be admin."""
        if role > by.role:
            raise await self.refusal(
                by, f"You cannot give the role {role.label}; yours is {by.role.label}.", role
            )
        await self._hands_off_the_higher(by, to)
        grant = Grant(to, role, by.key, at)
        await self.kept.put(grant, by, await self._leaves_an_admin(to, by))

    async def revoke(self, by: Actor, to: Somebody) -> None:
        """Raises NotFound when nothing was granted, Refused when nobody would be admin."""
        if all(grant.to.key != to.key for grant in await self.kept.all()):
            fixed = self._fixed(to.key)
            setting = fixed is not None and fixed.source is Source.SETTING and not to.is_group
            raise NotFound(
                f"Nothing is granted to {to.mention}.",
                why=f"The role comes from {fixed.words}." if setting and fixed else "",
                who="Whoever runs the bot can take it out of that setting."
                if setting
                else "Anybody may look at what is granted.",
                next_step=typed("role list"),
            )
        await self._hands_off_the_higher(by, to)
        await self.kept.remove(to, by, await self._leaves_an_admin(to, by))

    async def not_enough(self, actor: Actor, command: Command | type[Command]) -> NotAllowed:
        """The refusal of a command that needs a higher role."""
        role = needed(command)
        return await self.refusal(
            actor,
            f"`{command.name}` needs the role {role.label}; yours is {actor.role.label}.",
            role,
            next_step=typed(f"help {command.name}"),
        )

    async def refusal(
        self, actor: Actor, summary: str, needed: Role = Role.VIEWER, *, next_step: str = ""
    ) -> NotAllowed:
        """Names who can help: people if there are any, else how to make the first one."""
        able = [
            key for key in await self.with_role(needed) if key not in (actor.key, actor.person)
        ]
        admins = await self.with_role(Role.ADMIN)
        if not admins:
            who = (
                f"Nobody is an admin yet. Your id here is `{actor.id}`: whoever runs this bot"
                f" makes you one by `luthien role grant {actor.id} admin` on its machine, or by"
                f" the line `LUTHIEN_ADMINS={actor.id}` in its settings and a restart."
            )
        else:
            who = f"{_some(able or admins)} can do this for you."
            who += f" An admin gives you the role by `{typed(f'role grant {actor.id}')}"
            who += f" {needed.label}`."
        return NotAllowed(
            summary,
            why="Nothing was asked of any vendor.",
            who=who,
            next_step=next_step or typed("help"),
        )

    # ── inside ────────────────────────────────────────────────────────────────────────────────

    async def _program(self, actor: Actor) -> Actor:
        maker = actor.behalf or await self._maker(actor.key)
        role = Role.ADMIN if person_of(maker) == OWNER else None
        if maker and role is None:
            role = await self.role_of(maker)
        if role is None:
            whose = f"{mention(maker)}, who made it, may" if maker else "Whoever made it may"
            raise NotAllowed(
                f"The key {actor.name} may do nothing any more.",
                why=f"{whose} do nothing here.",
                who="Somebody who may do it can make another key.",
                next_step=typed("apikey list"),
            )
        return actor.model_copy(update={"role": min(actor.role, role), "behalf": maker})

    async def _maker(self, key: str) -> str:
        door, _, key_id = key.partition(":")
        return await self.keys.maker(key_id) if self.keys and door == Door.API else ""

    def _fixed(self, key: str) -> Standing | None:
        if key in self.fixed.admins:
            return Standing(Role.ADMIN, Source.SETTING)
        if key in self.fixed.deployers:
            return Standing(Role.DEPLOYER, Source.SETTING)
        default = self.fixed.default
        return Standing(default, Source.DEFAULT) if default is not None else None

    async def _members(self, grants: Iterable[Grant]) -> Mapping[str, Collection[str]]:
        groups = {grant.to.key for grant in grants if grant.to.is_group}
        return {group: await self.directory.members(group) for group in sorted(groups)}

    async def _hands_off_the_higher(self, by: Actor, to: Somebody) -> None:
        """Nobody takes away more than they have themselves."""
        for grant in await self.kept.all():
            if grant.to.key == to.key and grant.role > by.role:
                raise await self.refusal(
                    by,
                    f"{to.mention} is {grant.role.label}, which only such a person can change.",
                    grant.role,
                )

    async def _leaves_an_admin(self, to: Somebody, by: Actor) -> Callable[[Sequence[Grant]], None]:
        """Refuses whatever would take away the last admin."""
        before = await self.kept.all()
        members = await self._members(before)
        had = bool(_with_role(self.fixed, before, members, Role.ADMIN))

        def check(after: Sequence[Grant]) -> None:
            if had and not _with_role(self.fixed, after, members, Role.ADMIN):
                whom = "You are" if to.key == by.key else f"{to.mention} is"
                raise Refused(
                    f"{whom} the last admin, so the role stays.",
                    why="Nobody would be left in Slack who could give roles or approve.",
                    who="You can make somebody else an admin first.",
                    next_step=typed("role grant @somebody admin"),
                )

        return check


def needed(command: Command | type[Command]) -> Role:
    """The least role that may ask this; of a command whose words are not known yet, the least of
    any."""
    return command.role if isinstance(command, type) else command.needs


def _with_role(
    fixed: FixedRoles,
    grants: Iterable[Grant],
    members: Mapping[str, Collection[str]],
    role: Role,
) -> tuple[str, ...]:
    found = [*sorted(fixed.admins), *(sorted(fixed.deployers) if role <= Role.DEPLOYER else ())]
    for grant in grants:
        if grant.role >= role:
            inside = members.get(grant.to.key, ())
            found += sorted(inside) if grant.to.is_group else [grant.to.key]
    return tuple(dict.fromkeys(found))


def _some(keys: Sequence[str]) -> str:
    """`<@U0ADA> or <@U0BEN>`; many are cut short."""
    return listed([mention(key) for key in keys[:5]], "or")
