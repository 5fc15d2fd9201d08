"""What happens by itself, by the name it is put on the agenda under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.railway import backup_calls, deployments, projects, templates, volume_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.world import World

WORK = {**templates.WORK, **backup_calls.WORK}
"""The two halves of each kind of workflow."""


def begun(world: World, workflow_id: str) -> None:
    workflow = world.workflows[workflow_id]
    first, _ = WORK[workflow.kind]
    first(world, workflow)
    if workflow.status == "Running":
        low, high = world.settings.workflow_running
        seconds = world.chance.dice("workflow", workflow_id).uniform(low, high)
        world.later(seconds, "workflow.complete", workflow_id)


def completed(world: World, workflow_id: str) -> None:
    workflow = world.workflows[workflow_id]
    _, second = WORK[workflow.kind]
    second(world, workflow)


HAPPENINGS: dict[str, Callable[[World, str], None]] = {
    **deployments.HAPPENINGS,
    **projects.HAPPENINGS,
    **volume_calls.HAPPENINGS,
    "workflow.begin": begun,
    "workflow.complete": completed,
}
