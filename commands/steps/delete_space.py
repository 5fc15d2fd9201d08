"""Delete a space whose time has come, and see that it is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from commands.expiry import APART, clock_trouble
from commands.steps.patience import waits
from commands.steps.places import Place
from engine.capabilities import HostsSpaces
from engine.step import Result, Step, StepContext, StepFailed

GONE_WITHIN = timedelta(seconds=90)
"""How long a deleted space may still show. Source: as for reads after other writes, see
`patience`."""


class DeleteSpace(Step):
    """Only while its mark is what it was when the run was planned, and not before `due` by our
    clock and by the host's; without `due` at once."""

    kind: ClassVar[str] = "delete_space"

    space: Place
    seen: str
    due: datetime | None = None
    expected: timedelta = timedelta(seconds=5)

    def describe(self) -> str:
        return f"Delete the project {self.space.name} with everything in it"

    async def run(self, ctx: StepContext) -> Result:
        hosts, space_id = ctx.use(HostsSpaces), ctx.value(self.space.id)
        while (space := await hosts.space(space_id)) is not None:
            if space.mark != self.seen:
                raise StepFailed(
                    f"The project {space.name} is not to be deleted any more.",
                    why=f"Its mark now says “{space.mark}”; it was left as it is.",
                )
            if self.due is None:
                break
            now = ctx.now()
            if trouble := clock_trouble(now, hosts):
                raise StepFailed(
                    "Nothing was deleted: it is not known what time it is.", why=trouble
                )
            early = self.due - min(now, hosts.host_time() or now)
            if early <= timedelta():
                break
            if early > APART:
                raise StepFailed(
                    f"The time of {space.name} has not come.", why=f"It is due at {self.due}."
                )
            await ctx.pause(early)
        else:
            return {"deleted": True}
        await hosts.delete_space(space_id)
        for wait in waits(GONE_WITHIN):
            if await hosts.space(space_id) is None:
                return {"deleted": True}
            await ctx.note("Waiting until it is gone")
            await ctx.pause(wait)
        raise StepFailed(
            f"The project {space.name} is still there.",
            why="The host took the deletion and still shows it.",
            link=space.console_url,
        )
