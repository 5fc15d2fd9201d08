"""Replace the mark of a space that existed before the run."""

from __future__ import annotations

from typing import ClassVar

from commands.steps.places import Place
from engine.capabilities import HostsSpaces
from engine.step import Result, Step, StepContext, StepFailed


class ReplaceMark(Step):
    """Only over the mark that was seen when the run was planned: whatever anybody else wrote
    meanwhile stays."""

    kind: ClassVar[str] = "replace_mark"

    space: Place
    title: str
    seen: str
    mark: str

    def describe(self) -> str:
        return self.title

    async def run(self, ctx: StepContext) -> Result:
        hosts, space_id = ctx.use(HostsSpaces), ctx.value(self.space.id)
        space = await hosts.space(space_id)
        if space is None:
            raise StepFailed(
                f"The project {ctx.value(self.space.name)} is gone.",
                why="Somebody deleted it meanwhile.",
            )
        if space.mark != self.mark:
            if space.mark != self.seen:
                raise StepFailed(
                    f"The project {space.name} was changed while this run was under way.",
                    why=f"Its mark now says “{space.mark}”; it was left as it is.",
                )
            await hosts.mark_space(space_id, self.mark)
        return {"mark": self.mark}
