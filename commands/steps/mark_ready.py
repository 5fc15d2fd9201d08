"""Write into the space's mark that the instance is finished."""

from __future__ import annotations

from typing import ClassVar

from commands.marks import Mark, MarkKind
from commands.steps.places import Place
from engine.capabilities import HostsSpaces
from engine.step import Result, Step, StepContext, StepFailed


class MarkReady(Step):
    """Only over this run's own mark: a deletion that somebody scheduled meanwhile stays."""

    kind: ClassVar[str] = "mark_ready"

    space: Place
    full_name: str = ""

    def describe(self) -> str:
        return "Mark it ready"

    async def run(self, ctx: StepContext) -> Result:
        hosts, space_id = ctx.use(HostsSpaces), ctx.value(self.space.id)
        space = await hosts.space(space_id)
        if space is None:
            raise StepFailed(
                f"The project {ctx.value(self.space.name)} is gone.",
                why="Somebody deleted it while this run was under way.",
            )
        mark = Mark.parse(space.mark)
        ready = Mark.ready(name=self.full_name)
        if mark == ready:
            return {"mark": str(ready)}
        if mark.run_id != ctx.run_id and mark.kind != MarkKind.EMPTY:
            raise StepFailed(
                f"The project {space.name} was taken over while this run was under way.",
                why=f"Its mark now says “{space.mark}”; it was left as it is.",
            )
        await hosts.mark_space(space_id, str(ready))
        return {"mark": str(ready)}
