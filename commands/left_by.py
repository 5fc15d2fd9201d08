"""What an earlier run has written, so that it can be led back from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import NotFound
from engine.words import typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from commands.instances import Instance
    from engine.step import Step
    from engine.world import World


async def left_by(
    world: World, wanted: str, instance: Instance, kind: type[Step], *, where: str, nothing: str
) -> Mapping[str, Any]:
    """The result of the run's step of this kind, which holds what was `before` and `after` it.

    Raises NotFound where the run is about something else, or left nothing: `nothing` says why,
    `where` in what (`the settings`).
    """
    run = await world.control.show(wanted)
    written = next((s.result for s in run.steps if s.kind == kind.kind), {})
    if run.subject == instance.name and written.get("before") and written.get("after"):
        return written
    raise NotFound(
        f"Run `{run.id}` leaves nothing to undo in {where} of `{instance.name}`.",
        why=f"It is about {run.subject or 'something else'}."
        if run.subject != instance.name
        else nothing,
        who="Anybody may look at it.",
        next_step=typed(f"run {run.id}"),
    )
