"""Find what was begun and never finished."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from commands.instance_state import InstanceStatus
from commands.instances import BLUEPRINT, Instance, all_instances, instance_lock
from commands.marks import MarkKind
from commands.situation import Situations
from engine.actor import Role
from engine.answer import Answer, Offer, Offers, Table
from engine.command import Question
from engine.errors import NotFound
from engine.run import RunStatus
from engine.ways_on import clean_up
from engine.words import about, plural

if TYPE_CHECKING:
    from engine.blueprint import Blueprint
    from engine.run import RunView
    from engine.world import World

_UNFINISHED = (RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.ERRORED)
_MOST = 4
"""Orphans that get buttons: three each still fit into a row or two."""


class ListOrphans(Question):
    """List instances whose creation never came to its end, or that lack a part.

    Each can be finished, taken as it is, or deleted with the usual grace. An instance that is
    merely unknown to this bot's own records is none.
    """

    name: ClassVar[str] = "orphans"
    role: ClassVar[Role] = Role.DEPLOYER
    group: ClassVar[str] = "Housekeeping"
    examples: ClassVar[tuple[str, ...]] = ("orphans",)

    async def answer(self, world: World) -> Answer:
        blueprint = world.blueprint(BLUEPRINT)
        found = [
            (instance, why)
            for instance in await all_instances(world)
            if (why := await _why(world, instance, blueprint))
        ]
        now, situations = world.now(), await Situations.read(world)
        offers = [
            offer
            for instance, _ in found[:_MOST]
            for offer in await _offers(world, instance, situations)
        ]
        return Answer(
            title=plural(len(found), "orphan") if found else "No orphans",
            parts=(
                Table(
                    columns=("Name", "Why", "Age", "Project"),
                    rows=tuple(
                        (i.name, why, about(now - i.space.created_at), i.space.name)
                        for i, why in found
                    ),
                    links={i.name: i.space.console_url for i, _ in found if i.space.console_url},
                    empty="Everything that was begun is finished or under way.",
                ),
                Offers(offers=tuple(offers)),
            ),
            data={"orphans": [i.as_json(blueprint) | {"reason": why} for i, why in found]},
        )


async def _why(world: World, instance: Instance, blueprint: Blueprint) -> str:
    """Empty for whatever is whole, under way, or to be deleted anyway."""
    holder = await world.control.holder_of(instance_lock(instance.name))
    if instance.deletion_at is not None or (holder is not None and not holder.status.over):
        return ""
    if instance.mark.kind == MarkKind.CREATING:
        if instance.status == InstanceStatus.PROVISIONING:
            return ""  # alive, or so young that another bot may be at work on it
        maker = await _maker(world, instance)
        if maker is None:
            return f"begun by run {instance.mark.run_id}, which is not known here"
        return f"begun by run {maker.id}, which is over: {maker.status.replace('_', ' ')}"
    lacks = instance.missing(blueprint)
    return f"{' and '.join(lacks)} missing" if lacks else ""


async def _maker(world: World, instance: Instance) -> RunView | None:
    """The run that was making it, if our records know it."""
    try:
        return await world.control.show(instance.mark.run_id)
    except NotFound:
        return None


async def _offers(world: World, instance: Instance, situations: Situations) -> list[Offer]:
    """What can be done about it now. While its unfinished run holds it, only that run can be gone
    on with or be cleaned up."""
    name, offers = instance.name, []
    holder = await world.control.holder_of(instance_lock(name))
    maker = await _maker(world, instance) if instance.mark.run_id else None
    if maker is not None and maker.status in _UNFINISHED:
        offers.append(Offer(label=f"Finish {name}", line=f"retry {maker.id}", style="primary"))
    if holder is not None:
        if holder.left:
            offers += clean_up(holder)
        return offers
    offers += situations.offers([instance])
    offers.append(Offer(label=f"Delete {name}", line=f"delete {name}"))
    return offers
