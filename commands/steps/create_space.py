"""Make the isolated place in which everything else is made."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from commands.marks import Mark
from commands.steps.patience import look
from commands.steps.places import as_result
from engine.capabilities import HostsSpaces, Space
from engine.step import Result, Step, StepContext, StepFailed
from engine.words import duration

if TYPE_CHECKING:
    from collections.abc import Mapping


class CreateSpace(Step):
    """Its mark names the run, so that a repeated try finds what an interrupted one has made, and
    clean-up removes nothing of anybody else's."""

    kind: ClassVar[str] = "create_space"

    name: str
    full_name: str = ""
    """The instance's name where the space's had to be shortened; then it stands in the mark."""
    expected: timedelta = timedelta(seconds=3)

    def describe(self) -> str:
        return f"Create the project {self.name}"

    async def run(self, ctx: StepContext) -> Result:
        hosts = ctx.use(HostsSpaces)
        space = await look(ctx, lambda: hosts.find_space(self.name))
        if space is None:
            mark = Mark.creating(ctx.run_id, name=self.full_name)

            async def waiting(left: timedelta) -> None:
                await ctx.note(
                    "the host makes new projects one after the other; ours comes in about"
                    f" {duration(left)}"
                )

            space = await hosts.create_space(
                self.name, mark=str(mark), waiting=waiting, asker=ctx.actor
            )
        elif not _made_by(ctx.run_id, space):
            raise StepFailed(
                f"A project named {self.name} has appeared since this was planned.",
                why=f"It is not this run's: {_whose(space)}. It was left as it is.",
                link=space.console_url,
            )
        await ctx.created("project", space.id, space.name)
        return as_result(space)

    async def recall(self, ctx: StepContext) -> None:
        hosts = ctx.use(HostsSpaces)
        space = await look(ctx, lambda: hosts.find_space(self.name))
        if space is not None and _made_by(ctx.run_id, space):
            await ctx.created("project", space.id, space.name)

    async def undo(self, ctx: StepContext, created: Mapping[str, str]) -> None:
        """A space that cannot be read is deleted by its id: it may merely not show yet, and
        deleting one that is gone does nothing."""
        hosts = ctx.use(HostsSpaces)
        for space_id, name in created.items():
            space = await hosts.space(space_id)
            if space is not None and not _made_by(ctx.run_id, space):
                raise StepFailed(
                    f"The project {name} was left alone: its mark no longer names this run.",
                    why=f"{_whose(space).capitalize()}.",
                )
            await hosts.delete_space(space_id)


def _made_by(run_id: str, space: Space) -> bool:
    return Mark.parse(space.mark).run_id == run_id


def _whose(space: Space) -> str:
    mark = Mark.parse(space.mark)
    return f"run {mark.run_id} made it" if mark.run_id else f"its mark says “{space.mark}”"
