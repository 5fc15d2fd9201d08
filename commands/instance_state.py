"""In which state an instance is, told from its mark, its services and its run. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from commands.marks import Mark, MarkKind
from engine.capabilities import DeployState
from engine.run import RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from engine.blueprint import Blueprint
    from engine.capabilities import Service, Space
    from engine.run import RunBrief

CREATION_TAKES_AT_MOST = timedelta(hours=1)
"""A space still marked as being created after this, by a run that we do not know, has failed."""


class InstanceStatus(StrEnum):
    """The words that scripts rely on."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    DELETION_SCHEDULED = "deletion_scheduled"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


def state_of(
    space: Space, blueprint: Blueprint, *, run: RunBrief | None, now: datetime
) -> tuple[InstanceStatus, str]:
    """The state, and in one line why it is not simply running. `run` is the one that the mark
    names, if our database knows it."""
    mark = Mark.parse(space.mark)
    match mark.kind:
        case MarkKind.SCHEDULED:
            return InstanceStatus.DELETION_SCHEDULED, ""
        case MarkKind.CREATING:
            return _creation(space, blueprint, mark, run, now - space.created_at)
    return _by_services(space, blueprint, made=mark.kind == MarkKind.READY)


def _creation(
    space: Space, blueprint: Blueprint, mark: Mark, run: RunBrief | None, age: timedelta
) -> tuple[InstanceStatus, str]:
    if run is None:
        if age < CREATION_TAKES_AT_MOST:
            return InstanceStatus.PROVISIONING, f"being made by run {mark.run_id}"
        return InstanceStatus.FAILED, f"run {mark.run_id} never finished it"
    if run.status == RunStatus.SUCCEEDED:
        return _by_services(space, blueprint, made=True)
    if run.status.over:
        return InstanceStatus.FAILED, f"run {run.id} {run.status.replace('_', ' ')}"
    return InstanceStatus.PROVISIONING, f"being made by run {run.id}"


def _by_services(space: Space, blueprint: Blueprint, *, made: bool) -> tuple[InstanceStatus, str]:
    """`made`: it was healthy once, so what is under way now replaces something that runs."""
    names = blueprint.parts
    if missing := [name for name in names if space.service(name) is None]:
        gone = blueprint.front.name in missing
        status = InstanceStatus.FAILED if gone else InstanceStatus.UNHEALTHY
        return status, f"{' and '.join(missing)} missing"
    states = {name: _state(space.service(name)) for name in names}
    for name, state in states.items():
        if state in (DeployState.FAILED, DeployState.CRASHED, DeployState.REMOVED):
            first_ever = state == DeployState.FAILED and not made
            status = InstanceStatus.FAILED if first_ever else InstanceStatus.UNHEALTHY
            return status, f"{name}: the last deployment {_ENDED[state]}"
    under_way = [
        name for name, state in states.items() if not state.settled and state != DeployState.NONE
    ]
    if under_way and not made:
        return InstanceStatus.PROVISIONING, f"{' and '.join(under_way)} being deployed"
    if states[blueprint.front.name] == DeployState.NONE:
        return InstanceStatus.UNKNOWN, f"{blueprint.front.name} was never deployed"
    front = space.service(blueprint.front.name)
    if front is not None and not front.url:
        return InstanceStatus.UNHEALTHY, f"{front.name} has no public address"
    reason = f"{' and '.join(under_way)} being deployed anew" if under_way else ""
    return InstanceStatus.RUNNING, reason


_ENDED = {
    DeployState.FAILED: "failed",
    DeployState.CRASHED: "crashed",
    DeployState.REMOVED: "was removed",
}


def _state(service: Service | None) -> DeployState:
    return service.deployment.state if service and service.deployment else DeployState.NONE
