"""Work that outlives its mutation: unknown at first, then running, then complete."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

from sandbox.railway.records import Workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.railway.identity import Call
    from sandbox.railway.world import World

LETTERS = string.ascii_letters + string.digits


def begin(world: World, prefix: str, kind: str, **more: Any) -> Workflow:
    """Start one: its first half happens once it is known, its second when it completes."""
    settings = world.settings
    nano = world.chance.letters(21, LETTERS, prefix, len(world.workflows))
    hidden = world.takes(settings.workflow_hidden)
    workflow = world.workflows.add(
        Workflow(f"{prefix}/{nano}", kind, world.now() + hidden, **more)
    )
    world.later(settings.workflow_hidden, "workflow.begin", workflow.id)
    return workflow


def status(_: None, call: Call, workflow_id: str) -> dict[str, str | None]:
    call.known()
    workflow = call.world.workflows.get(workflow_id)
    if workflow is None or workflow.visible_at > call.world.now():
        return {"status": "NotFound", "error": None}
    if workflow.project_id is not None:
        call.project(workflow.project_id)
    return {"status": workflow.status, "error": workflow.error}


FIELDS: dict[str, Callable[..., Any]] = {"Query.workflowStatus": status}
