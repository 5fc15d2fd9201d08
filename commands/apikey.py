"""Make, list and revoke the keys with which programs ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from commands.spans import Span, length
from engine.actor import Door, Role
from engine.answer import Answer, Code, Confirm, Fact, Facts, Offer, Offers, Secrets, Table, Text
from engine.command import Argument, Question, Risk
from engine.errors import InvalidInput, NotAllowed
from engine.words import ago, moment, plural, typed, until

if TYPE_CHECKING:
    from datetime import datetime

    from engine.keys import ApiKey
    from engine.world import World

_LONGEST_NAME = 64


def _name(text: str) -> str:
    name = text.strip()
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ValueError("may hold only letters, digits and - _ .")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"may have at most {_LONGEST_NAME} characters")
    return name


class ManageKeys(Question):
    """Make, list or revoke the keys with which programs use the HTTP API.

    A key may do what its role says, but never more than whoever made it may at that moment: when a
    person loses a role, so do their keys. It is shown once, and kept only as a hash. Deployers
    see and revoke their own keys, admins everybody's.
    """

    name: ClassVar[str] = "apikey"
    group: ClassVar[str] = "People"
    risk: ClassVar[Risk] = Risk.CHANGES
    role: ClassVar[Role] = Role.DEPLOYER
    examples: ClassVar[tuple[str, ...]] = (
        "apikey list",
        "apikey create nightly-report --role viewer --expires 30d",
        "apikey revoke nightly-report",
    )

    what: Annotated[Literal["list", "create", "revoke"], Argument()] = Field(
        default="list", description="What to do"
    )
    key: Annotated[str | None, Argument(), AfterValidator(lambda t: t and _name(t))] = Field(
        default=None,
        description="Name of the key to make; name or id of the key to revoke",
        examples=["nightly-report"],
    )
    most: Literal["viewer", "deployer", "admin"] = Field(
        default="viewer", alias="role", description="What the key may at most"
    )
    expires: Span = Field(default="90d", description="When it ends by itself", examples=["30d"])

    async def answer(self, world: World) -> Answer:
        if world.actor.door not in (Door.SLACK, Door.CLI):
            raise NotAllowed(
                "A key cannot make or revoke keys.",
                why=f"You are {world.actor.key}; a key stands for the person who made it.",
                who="That person can do this in Slack or on the command line.",
                next_step=typed("apikey list"),
            )
        if self.what == "list":
            return await self._list(world)
        if self.key is None:
            raise InvalidInput(
                f"`apikey {self.what}` cannot be done as typed: key is needed.",
                fields={"key": "is needed"},
                missing=True,
                why="It is the name of the key.",
                who="You can type it again.",
                next_step=typed(f"apikey {self.what} nightly-report"),
            )
        return await (self._create if self.what == "create" else self._revoke)(world, self.key)

    async def _list(self, world: World) -> Answer:
        keys = [key for key in await world.control.keys.all() if _visible(key, world)]
        now = world.now()
        alive = [key for key in keys if key.alive(now)]
        return Answer(
            title=plural(len(alive), "API key") if alive else "No API keys",
            private=True,
            parts=(
                Table(
                    columns=("Key", "Name", "Role", "Made by", "Ends", "Last used"),
                    rows=tuple(_row(key, now) for key in keys),
                    empty="Nobody has made one so far.",
                ),
                Offers(offers=tuple(_revoke_offer(key) for key in alive[:3])),
            ),
            data={"keys": [_json(key, now) for key in keys]},
        )

    async def _create(self, world: World, name: str) -> Answer:
        role = Role.parse(self.most)
        if role > world.actor.role:
            raise NotAllowed(
                f"You cannot make a key with the role {role.label}.",
                why=f"Your own is {world.actor.role.label}, and a key may never do more.",
                who=f"Somebody with the role {role.label} can make it.",
                next_step=typed(f"apikey create {name} --role {world.actor.role.label}"),
            )
        ends = world.now() + length(self.expires)
        key, text = await world.control.keys.create(name, role, world.actor, ends)
        page = world.limits.public_url or "https://<address of luthien serve>"
        return Answer(
            title=f"API key {key.name}, {role.label}",
            private=True,
            parts=(
                Secrets(
                    values=(("API key", text),),
                    note="It is shown this once and is kept nowhere: put it where it is needed.",
                ),
                Facts(
                    facts=(
                        Fact(label="Recognised by", value=key.id),
                        Fact(label="Ends", value=moment(ends)),
                    )
                ),
                Code(
                    title="For example",
                    text=f'curl -H "Authorization: Bearer $LUTHIEN_API_KEY" {page}/api/v1/runs',
                ),
                Offers(offers=(_revoke_offer(key),)),
            ),
            data=_json(key, world.now()) | {"key": text},
        )

    async def _revoke(self, world: World, wanted: str) -> Answer:
        key = await world.control.keys.find(wanted)
        if not _visible(key, world):
            raise NotAllowed(
                f"The key `{wanted}` is not yours to revoke.",
                why=f"{key.creator_name} made it.",
                who=f"{key.creator_name} or an admin can revoke it.",
                next_step=typed("apikey list"),
            )
        already = key.revoked_at is not None
        key = await world.control.keys.revoke(world.actor, key.id)
        return Answer(
            title=f"API key {key.name} {'was revoked already' if already else 'is revoked'}",
            private=True,
            parts=(Text(text="Whatever still uses it is refused from now on."),),
            data=_json(key, world.now()),
        )


def _visible(key: ApiKey, world: World) -> bool:
    return world.actor.role >= Role.ADMIN or key.creator == world.actor.key


def _row(key: ApiKey, now: datetime) -> tuple[str, ...]:
    return (
        key.id,
        key.name,
        key.role.label,
        key.creator_name,
        _end(key, now),
        ago(key.used_at, now) if key.used_at else "never",
    )


def _end(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {ago(key.revoked_at, now)}"
    return until(key.expires_at, now) if now < key.expires_at else "expired"


def _revoke_offer(key: ApiKey) -> Offer:
    return Offer(
        label=f"Revoke {key.name}",
        line=f"apikey revoke {key.id}",
        style="danger",
        confirm=Confirm(
            title=f"Revoke {key.name}?",
            text="Whatever uses this key is refused from then on. It cannot be taken back.",
            yes="Revoke it",
        ),
    )


def _json(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.label,
        "creator": key.creator,
        "alive": key.alive(now),
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        "used_at": key.used_at.isoformat() if key.used_at else None,
    }
