"""Say as whom one is known here, and as whom the host knows the bot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from engine.actor import Door
from engine.answer import Answer, Fact, Facts, Offer, Offers, Part, Text
from engine.capabilities import TellsAccess
from engine.command import Question
from engine.errors import OpsError
from engine.mentions import mention
from engine.words import listed, until

if TYPE_CHECKING:
    from datetime import datetime

    from engine.actor import Actor
    from engine.capabilities import Access
    from engine.roles import Standing
    from engine.world import World


class WhoAmI(Question):
    """Show who you are here and what you may do, and with which token the host is asked."""

    name: ClassVar[str] = "whoami"
    group: ClassVar[str] = "Help"
    examples: ClassVar[tuple[str, ...]] = ("whoami",)

    async def answer(self, world: World) -> Answer:
        actor = world.actor
        rights = await world.control.rights(actor)
        may = sorted(command.name for command in rights.commands())
        known = actor.person.startswith(f"{Door.SLACK}:")
        standing = await world.people.standing(actor.person) if known else None
        parts: list[Part] = [_identity(actor, standing), Text(text=f"You may: {listed(may)}.")]
        data: dict[str, Any] = {
            "id": actor.id,
            "name": actor.name,
            "door": actor.door,
            "role": actor.role.label,
            "role_from": standing.source if standing else None,
            "on_behalf_of": actor.behalf or None,
            "commands": may,
        }
        try:
            host = world.use(TellsAccess)
            access = await host.access()
        except OpsError as error:
            words = " ".join(w for w in (error.summary, error.why, error.who) if w)
            parts.append(Text(text=f"The host cannot be asked: {words}"))
            data["host"] = None
        else:
            parts.append(_access(host.vendor, access, world.now()))
            data["host"] = {"vendor": host.vendor, **_access_json(access)}
        parts.append(Offers(offers=(Offer(label="Help", line="help"),)))
        return Answer(
            title=f"You are {actor.name}, {actor.role.label}", parts=tuple(parts), data=data
        )


def _identity(actor: Actor, standing: Standing | None) -> Facts:
    source = standing.words if standing else "the owner of the bot's data folder"
    because = f"from {source}"
    acts: tuple[Fact, ...] = ()
    if actor.behalf:
        made = mention(actor.behalf)
        acts = (Fact(label="Acts for", value=f"{made}, who made this API key"),)
        has = f"{standing.role.label}, {because}" if standing else f"admin, {because}"
        because = f"the key's own, and never more than {made} has ({has})"
    return Facts(
        facts=(
            Fact(label="Known as", value=actor.key),
            *acts,
            Fact(label="Role", value=f"{actor.role.label}, {because}"),
        )
    )


def _access(vendor: str, access: Access, now: datetime) -> Facts:
    facts = [
        Fact(label=f"{vendor} is asked with", value=f"{access.kind} of {access.owner}"),
        Fact(label="It reaches", value=listed(access.places) or "nothing"),
        Fact(label="It may", value=listed(access.rights)),
    ]
    if access.limits:
        facts.append(Fact(label="It may not", value=listed(access.limits, "or")))
    if access.remaining is not None:
        left = f"{access.remaining:,}"
        left += f" of {access.limit:,}" if access.limit is not None else ""
        left += f", anew {until(access.resets_at, now)}" if access.resets_at else ""
        facts.append(Fact(label="Requests left this hour", value=left))
    return Facts(facts=tuple(facts))


def _access_json(access: Access) -> dict[str, Any]:
    return {
        "kind": access.kind,
        "owner": access.owner,
        "places": list(access.places),
        "rights": list(access.rights),
        "limits": list(access.limits),
        "requests_left": access.remaining,
        "requests_limit": access.limit,
        "resets_at": access.resets_at.isoformat() if access.resets_at else None,
    }
