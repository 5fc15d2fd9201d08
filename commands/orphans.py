"""Find what was begun and never finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from commands.instance_state import InstanceStatus
from commands.instances import Instance, all_instances, instance_lock
from commands.marks import MarkKind
from commands.run_view import status_words
from commands.situation import Situations
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Table, Text
from engine.command import Question
from engine.errors import NotFound
from engine.ways_on import clean_up, ways_on
from engine.words import about, listed, plural, typed

if TYPE_CHECKING:
    from collections.abc import Set

    from engine.run import RunView
    from engine.world import World

_MOST = 4
"""Orphans that get buttons: three each still fit into a row or two."""
_GONE = "cannot be: its creation has ended, and nothing brings a lost part and its data back"


class ListOrphans(Question):
    """List instances whose creation never came to its end, or that lack a part.

    Each can be finished where its creation is known and can go on (what is in the way is said),
    adopted as it is, or deleted with the usual grace. One that its unfinished run still has is
    finished or cleaned up first. An instance that is merely unknown to this bot's own records is
    no orphan.
    """

    name: ClassVar[str] = "orphans"
    role: ClassVar[Role] = Role.DEPLOYER
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("orphans",)

    async def answer(self, world: World) -> Answer:
        taken = frozenset(await world.locks.taken())
        found = [
            orphan
            for instance in await all_instances(world)
            if (orphan := await _orphan(world, instance, taken))
        ]
        held = [o for o in found if o.holder is not None]
        now, situations = world.now(), await Situations.read(world)
        offers = [offer for orphan in found[:_MOST] for offer in orphan.offers(situations)]
        return Answer(
            title=plural(len(found), "orphan") if found else "No orphans",
            parts=(
                Table(
                    columns=("Name", "Why", "To finish it", "Age", "Project"),
                    rows=tuple(
                        (
                            o.instance.name,
                            o.why,
                            typed(o.finish) if o.finish else o.unfinishable,
                            about(now - o.instance.space.created_at),
                            o.instance.space.name,
                        )
                        for o in found
                    ),
                    links={
                        o.instance.name: o.instance.space.console_url
                        for o in found
                        if o.instance.space.console_url
                    },
                    empty="Everything that was begun is finished or under way.",
                ),
                *([Text(text=_held(held))] if held else []),
                *([Text(text=_others(found[_MOST:]))] if found[_MOST:] else []),
                Offers(offers=tuple(offers)),
            ),
            data={"orphans": [o.as_json() for o in found]},
        )


def _others(rest: list[_Orphan]) -> str:
    name = rest[0].instance.name
    return (
        f"The buttons are for the first {_MOST}. For the {plural(len(rest), 'other')}, type what"
        f" finishes it, or for example `{typed(f'adopt {name}')}` or `{typed(f'delete {name}')}`."
    )


def _held(held: list[_Orphan]) -> str:
    names = listed([o.instance.name for o in held])
    return (
        f"The run that began {names} ended and still holds it: finish it or remove what it made;"
        " to adopt or delete it, it has to be free."
    )


@dataclass(frozen=True)
class _Orphan:
    instance: Instance
    why: str
    finish: str
    """The command line that goes on with its creation; empty: none can."""
    unfinishable: str
    """Why none can."""
    holder: RunView | None
    """A run that is over and still has it."""

    def as_json(self) -> dict[str, Any]:
        found = {"reason": self.why, "finish": self.finish or None}
        return self.instance.as_json() | found

    def offers(self, situations: Situations) -> list[Offer]:
        """What can be done about it now. While its unfinished run has it, only that run can be
        gone on with or be cleaned up."""
        name, offers = self.instance.name, []
        if self.finish:
            offers.append(Offer(label=f"Finish {name}", line=self.finish, style="primary"))
        if self.holder is not None:
            return [*offers, *clean_up(self.holder)]
        offers += situations.offers([self.instance])
        offers.append(Offer(label=f"Delete {name}", line=f"delete {name}"))
        return offers


async def _orphan(world: World, instance: Instance, taken: Set[str]) -> _Orphan | None:
    """None for whatever is whole, adopted without what it lacks, under way, or to be deleted
    anyway."""
    lock = instance_lock(instance.name)
    holder = await world.control.holder_of(lock) if lock in taken else None
    if instance.deletion_at is not None or (holder is not None and not holder.status.over):
        return None
    if instance.mark.kind != MarkKind.CREATING:
        if not (new := instance.unaccounted):
            return None
        why = f"{' and '.join(new)} missing"
        return _Orphan(instance, why, "", _GONE, holder)
    if instance.status == InstanceStatus.PROVISIONING:
        return None  # alive, or so young that another bot may be at work on it
    maker = await _maker(world, instance)
    if maker is None:
        run_id = instance.mark.run_id
        why = f"begun by run {run_id}, which is not known here"
        unknown = f"cannot be here: only the bot that began run {run_id} knows its steps"
        return _Orphan(instance, why, "", unknown, holder)
    words = status_words(maker.status)
    finish = next((o.line for o in ways_on(maker) if o.line == f"retry {maker.id}"), "")
    over = f"cannot be: run {maker.id} is {words} and does not go on"
    return _Orphan(
        instance,
        f"begun by run {maker.id}, which is over: {words}",
        finish,
        "" if finish else over,
        holder,
    )


async def _maker(world: World, instance: Instance) -> RunView | None:
    """The run that was making it, if our records know it."""
    try:
        return await world.control.show(instance.mark.run_id)
    except NotFound:
        return None
