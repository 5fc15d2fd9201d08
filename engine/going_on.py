"""Whether a run that exists can be gone on with, or what it made be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.approval import asked_anew
from engine.errors import PlanStale, Refused
from engine.run import MOVES, RunStatus

if TYPE_CHECKING:
    from engine.run import RunView


def check_again(run: RunView, *, removing: bool) -> None:
    """Raises Refused, or PlanStale, where there is nothing to go on with, or to remove."""
    if run.forbidden:
        raise Refused(
            f"Run `{run.id}` can never begin: it was not approved.",
            why=run.trouble.summary if run.trouble else "",
            who="You can ask for it anew.",
            next_step=f"/luthien {asked_anew(run.line)}",
        )
    if (run.status, RunStatus.QUEUED) not in MOVES or run.status is RunStatus.WAITING:
        raise nothing_to_do(run, removing=removing)
    if removing and not run.left and run.status != RunStatus.ERRORED:
        raise Refused(
            f"Run `{run.id}` left nothing behind that could be removed.",
            why="What it made is removed already, or it made nothing.",
            who="Anybody may look at it.",
            next_step=f"/luthien run {run.id}",
        )
    if not removing and run.outdated:
        raise PlanStale(
            f"Run `{run.id}` cannot go on where it stopped: `{run.subject}` was changed since.",
            why="A later run about the same has succeeded.",
            who="You can ask for the same anew.",
            next_step=f"/luthien {run.line}",
        )


def nothing_to_do(run: RunView, *, removing: bool) -> Refused:
    return Refused(
        f"There is nothing to {'remove' if removing else 'try again'} in run `{run.id}`.",
        why=f"Its state is {run.status.replace('_', ' ')}.",
        who="Anybody may look at it.",
        next_step=f"/luthien run {run.id}",
    )
