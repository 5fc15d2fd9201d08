"""Tells once which gateways lack settings that they are built and run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands import service_settings
from commands.instances import dockerfiles_asked
from commands.repair import repairs
from commands.service_settings import ASKED, consequences
from engine.answer import Offer
from engine.memory import Revision
from engine.notices import Notice
from engine.words import some

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from commands.instances import Instance
    from engine.memory import Remembered
    from engine.world import World

KIND = "missing settings"
"""Under which it is remembered, by space, what of which gateway was told."""
_NAMED = 20


async def report(
    world: World, lacking: Sequence[Instance], whole: Collection[str]
) -> tuple[list[Revision], list[Notice]]:
    """What to remember and what to tell, of the instances that lack settings, and of the spaces of
    those that lack none. Each is told once, and again only when it lacks something more or lost
    its settings after a repair."""
    known = await world.memory.recall(KIND)
    repaired = sorted(known.keys() & set(whole))
    revisions = [Revision(KIND, one, known[one].version, None) for one in repaired]
    fresh: list[Instance] = []
    for instance in lacking:
        before, missing = known.get(instance.space.id), list(instance.missing_settings.given)
        if not set(missing) <= set(_told(before)):
            fresh.append(instance)
            value = {"name": instance.name, "missing": missing}
            seen = before.version if before else 0
            revisions.append(Revision(KIND, instance.space.id, seen, value))
    if not fresh:
        return revisions, []
    return revisions, [_notice(world, await dockerfiles_asked(world, fresh, most=ASKED))]


async def forgotten(world: World, there: Sequence[str]) -> list[Revision]:
    """For spaces that exist no more; `there`: those that do."""
    known = await world.memory.recall(KIND)
    gone = sorted(known.keys() - set(there))
    return [Revision(KIND, space_id, known[space_id].version, None) for space_id in gone]


def _told(before: Remembered | None) -> Sequence[str]:
    return before.value.get("missing", ()) if before else ()


def _notice(world: World, fresh: Sequence[Instance]) -> Notice:
    names = [instance.name for instance in fresh]
    groups = [
        f"{some([f'*{name}*' for name in alike], most=_NAMED)}: {what}."
        for alike, what in consequences(fresh)
    ]
    return Notice(
        key=f"settings:{world.now():%Y%m%dT%H%M%S%f}",
        text=f"⚠️ {service_settings.lacking(len(names))}. {' '.join(groups)} A repair sets them and"
        " deploys nothing.",
        offers=(*repairs(names), Offer(label="Show", line="repair")),
    )
