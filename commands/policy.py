"""Show the policy in force, and why something is or is not allowed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from engine.actor import Actor, Door, Role
from engine.answer import Answer, Code, Offer, Offers, Part, Table, Text
from engine.approval import asked_anew
from engine.command import Argument, Completes, Question
from engine.errors import InvalidInput
from engine.lines import parse_line
from engine.words import plural, typed

if TYPE_CHECKING:
    from engine.permission import Ruling
    from engine.world import World


class ShowPolicy(Question):
    """Show the policy in force, or explain what it says about a command line.

    `policy explain delete acme --force` says whether you may do that, why, and by which line of
    the policy.
    """

    name: ClassVar[str] = "policy"
    group: ClassVar[str] = "People"
    examples: ClassVar[tuple[str, ...]] = (
        "policy",
        "policy explain delete acme --force",
        "policy explain create acme --as @ben",
    )

    what: Annotated[Literal["show", "explain"], Argument()] = Field(
        default="show", description="Show it, or explain what it says about a command line"
    )
    words: Annotated[tuple[str, ...], Argument(verbatim=True)] = Field(
        default=(), description="The command line to explain", examples=["delete acme"]
    )

    person: Annotated[str | None, Completes("person")] = Field(
        default=None,
        alias="as",
        description="Explain it for this person instead",
        examples=["@ben"],
    )

    async def answer(self, world: World) -> Answer:
        return await (self._explained(world) if self.what == "explain" else self._shown(world))

    async def _shown(self, world: World) -> Answer:
        standing = await world.control.policy()
        faults = standing.broken.faults if standing.broken else ()
        parts: list[Part] = []
        if faults:
            listed = "\n".join(f"• {fault}" for fault in faults)
            text = "The file was changed since and cannot be read, so this still holds."
            parts.append(Text(text=f"*{text}* {plural(len(faults), 'fault')}:\n{listed}"))
        parts.append(Code(text="\n".join(standing.loaded.lines), title=standing.loaded.name))
        return Answer(
            title=f"The policy in force is {standing.loaded.name}",
            parts=tuple(parts),
            data={
                "file": standing.loaded.name,
                "policy": standing.loaded.policy.model_dump(mode="json", by_alias=True),
                "faults": [
                    {"line": f.line, "column": f.column, "reason": f.reason} for f in faults
                ],
            },
        )

    async def _explained(self, world: World) -> Answer:
        if not self.words:
            raise InvalidInput(
                "Which command line is to be explained?",
                fields={"words": "is needed"},
                why="Nothing was named after `explain`.",
                who="You can type it again.",
                next_step=typed("policy explain delete acme"),
            )
        command = parse_line(world.registry, self.words)
        line = command.name if isinstance(command, type) else asked_anew(command.line())
        actor = await self._whose(world)
        rulings = await world.control.explain(actor, command)
        allowed = all(ruling.allowed for ruling in rulings)
        against = next((ruling for ruling in rulings if not ruling.allowed), None)
        parts: list[Part] = [
            Table(
                columns=("About", "Allowed", "Why", "Said by"),
                rows=tuple(_row(ruling, command.name, actor) for ruling in rulings),
            )
        ]
        if against is not None and against.who:
            parts.append(Text(text=against.who))
        parts.append(Offers(offers=(Offer(label="Show the policy", line="policy"),)))
        return Answer(
            title=f"`{line}` is {'' if allowed else 'not '}allowed to {_whom(actor)}",
            parts=tuple(parts),
            data={
                "line": line,
                "actor": actor.key,
                "role": actor.role.label,
                "allowed": allowed,
                "rulings": [_json(ruling) for ruling in rulings],
            },
        )

    async def _whose(self, world: World) -> Actor:
        """Raises NotFound for somebody who is not known."""
        if self.person is None:
            return world.actor
        found = await world.people.find(self.person)
        if found.is_group:
            raise InvalidInput(
                f"`{self.person}` is a group; it is explained for one person.",
                fields={"as": "is a group"},
                why="Its members can have other roles besides.",
                who="You can name one of them.",
                next_step=typed("policy explain delete acme --as @somebody"),
            )
        door, _, name = found.key.partition(":")
        return await world.people.now(
            Actor(door=Door(door), id=name, name=found.name or name, role=Role.VIEWER)
        )


def _whom(actor: Actor) -> str:
    return f"{actor.name} ({actor.role.label})"


def _row(ruling: Ruling, name: str, actor: Actor) -> tuple[str, ...]:
    text = ruling.text.replace("; yours is ", f"; {actor.name} is ")
    why = " ".join(part for part in (text, ruling.why) if part)
    said_by = str(ruling.quote) if ruling.quote else f"the definition of {name}"
    return (ruling.about, "yes" if ruling.allowed else "no", why, said_by)


def _json(ruling: Ruling) -> dict[str, Any]:
    quote = ruling.quote
    return {
        "about": ruling.about,
        "allowed": ruling.allowed,
        "text": ruling.text,
        "why": ruling.why or None,
        "who": ruling.who or None,
        "file": quote.file if quote else None,
        "line": quote.line if quote else None,
        "quote": quote.text if quote else None,
    }
