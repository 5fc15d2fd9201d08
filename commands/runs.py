"""List the latest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from commands.names import KnownInstance
from commands.run_view import RUN_COLUMNS, run_json, run_row
from engine.answer import Answer, Offer, Offers, Table
from engine.command import Argument, Completes, Question
from engine.words import plural

if TYPE_CHECKING:
    from engine.world import World


class ListRuns(Question):
    """List the latest runs, of everything or of one instance, newest first."""

    name: ClassVar[str] = "runs"
    group: ClassVar[str] = "Runs"
    examples: ClassVar[tuple[str, ...]] = ("runs", "runs acme")

    instance: Annotated[KnownInstance | None, Argument(), Completes("instance")] = Field(
        default=None, description="Only runs about this instance", examples=["acme"]
    )
    limit: int = Field(default=20, ge=1, le=100, description="How many to show")

    async def answer(self, world: World) -> Answer:
        runs = await world.control.list_runs(subject=self.instance, limit=self.limit)
        about = f" of {self.instance}" if self.instance else ""
        active = [run for run in runs if not run.status.over]
        title = f"{plural(len(runs), 'run')}{about}" if runs else f"No runs{about} yet"
        if active:
            title += f", {len(active)} under way"
        return Answer(
            title=title,
            parts=(
                Table(
                    columns=RUN_COLUMNS,
                    rows=tuple(run_row(run, world.now()) for run in runs),
                    links={run.id: run.thread_url for run in runs if run.thread_url},
                    empty="Nothing was run so far.",
                ),
                Offers(
                    offers=tuple(
                        Offer(label=f"Show {run.id}", line=f"run {run.id}")
                        for run in (active or runs)[:3]
                    )
                ),
            ),
            data={"runs": [run_json(run) for run in runs]},
        )
