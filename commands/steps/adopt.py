"""Finding the deployment that an interrupted try of this run has started."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from commands.steps.patience import look
from engine.capabilities import DeployState, RunsServices

if TYPE_CHECKING:
    from engine.capabilities import Deployment, Space
    from engine.step import StepContext

_DEAD = (DeployState.FAILED, DeployState.CRASHED, DeployState.REMOVED)


async def started_already(
    ctx: StepContext, space: Space, service_id: str, *, after: str, commit: str, branch: str = ""
) -> Deployment | None:
    """A living deployment of the wanted code that is newer than the one the plan knew."""

    async def find() -> Deployment | None:
        known = await ctx.use(RunsServices).deployments(space, service_id)
        newer = takewhile(lambda d: d.id != after, known)
        return next(
            (
                d
                for d in newer
                if d.state not in _DEAD
                and d.commit.startswith(commit)
                and (not branch or d.branch in ("", branch))
            ),
            None,
        )

    return await look(ctx, find)


def goes_out(deployment: Deployment, replaces: str) -> str:
    """Which commit goes out over which: `7be41f0 (Judge policy: …) over 0c0da23`."""
    words = deployment.commit[:7] or "An image"
    if deployment.commit_message:
        words += f" ({deployment.commit_message.splitlines()[0]})"
    over = replaces[:7]
    if not over:
        return f"{words} goes out"
    same = bool(deployment.commit) and deployment.commit.startswith(replaces)
    return f"{words} goes out again" if same else f"{words} goes out over {over}"
