"""What was deployed of a service before, and the way back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.capabilities import DeployState, RunsServices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.instances import Instance
    from engine.capabilities import Deployment, Service
    from engine.world import World

RAN = (DeployState.RUNNING, DeployState.REMOVED, DeployState.CRASHED)
"""In one of these is what was built and started."""
_LOOK_BACK = 50
_ENOUGH = 13
"""Characters of an id that tell one deployment of a service from the others: two groups."""


@dataclass(frozen=True)
class History:
    """Deployments of one service, newest first."""

    deployments: Sequence[Deployment]

    @property
    def newest(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None

    @property
    def running(self) -> Deployment | None:
        """What answers now; None when nothing does."""
        return next((d for d in self.deployments if d.state == DeployState.RUNNING), None)

    @property
    def replaced(self) -> Deployment | None:
        """What a new one takes the place of: what answers, else what did so last."""
        ended = (DeployState.CRASHED, DeployState.REMOVED)
        return self.running or next((d for d in self.deployments if d.state in ended), None)

    @property
    def branch(self) -> str:
        """That the newest deployment was built from; empty when it does not tell."""
        return next((d.branch for d in self.deployments if d.branch), "")

    @property
    def commits(self) -> Sequence[str]:
        """In full, newest first."""
        return [d.commit for d in self.deployments if d.commit]

    @property
    def choices(self) -> Sequence[Deployment]:
        """What can be rolled back to: the host still can, it once ran, and it is not the newest
        one, which is in place anyway."""
        return [
            d
            for place, d in enumerate(self.deployments)
            if d.can_roll_back
            and d.state in RAN
            and not (place == 0 and d.state != DeployState.REMOVED)
        ]

    def find(self, wanted: str) -> Deployment | None:
        """By the beginning of its id or of its commit; rather one that can be rolled back to."""
        fits = [
            d for d in self.deployments if d.id.startswith(wanted) or d.commit.startswith(wanted)
        ]
        possible = [d for d in fits if d in self.choices]
        return next(iter(possible + fits), None)


async def history_of(world: World, instance: Instance, service: Service) -> History:
    found = await world.use(RunsServices).deployments(instance.space, service.id, limit=_LOOK_BACK)
    return History(found)


ROLL_BACK = "Roll back"
"""What the way back from a deployment is called once that has failed."""


def undo_line(instance: Instance, replaced: Deployment | None, *, start: str) -> str:
    """Back to what is in place now, for as long as nothing else took the place of what the step
    `start` deploys. Whether the host still can is asked when it comes to that."""
    if replaced is None:
        return ""
    return (
        f"rollback {instance.name} {replaced.id[:_ENOUGH]}"
        f" --over {{{start}.deployment_id:{_ENOUGH}}}"
    )


def meanwhile(history: History, newcomer: str) -> str:
    """What answers until `newcomer` does."""
    if history.running is None:
        return f"Nothing answers now; {newcomer} does once it runs."
    return f"What runs now keeps answering until {newcomer} does."
